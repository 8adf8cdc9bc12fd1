"""Asks judges about what is no rollout: an anchor text, two outputs, an output that was changed. Each has a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem, JudgingRecord, past_of
from agentlab.interfaces import Judge
from agentlab.store import NO_DRAWS, JudgeDraws, Store
from agentlab.types import JudgeInput, Rollout, RolloutKind, Verdict


@dataclass(frozen=True, slots=True)
class JudgingQuestion:
    """What a judge is asked about, and the row that keeps its calls and verdicts."""

    key: str
    """Of the row. It names no model, so that `replay/RUN` finds it."""
    kind: RolloutKind
    about: Mapping[str, str]
    """What it consists of, such as the rollouts of a pair."""
    root: str
    """Of the random streams of its judges."""
    inputs: tuple[JudgeInput, ...]
    """What is shown, by order: draw i of a judge is shown the one at i modulo their number."""
    seed: int
    draw: int = 0
    generation: int = 0
    attempt: int = 1
    """Rises when a rollout that is asked about is played further: what was said before counts no more."""
    output: str | None = None
    """Kept with the row where no rollout has it."""
    rank: int = 0
    """Of the calls that wait, those of the lowest go first."""

    @property
    def row(self) -> Rollout:
        """As it is entered."""
        return Rollout(
            self.key,
            "",
            self.inputs[0].task.id,
            "",
            self.draw,
            self.seed,
            "delivered",
            self.output,
            "imported",
            attempt=self.attempt,
            generation=self.generation,
            kind=self.kind,
            about=self.about,
        )


def pending(
    store: Store, key: str, attempt: int, wanted: Iterable[tuple[Judge, int]], final: Mapping[int, JudgeDraws]
) -> list[tuple[Judge, int]]:
    """The judge draws that are not final on this attempt of a question; `final` are all of the run's."""
    known, done = store.known.get(key), NO_DRAWS
    if known is not None and known.attempt == attempt:
        done = final.get(known.id, done)
    return [(judge, draw) for judge, draw in wanted if (judge.name, draw) not in done]


def on_record(
    store: Store, key: str, attempt: int, wanted: Sequence[tuple[Judge, int]]
) -> tuple[list[Verdict], list[tuple[Judge, int]]]:
    """The final verdicts of these judge draws on this attempt of a question, and the draws that have none."""
    recorded = list[Verdict]()
    if _entered(store, key, attempt):
        names = {judge.name for judge, _ in wanted}
        recorded = [verdict for verdict in store.verdicts(key) if verdict.judge in names]
    failed = {(verdict.judge, verdict.draw) for verdict in recorded if verdict.outcome == "error"}
    final = {(verdict.judge, verdict.draw) for verdict in recorded} - failed
    recorded = [verdict for verdict in recorded if (verdict.judge, verdict.draw) in final]
    return recorded, [(judge, draw) for judge, draw in wanted if (judge.name, draw) not in final]


def _entered(store: Store, key: str, attempt: int) -> bool:
    """Whether this attempt of a question has a row."""
    known = store.known.get(key)
    return known is not None and known.status is not None and known.attempt == attempt


async def ask(
    judges: JudgeRunner, question: JudgingQuestion, wanted: Sequence[tuple[Judge, int]]
) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts of these judge draws that were on record, and those that were asked for because none was final.

    One job at a time may ask about one row: another would look for it before it is committed. Raises `Stopped`.
    """
    store = judges.store
    recorded, left = on_record(store, question.key, question.attempt, wanted)
    if not left:
        return recorded, []
    known = store.known.get(question.key)
    if not _entered(store, question.key, question.attempt):
        await store.finish(question.row)
    record = JudgingRecord() if known is None else past_of(store, question.key, question.attempt)
    item = JudgingItem(question.key, question.root, question.inputs, question.rank)
    return recorded, await judges.judge(item, left, record)


def failures(verdicts: Sequence[Verdict]) -> int:
    """Judge draws that failed, so that the same command tries them again."""
    return len({(verdict.rollout, verdict.judge, verdict.draw) for verdict in verdicts if verdict.outcome == "error"})
