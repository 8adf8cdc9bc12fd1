"""Sorts the outputs of one task and condition into groups of the same answer, as a judge of kind equivalence sees it.

In the order of the draws every output is compared with the first of each group so far, the largest group first, until
one is the same; else it begins a group. Outputs that are equal but for capitals, blanks and stops are the same unasked.
Which of two is shown first is drawn at random for each question.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from agentlab.experiment.baselines import plain
from agentlab.experiment.judging.pairs import Side, Work, entered, sides, spread
from agentlab.experiment.judging.rollouts import JudgingItem
from agentlab.interfaces import Judge
from agentlab.judges.equivalence import SAME
from agentlab.seeds import stream
from agentlab.types import JudgeInput, Rollout, Verdict


@dataclass(frozen=True, slots=True)
class Output:
    """One output to be sorted."""

    side: Side
    text: str | None


Sorting = Generator[tuple[Output, Output], bool | None, dict[str, int | None]]
"""Asks whether the first, which stands for its group, and the second are the same; ends with the group by rollout."""


def sort(outputs: Sequence[Output]) -> Sorting:
    """Groups count from 1 in the order in which they begin. None: no output, or a question without an answer.

    What has no group of its own for want of an answer founds none: it could be the same as the one it was held against.
    """
    found: dict[str, int | None] = {}
    firsts, sizes = list[Output](), list[int]()
    for output in sorted(outputs, key=lambda one: one.side.draw):
        found[output.side.key] = None
        if output.text is None or not output.text.strip():
            continue
        answers = list[bool | None]()
        for place in sorted(range(len(firsts)), key=lambda i: (-sizes[i], i)):
            first = firsts[place]
            answers.append(True if plain(first.text or "") == plain(output.text) else (yield first, output))
            if answers[-1]:
                found[output.side.key], sizes[place] = place + 1, sizes[place] + 1
                break
        else:
            if None not in answers:
                firsts.append(output)
                sizes.append(1)
                found[output.side.key] = len(firsts)
    return found


def asked(first: Side, second: Side) -> str:
    """Key of the row of one question. It names no model, so that `replay/RUN` finds it."""
    again = f"/{second.generation}" if second.generation else ""
    return f"same/{second.condition}/{second.task}/{first.draw}/{second.draw}{again}"


def answered(outputs: Sequence[Output], answer: Callable[[Side, Side], bool | None]) -> dict[str, int | None]:
    """The groups that recorded answers make; a question that was not asked is one without an answer."""
    sorting = sort(outputs)
    try:
        first, second = next(sorting)
        while True:
            first, second = sorting.send(answer(first.side, second.side))
    except StopIteration as end:
        return end.value


async def judge_groups(work: Work) -> None:
    """Asks every judge of kind equivalence whatever is still open about the outputs of each task and condition."""
    cells: dict[tuple[int, str, str], list[Side]] = {}
    for side in sides(work.bench.store, work.only):
        cells.setdefault((side.generation, side.task, side.condition), []).append(side)
    judges = [work.bench.judges[name] for name, config in work.configs().items() if config.traits.two == "same"]
    await spread(work, [partial(_sorted, work, judges, cell) for cell in cells.values()])


async def _sorted(work: Work, judges: Sequence[Judge], cell: Sequence[Side]) -> None:
    """By one judge after the other, since their questions share rows."""
    outputs = [Output(side, work.bench.store.rollout(side.key).output) for side in cell]
    for judge in judges:
        await _sort(work, judge, outputs)


async def _sort(work: Work, judge: Judge, outputs: Sequence[Output]) -> None:
    sorting = sort(outputs)
    try:
        first, second = next(sorting)
        while True:
            first, second = sorting.send(await _ask(work, judge, first, second))
    except StopIteration:
        return


async def _ask(work: Work, judge: Judge, first: Output, second: Output) -> bool | None:
    """One answer, from the record if it is there."""
    one, other, store = first.side, second.side, work.bench.store
    key, attempt = asked(one, other), one.attempt + other.attempt - 1
    row = Rollout(key, "", one.task, "", other.draw, work.seed, "delivered", None, "imported", kind="group")
    about = {"a": one.key, "b": other.key}
    past = await entered(store, replace(row, attempt=attempt, generation=other.generation, about=about))
    known = [verdict for verdict in store.verdicts(key) if verdict.judge == judge.name]
    if not known or known[0].outcome == "error":
        root = work.root(other, "same", other.condition)
        texts = (first.text, second.text) if stream(root, one.draw, "first") % 2 else (second.text, first.text)
        case = JudgingItem(key, f"{root}/{one.draw}", JudgeInput(work.tasks[one.task], texts[0], rival=texts[1]))
        known = await work.bench.judge(case, [(judge, 0)], past)
        work.progress.failed += any(verdict.outcome == "error" for verdict in known)
    return same(known[0])


def same(verdict: Verdict) -> bool | None:
    """What a verdict on the criterion `same` says; None when it says nothing."""
    return verdict.value == 1 if verdict.criterion == SAME and verdict.value is not None else None
