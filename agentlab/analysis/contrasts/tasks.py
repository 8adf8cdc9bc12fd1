"""What has to be said of the tasks behind contrasts: which share a source, and which one decides."""

from collections.abc import Sequence
from functools import lru_cache

from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import recorded_tasks
from agentlab.scenario.repeated import sentences
from agentlab.text import line, pluralize


def task_notes(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """The clusters, or tasks that look like some; then each contrast that rests on one task."""
    return [*cluster_notes(run), *map(_largest, filter(_rests_on_one, contrasts))] if contrasts else []


@lru_cache(maxsize=1)
def cluster_notes(run: Run) -> list[str]:
    """Which tasks are not independent, whether or not the intervals take this into account."""
    field = run.meta.get("cluster")
    notes = [f"{text[0].upper()}{text[1:]}." for text in sentences(recorded_tasks(run.meta), field is not None)]
    if field is None:
        return notes
    size = f"{pluralize(len(run.clusters), 'task')} in {pluralize(len(set(run.clusters.values())), 'cluster')}"
    return [f"Tasks are clustered by {field}: {size}; only the clusters are independent.", *notes]


def _rests_on_one(c: Contrast) -> bool:
    """Whether a difference is concluded for new tasks, and not without the task that it owes most to."""
    left = c.result.without_largest
    concluded = c.different and c.result.new_tasks is not None
    return concluded and left is not None and left.p is not None and left.p > ALPHA


def _largest(c: Contrast) -> str:
    left = c.result.without_largest
    assert left is not None
    return (
        f"{c.measure}, {c.pair}: without task {line(left.task)} the difference is {left.difference:+z.3f} "
        f"(p {left.p:.3f}); the conclusion rests on that task."
    )
