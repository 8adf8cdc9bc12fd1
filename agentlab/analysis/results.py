"""What a run has measured: its conditions, their contrasts, the generations of a loop; and what is still to be done."""

from collections.abc import Callable
from dataclasses import dataclass

from agentlab.analysis.condition_summary import ConditionSummary, condition_summary
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.contrast import Contrast, uncompared
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.measure_summary import MeasureSummary, measure_summaries
from agentlab.analysis.unplayed import command, played, unjudged, unplayed
from agentlab.experiment.preregistration import register
from agentlab.runs.frames import Run


@dataclass(frozen=True, slots=True)
class Results:
    """All of it."""

    name: str
    tasks: int
    arms: tuple[ConditionSummary, ...]
    measures: dict[str, MeasureSummary]
    contrasts: tuple[Contrast, ...]
    compared: tuple[ConditionSummary, ...]
    """The conditions of contrasts: `arms`, with the replicates of a self-training loop taken together."""
    loop: tuple[str, ...]
    """Of a self-training loop, what it found by generation, in sentences; all else is about its last generation."""
    played: int
    """Rollouts that are there; of a self-training loop, in all generations and on all tasks."""
    unplayed: int
    """Rollouts that were asked for and are not there yet."""
    uncompared: int
    """Primary contrasts that have no rollouts of both arms."""
    again: str
    """What to type to play them; empty where nobody knows."""
    unjudged: int
    """Finished rollouts on which the judge of some measure was not asked yet."""


def results(run: Run, compare: Callable[[Run], tuple[Contrast, ...]] = contrasts) -> Results:
    """Of a run with at least one finished rollout; nothing otherwise.

    Of a self-training loop, they are about held-out tasks in the last generation. `compare` makes the contrasts; a
    headline needs only those that are `reported`, which take less time.
    """
    last, every = latest(run.held_out), run.whole.held_out
    rollouts, measures = last.rollouts, measure_summaries(last)

    def summaries(of: Run) -> tuple[ConditionSummary, ...]:
        ended = set(of.rollouts["condition"])
        return tuple(condition_summary(of, name, measures) for name in of.conditions["condition"] if name in ended)

    arms = summaries(last)
    compared = compare(last) if len(rollouts) else ()
    return Results(
        str(last.meta.get("name", "")),
        int(rollouts["task"].nunique()),
        arms,
        measures,
        compared,
        arms if last.pooled is last else summaries(last.pooled),
        _of_loop(run),
        played(every),
        unplayed(every),
        len(uncompared(register(last.pooled.meta).primary, compared)),
        command(last),
        unjudged(every),
    )


def _of_loop(run: Run) -> tuple[str, ...]:
    if not run.whole.splits:
        return ()
    from agentlab.analysis.generations.generations import findings  # for which a run without a loop does not wait

    return findings(run)
