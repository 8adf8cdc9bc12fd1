"""Sorts the outputs of one task and condition into groups of the same answer, as a judge of kind equivalence sees it.

In the order of the draws every output is compared with the first of each group so far, the largest group first, until
one is the same; else it begins a group. Outputs that are equal but for capitals, blanks and stops are the same unasked.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from agentlab.experiment.judging.sides import Side
from agentlab.judges.equivalence import SAME
from agentlab.types import Verdict


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
    groups: dict[str, int | None] = {}
    firsts, sizes = list[Output](), list[int]()
    for output in sorted(outputs, key=lambda output: output.side.draw):
        groups[output.side.key] = None
        if output.text is None or not output.text.strip():
            continue
        answers = list[bool | None]()
        for place in sorted(range(len(firsts)), key=lambda i: (-sizes[i], i)):
            first = firsts[place]
            answers.append(True if plain(first.text or "") == plain(output.text) else (yield first, output))
            if answers[-1]:
                groups[output.side.key], sizes[place] = place + 1, sizes[place] + 1
                break
        else:
            if None not in answers:
                firsts.append(output)
                sizes.append(1)
                groups[output.side.key] = len(firsts)
    return groups


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


def same(verdict: Verdict) -> bool | None:
    """What a verdict on the criterion `same` says; None when it says nothing."""
    return verdict.value == 1 if verdict.criterion == SAME and verdict.value is not None else None


def plain(text: str) -> str:
    """An answer without what does not make it another one: capitals, blanks, and quotes or stops at its ends."""
    return " ".join(text.casefold().split()).strip(" .,;:!?*_`'\"()[]“”‘’")
