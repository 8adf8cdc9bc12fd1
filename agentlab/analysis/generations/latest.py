"""Of a self-training loop, the part of the run in which arms are compared: their last generation, on held-out tasks."""

from functools import lru_cache

from agentlab.analysis.generations.lineage import lineages
from agentlab.experiment.preregistration import conditions, register
from agentlab.runs.frames import Run


@lru_cache(maxsize=2)
def latest(run: Run) -> Run:
    """Held-out tasks, in the last generation of each arm and in those that declared contrasts name.

    A run without a loop is returned as it is.
    """
    if not run.splits or not (loops := lineages(run)):
        return run
    found = register(run.meta)
    declared = [*(entry.contrast for entry in found.primary), *(found.exploratory or ())]
    named = {name for one in declared for name in conditions(one, run.factors)}
    last = {loop.conditions[loop.last] for loop in loops}
    return run.held_out.within(named | last)
