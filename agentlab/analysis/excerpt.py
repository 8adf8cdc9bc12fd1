"""An excerpt of a run: the step of one rollout in which the answer changed from one agent to the next."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agentlab.judges import recorded
from agentlab.judges.inputs import text_input
from agentlab.judges.match import Match, MatchConfig
from agentlab.runs.frames import Run
from agentlab.runs.transcript.find import address
from agentlab.runs.transcript.record import Record
from agentlab.text import line
from agentlab.types import OUTPUT, VARIABLE, Message, MessageKind, Task

MOST, LONGEST = 40, 140
"""Rollouts that are looked at, and characters of a quote."""
AFTER = 20
"""Characters of a quote behind its answer."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One message, as far as it is shown."""

    sender: str
    to: str
    round: int
    text: str
    """On one line, around the answer."""
    answer: str | None = None
    right: bool | None = None
    """None where a judge gives neither all nor nothing for it."""

    def __str__(self) -> str:
        judged = {True: " (right)", False: " (wrong)", None: ""}[self.right]
        answer = "" if self.answer is None else f": {line(self.answer, 40)}{judged}"
        return f"round {self.round}, {line(self.sender)} to {line(self.to)}{answer}"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Two messages between which the answer changed; else the first of the rollout."""

    rollout: str
    """By its coordinates, as `agentlab show RUN --rollout` takes them."""
    quotes: tuple[Quote, ...]

    def __str__(self) -> str:
        what = "where the answer changed" if len(self.quotes) > 1 else "its first message"
        return f"From {line(self.rollout, 200)}, {what}:"


def excerpt(run: Run) -> Excerpt | None:
    """Of the first rollouts of several agents, one whose output has the changed answer comes before any other.

    Answers are read as the run's first judge of kind `match` reads them. None where no agent wrote to another.
    """
    judge, candidates = _judge(run), list[tuple[int, Excerpt]]()
    for row in _talked(run):
        record = run.rollout(row["rollout"]).record
        quotes = _quotes(record, judge)
        if not any(quote.to != _name(OUTPUT) for quote in quotes):
            continue
        rank, chosen = _step(quotes)
        candidates.append(
            (
                rank,
                Excerpt(address({name: row[name] for name in ("task", *run.factors, "draw")}, row["rollout"]), chosen),
            )
        )
        if rank == 0:
            break
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _judge(run: Run) -> Match | None:
    documents = {name: document for name, document in recorded(run.meta).items() if document.get("kind") == "match"}
    return next((Match(name, MatchConfig.model_validate(document)) for name, document in documents.items()), None)


def _talked(run: Run) -> Sequence[Mapping[Hashable, Any]]:
    """Finished rollouts of conditions with several agents."""
    several = run.conditions.loc[(run.conditions["agents"] > 1).fillna(False), "condition"]
    rows = run.rollouts[run.rollouts["condition"].isin(several) & (run.rollouts["messages"] > 1)]
    return rows.head(MOST).to_dict("records")


def _quotes(record: Record, judge: Match | None) -> list[Quote]:
    """What agents wrote that arrived, in order."""
    kinds: Mapping[str, MessageKind] = record.organization.protocol.kinds if record.organization else {}
    if any(VARIABLE in m.to for m in record.rollout.messages):
        return []  # the values of a program: its agents write to nobody
    sent = [m for m in record.rollout.messages if not m.sender.startswith("@") and m.to]
    arrived = [m for m in sent if m.kind not in kinds or kinds[m.kind].fate == "sent"]
    return [_quote(message, record.task, judge) for message in arrived]


def _quote(message: Message, task: Task | None, judge: Match | None) -> Quote:
    to = ", ".join(map(_name, message.to))
    verdict = judge.judge(text_input(task, message.content)) if judge and task else None
    if verdict is None or verdict.outcome != "scored" or verdict.label is None:
        return Quote(message.sender, to, message.round, _around(message.content, ""))
    right = {0.0: False, 1.0: True}.get(verdict.value if verdict.value is not None else -1.0)
    return Quote(message.sender, to, message.round, _around(message.content, verdict.label), verdict.label, right)


def _name(member: str) -> str:
    return "the client" if member == OUTPUT else member


def _step(quotes: Sequence[Quote]) -> tuple[int, tuple[Quote, ...]]:
    """The last change of the answer, and how telling it is: 0 where it makes the output right or wrong, 2 if none."""
    stated = [quote for quote in quotes if quote.answer is not None]
    changes = [step for step in pairwise(stated) if step[0].answer != step[1].answer]
    if not changes:
        return 2, tuple(quotes[:1])
    turned = [step for step in changes if step[0].right is not step[1].right and step[1].right is stated[-1].right]
    return (0, turned[-1]) if turned else (1, changes[-1])


def _around(text: str, answer: str) -> str:
    """The text on one line, or what stands around its answer."""
    flat = " ".join(text.split())
    end = flat.rfind(answer) + len(answer) if answer else 0
    start = max(0, min(end + AFTER, len(flat)) - LONGEST)
    return ("… " if start else "") + line(flat[start:], LONGEST)
