"""The family of primary contrasts whose p-values are adjusted together: tests of one kind of hypothesis.

Holm's procedure (1979, Scand. J. Stat. 6, 65-70) bounds the chance of any false rejection among the hypotheses of a
family. What a rejection claims has to be one thing, so tests about new tasks and tests about these tasks alone do not
mix: where one primary contrast has a test about new tasks, all tests of the family are about new tasks.
"""

from collections.abc import Mapping, Sequence

from agentlab.stats.contrasts.holm import holm
from agentlab.stats.contrasts.paired import Paired
from agentlab.stats.contrasts.power import FEWEST_TASKS

Test = tuple[float | None, Paired]
"""The p of a contrast, None without a test, with the result that it is of."""


def adjusted(
    primary: Sequence[Test | None], equivalences: Mapping[int, float | None] | None = None
) -> list[float | None]:
    """Holm's p of each, then of the `equivalences`: p by the place of their contrast, with which they share a weight.

    None for a contrast without a test, or with one of another kind, which counts all the same.
    """
    beyond = [test is not None and _beyond(test[1]) for test in primary]
    kind = any(new for test, new in zip(primary, beyond, strict=True) if test is not None and test[0] is not None)
    more = equivalences or {}
    p = [test[0] if test and new == kind else None for test, new in zip(primary, beyond, strict=True)]
    p += [value if beyond[i] == kind else None for i, value in more.items()]
    return holm(p, [*range(len(primary)), *more])


def _beyond(result: Paired) -> bool:
    """Whether its test is about new tasks: the t over tasks, or sign flips of tasks."""
    return result.new_tasks is not None or (result.tasks >= FEWEST_TASKS and result.sign_flip is not None)
