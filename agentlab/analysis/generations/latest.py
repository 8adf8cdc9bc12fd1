"""Of a self-training loop, the part of the run in which arms are compared: their last generation, on held-out tasks."""

from functools import lru_cache

from agentlab.analysis.generations.lineage import lineages
from agentlab.experiment.preregistration import conditions, register
from agentlab.runs.frames import Run
from agentlab.scenario.levels import common, pooled
from agentlab.store import UNFINISHED


@lru_cache(maxsize=2)
def latest(run: Run) -> Run:
    """Held-out tasks, in the last generation of each arm and in those that declared contrasts name.

    A generation of which nothing is finished is not the last one. Where arms ended at different generations, the last
    one that all came to is there too, in which they can be compared. A run without a loop is returned as it is.
    """
    if not run.splits or not (loops := lineages(run)):
        return run
    registered = register(run.meta)
    declared = [*(entry.contrast for entry in registered.primary), *(registered.exploratory or ())]
    named = {name for contrast in declared for name in conditions(contrast, [*pooled(dict.fromkeys(run.factors))])}
    ended = set(run.rollouts.loc[~run.rollouts["status"].isin(UNFINISHED), "condition"].astype("str"))
    done = [{g: name for g, name in loop.conditions.items() if name in ended} or loop.conditions for loop in loops]
    last = {by_generation[max(by_generation)] for by_generation in done}
    shared = set[int].intersection(*map(set, done))
    shared_last = {by_generation[max(shared)] for by_generation in done} if shared else set[str]()
    everything = {name for loop in loops for name in loop.conditions.values()}
    return run.held_out.within({name for name in everything if common(name) in named} | last | shared_last)
