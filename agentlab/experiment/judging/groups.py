"""Asks judges of kind equivalence which outputs of one task and condition give the same answer.

Which of two is shown first is drawn at random for each question.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from agentlab.experiment.judging.pairs import Comparisons
from agentlab.experiment.judging.questions import JudgingQuestion, ask, on_record
from agentlab.experiment.judging.sides import Side, sides
from agentlab.experiment.judging.sorting import Output, answered, asked, same, sort
from agentlab.experiment.work import Job
from agentlab.interfaces import Judge
from agentlab.judges.inputs import judged_output, text_input
from agentlab.seeds import stream
from agentlab.types import Verdict


def _attempt(first: Side, second: Side) -> int:
    """Rises when either rollout is played further."""
    return first.attempt + second.attempt - 1


async def judge_groups(comparisons: Comparisons) -> None:
    """Asks every judge of kind equivalence whatever is still open about the outputs of each task and condition."""
    cells: dict[tuple[int, str, str], list[Side]] = {}
    for side in sides(comparisons.work.store, comparisons.only):
        cells.setdefault((side.generation, side.task, side.condition), []).append(side)
    configs, judges = comparisons.configs(), comparisons.judges.judges
    sorting = [judges[name] for name, config in configs.items() if config.traits.two == "same"]
    comparisons.work.progress.plan(Counter(condition for _, _, condition in cells))
    await comparisons.work.each(_open(comparisons, sorting, list(cells.values())))


def _open(comparisons: Comparisons, judges: Sequence[Judge], cells: Sequence[Sequence[Side]]) -> Iterator[Job]:
    """A job for each cell that a judge has not sorted yet."""
    work = comparisons.work
    for cell in cells:
        outputs = [Output(side, judged_output(work.store.rollout(side.key))) for side in cell]
        if all(_on_record(comparisons, judge, outputs) for judge in judges):
            work.progress.found(cell[0].condition)
        else:
            yield partial(_sorted, comparisons, judges, outputs)


def _on_record(comparisons: Comparisons, judge: Judge, outputs: Sequence[Output]) -> bool:
    """Whether the judge has answered every question that its answers lead to."""
    complete = True

    def answer(a: Side, b: Side) -> bool | None:
        nonlocal complete
        recorded, left = on_record(comparisons.work.store, asked(a, b), _attempt(a, b), [(judge, 0)])
        complete = complete and not left
        return same(recorded[0]) if recorded else None

    answered(outputs, answer)
    return complete


async def _sorted(comparisons: Comparisons, judges: Sequence[Judge], outputs: Sequence[Output]) -> None:
    """By one judge after the other, since their questions share rows."""
    first = outputs[0].side
    with comparisons.work.progress.unit(first.condition, f"same/{first.key}") as unit:
        unit.failed = any([await _sort(comparisons, judge, outputs) for judge in judges])


async def _sort(comparisons: Comparisons, judge: Judge, outputs: Sequence[Output]) -> bool:
    """Whether a question failed."""
    sorting, failed = sort(outputs), False
    try:
        first, second = next(sorting)
        while True:
            verdict = await _ask(comparisons, judge, first, second)
            failed |= verdict.outcome == "error"
            first, second = sorting.send(same(verdict))
    except StopIteration:
        return failed


async def _ask(comparisons: Comparisons, judge: Judge, first: Output, second: Output) -> Verdict:
    """The verdict on one question, from the record if it is there."""
    a, b, work = first.side, second.side, comparisons.work
    root = comparisons.root(b, "same", b.condition)
    texts = (first.text, second.text) if stream(root, a.draw, "first") % 2 else (second.text, first.text)
    question = JudgingQuestion(
        asked(a, b),
        "group",
        {"a": a.key, "b": b.key},
        f"{root}/{a.draw}",
        (text_input(work.tasks[a.task], *texts),),
        work.seed,
        b.draw,
        b.generation,
        _attempt(a, b),
    )
    recorded, new = await ask(comparisons.judges, question, [(judge, 0)])
    return (*recorded, *new)[0]
