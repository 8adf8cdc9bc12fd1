"""The training rows of a generation: what it kept, in a fixed order, as prompts and replies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec

from agentlab.experiment.resample.score import score
from agentlab.scenario.condition import Condition
from agentlab.scenario.improve import Improve
from agentlab.seeds import digest
from agentlab.store import UNFINISHED, Store
from agentlab.training.loop.hints import hint_of
from agentlab.training.loop.keep import Candidate, Reason, kept
from agentlab.training.loop.turns import Turn, turns_of
from agentlab.training.trainers.row import TrainingRow
from agentlab.types import Measure, Rollout, Verdict

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class GenerationRows:
    """What a generation teaches the next one."""

    candidates: tuple[Candidate, ...]
    """Every finished rollout on tasks that are learned from, with the reason why it was kept or not."""
    rows: tuple[TrainingRow, ...]
    by_rollout: Mapping[str, int]
    """How many rows a kept rollout gave; in preferences, those in which its reply is the better one."""

    @property
    def digest(self) -> str:
        """Of all that the weights depend on."""
        hashed = blake2b(digest_size=16)
        for row in self.rows:
            hashed.update(msgspec.json.encode(row.learned))
        return hashed.hexdigest()

    @property
    def recorded(self) -> list[tuple[str, str, float | None, int]]:
        """As a run records it: of each candidate its key, the reason, its value, and its number of rows."""
        return [(c.rollout, c.recorded_reason, c.value, self.by_rollout.get(c.rollout, 0)) for c in self.candidates]

    @property
    def reasons(self) -> str:
        """`12 kept, 30 not good enough, 2 cut off`."""
        counts: dict[str, int] = {}
        for candidate in self.candidates:
            counts[candidate.recorded_reason] = counts.get(candidate.recorded_reason, 0) + 1
        return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


@dataclass(frozen=True, slots=True)
class Judged:
    """The finished rollouts of a generation that may be learned from."""

    candidates: list[Candidate]
    """With the reason why each is kept or not."""
    turns: Mapping[str, list[Turn]]
    """By rollout."""

    @property
    def unsolved(self) -> frozenset[str]:
        """The tasks of which nothing was kept."""
        solved = {candidate.task for candidate in self.candidates if candidate.reason == "kept"}
        return frozenset(candidate.task for candidate in self.candidates) - solved


def rows_of(
    store: Store, condition: Condition, generation: int, measures: Sequence[Measure], plain: Judged | None = None
) -> GenerationRows:
    """The rows of a condition that has been sampled and judged; `plain` is what `judged` says of it, where known."""
    loop = condition.loop
    assert loop is not None
    if generation == 0 and loop.first:
        return GenerationRows((), loop.first, {})
    plain = plain or judged(store, condition, generation, measures)
    candidates, turns = plain.candidates, plain.turns
    if loop.fields.hint is not None:
        hinted = judged(store, condition, generation, measures, plain.unsolved)
        candidates, turns = [*candidates, *hinted.candidates], {**turns, **hinted.turns}
    rows = tuple(_preferences(candidates, turns, loop) if loop.pairs else _rows(candidates, turns))
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.rollout] = counts.get(row.rollout, 0) + 1
    return GenerationRows(tuple(candidates), rows, counts)


def judged(
    store: Store,
    condition: Condition,
    generation: int,
    measures: Sequence[Measure],
    hinted: frozenset[str] | None = None,
) -> Judged:
    """The rollouts on tasks that are learned from; those with a hint on the tasks in `hinted`, if it is given."""
    loop, candidates, turns = condition.loop, list[Candidate](), dict[str, list[Turn]]()
    assert loop is not None
    measure = next(m for m in measures if m.name == loop.fields.keep.measure)
    for row in store.rollouts() if hinted is None else store.rollouts("hint"):
        task = condition.tasks.get(row.task)
        if row.condition != condition.name or task is None or loop.split(task).role != "learn":
            continue
        if hinted is not None and (row.kind != "hint" or row.task not in hinted or row.status in UNFINISHED):
            continue
        rollout, hint = store.rollout(row.key), None if hinted is None else hint_of(condition, row.task)
        if hint is not None and hint.without(rollout.messages) == rollout.messages:  # its hint was another one
            continue
        organization, calls = condition.organization_on(row.task), store.recorded(row.key).values()
        turns[row.key] = turns_of(rollout, calls, organization, loop.fields, hint)
        candidates.append(_candidate(rollout, store.verdicts(row.key), turns[row.key], measure))
    candidates.sort(key=lambda candidate: (candidate.task, candidate.draw))
    candidates = kept(candidates, loop.fields.keep, generation, (condition.coupling, generation))
    return Judged([replace(candidate, hinted=hinted is not None) for candidate in candidates], turns)


def _candidate(rollout: Rollout, verdicts: Sequence[Verdict], turns: Sequence[Turn], measure: Measure) -> Candidate:
    labels = {v.label for v in verdicts if v.judge == measure.judge and v.label is not None}
    return Candidate(
        rollout.key,
        rollout.task,
        rollout.draw,
        rollout.status,
        rollout.output or "",
        score(measure, verdicts, rollout.status),
        labels.pop() if len(labels) == 1 else None,
        len(turns),
        rollout.cut or any(turn.cut for turn in turns),
    )


def _rows(candidates: Sequence[Candidate], turns: Mapping[str, Sequence[Turn]]) -> Iterator[TrainingRow]:
    for candidate in _in_order(candidates, "kept"):
        for turn in turns[candidate.rollout]:
            yield _row(candidate, turn)


def _in_order(candidates: Sequence[Candidate], reason: Reason) -> list[Candidate]:
    """Those that have this reason, by task and draw."""
    return sorted((c for c in candidates if c.reason == reason), key=lambda c: (c.task, c.draw))


def _row(candidate: Candidate, turn: Turn, rejected: Messages | None = None) -> TrainingRow:
    return TrainingRow(
        messages=_messages(turn),
        rejected=rejected,
        task=candidate.task,
        rollout=candidate.rollout,
        agent=turn.agent,
        round=turn.round,
    )


def _messages(turn: Turn) -> Messages:
    prompt = [{"role": entry.role, "content": entry.content} for entry in turn.prompt]
    return [*prompt, {"role": "assistant", "content": turn.reply}]


def _preferences(
    candidates: Sequence[Candidate], turns: Mapping[str, Sequence[Turn]], loop: Improve
) -> Iterator[TrainingRow]:
    """Each kept turn against rejected turns that answered the same prompt, to the byte."""
    negatives = loop.fields.negatives
    assert negatives is not None
    worse: dict[str, list[Turn]] = {}
    for candidate in _in_order(candidates, "not good enough"):
        if candidate.value is not None and not candidate.cut and _rejects(loop, candidate.value):
            for turn in turns[candidate.rollout]:
                worse.setdefault(_asked(turn), []).append(turn)
    used: dict[str, int] = {}
    for candidate in _in_order(candidates, "kept"):
        for turn in turns[candidate.rollout]:
            others = worse.get(_asked(turn), [])
            for _ in range(min(negatives.most, len(others))):
                place = used.get(_asked(turn), 0)
                used[_asked(turn)] = place + 1
                yield _row(candidate, turn, _messages(others[place % len(others)]))


def _rejects(loop: Improve, value: float) -> bool:
    negatives = loop.fields.negatives
    assert negatives is not None
    return (negatives.below is None or value < negatives.below) and (negatives.above is None or value > negatives.above)


def _asked(turn: Turn) -> str:
    return digest(turn.agent, [(entry.role, entry.content) for entry in turn.prompt])
