"""By which generation a proxy and the truth have parted, on held-out tasks."""

from collections.abc import Iterator, Sequence

from agentlab.analysis.generations.lineage import Lineage, task_means
from agentlab.analysis.outcome_range import largest_difference
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.parting import parting

ABOUT = (
    "parting: difference is the gain of the proxy since generation 0 minus the gain of the truth; at least is its "
    "lower limit, which holds for all generations at once (95%, one-sided); at the first limit above 0, the two have "
    "parted"
)


def parted(run: Run, loop: Lineage, measures: Sequence[str], remarks: Remarks) -> Iterator[Row]:
    """By generation; nothing without `watch`, or with one generation only."""
    if loop.watch is None or len(loop.conditions) < 2 or not set(loop.watch) <= set(measures):
        return
    conditions = list(loop.conditions.values())
    proxy, true = (task_means(run, conditions, name) for name in loop.watch)
    tasks = [task for task in proxy.index if task in true.index]
    if not tasks:
        remarks.add("parting: no task has both measures in every generation")
        return
    codes = cluster_codes(run.clusters, tasks)
    clusters = None if codes is None else [int(code) for code in codes]
    most = sum(largest_difference(run, name) for name in loop.watch)
    result = parting(proxy.loc[tasks].to_numpy(), true.loc[tasks].to_numpy(), clusters, most=most)
    remarks.add(ABOUT)
    if result.note:
        remarks.add(f"parting: {result.note}")
    for gap, generation in zip(result.gaps, list(loop.conditions)[1:], strict=True):
        yield {
            "arm": loop.name,
            "proxy": loop.watch[0],
            "truth": loop.watch[1],
            "generation": generation,
            "tasks": result.tasks,
            "difference": gap.difference,
            "at least": gap.low,
            "parted": result.by is not None and gap.generation >= result.by,
        }
