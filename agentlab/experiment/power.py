"""What a design can find: the smallest difference, and with what chance a stated one; assumed or piloted noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentlab.errors import ScenarioError
from agentlab.experiment.specs import Selection
from agentlab.scenario.compare_fields import LooksFields
from agentlab.scenario.design import Design
from agentlab.scenario.levels import GENERATION, REPLICATE
from agentlab.scenario.repeated import clusters
from agentlab.stats.contrasts import anytime
from agentlab.stats.contrasts.power import FEWEST_TASKS, Detectable, OutcomeNoise, detectable, power_of, tasks_needed
from agentlab.stats.contrasts.power_of_loops import LoopDesign
from agentlab.stats.contrasts.sequential import level

WITHIN, BETWEEN, TRAINING = 0.25, 0.1, 0.05
"""Assumed SDs, as shares of a measure's range: over draws of one task, of the difference between tasks, and of an arm's
mean over trainings of a self-training loop."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """What of a design conclusions rest on: of a self-training loop, the held-out tasks."""

    tasks: int
    independent: int
    """Tasks, or clusters of them."""
    draws: int
    """Of a task in each condition; where splits differ, the fewest. Of a loop, in each replicate."""
    replicates: int = 1


def sample(design: Design, selection: Selection) -> Sample | None:
    """Of the selected part of the design; None where no selected task is held out."""
    tasks = [design.tasks[id] for id in selection.tasks or design.tasks]
    loop = design.loop
    if loop is not None:
        tasks = [task for task in tasks if loop.split(task).role == "hold_out"]
    if not tasks:
        return None
    draws = min(min(selection.draws or design.draws, design.draws_of(task.id)) for task in tasks)
    cluster_of = clusters(tasks, design.cluster)
    independent = len(set(cluster_of.values())) if cluster_of else len(tasks)
    return Sample(len(tasks), independent, draws, 1 if loop is None else loop.fields.replicates)


@dataclass(frozen=True, slots=True)
class ContrastNoise:
    """Noise that was assumed or measured, of one measure or of one contrast of it."""

    measure: str
    of: str
    """The contrast; empty for any."""
    source: str
    """`assumed`, `pilot`, or `pilot, at most`."""
    noise: OutcomeNoise
    training: float = 0.0
    """SD of an arm's mean over trainings of a loop, or of its gain where `gain`, in the measure's units."""
    gain: bool = False
    """Whether generations of a loop are compared, so that each loop has a difference of its own."""


@dataclass(frozen=True, slots=True)
class PowerForecast:
    """What is to be expected under one noise. Chances and tasks are None unless an effect is stated."""

    basis: ContrastNoise
    alpha: float
    """Of one test at the planned size: 5 % over the number of primary contrasts, Holm's strictest step, less what the
    looks on the way take."""
    smallest: Detectable
    """Found with 80 % power."""
    new_tasks: float | None = None
    these_tasks: float | None = None
    """Chance to find the stated effect, for new tasks and for these tasks."""
    needed: tuple[int, int] | None = None
    """New tasks that give 80 % power for it: with the planned draws, and with endless ones."""
    loops: float | None = None
    """The smallest difference between ways of training on these tasks that whole loops show with 80 % power, at 5 %;
    None where the loop runs once, or where there is none."""
    loops_power: float | None = None
    """Chance that they show the stated effect."""


def assumed(
    design: Design, within: float = WITHIN, between: float = BETWEEN, training: float = TRAINING
) -> list[ContrastNoise]:
    """One for each measure. SDs are shares of its range, draws of the arms not correlated."""
    noises: list[ContrastNoise] = []
    for name, measure in design.measures.items():
        width = abs(measure.range[1] - measure.range[0])
        noise = OutcomeNoise(within * width, between * width)
        noises.append(ContrastNoise(name, "", "assumed", noise, training * width, _gains(design, name)))
    return noises


def _gains(design: Design, measure: str) -> bool:
    """Whether the contrasts of a measure are of generations: as declared, or because a loop has one arm."""
    compared = {contrast.factor for contrast in design.compare.primary if contrast.measure == measure}
    return (compared or set(design.factors) - {REPLICATE}) == {GENERATION}


def prospects(
    design: Design, size: Sample, noises: Sequence[ContrastNoise], effect: float | None = None
) -> list[PowerForecast]:
    """What a sample of this size can find under each noise; `effect` is in the measure's own units.

    Raises ScenarioError for an effect that is not above 0.
    """
    if effect is not None and effect <= 0:
        raise ScenarioError(f"--effect {effect:g}: write a difference above 0, in the measure's units")
    tests, replicates = _tests(design), size.replicates
    few = size.independent < min(FEWEST_TASKS, size.tasks)
    forecasts: list[PowerForecast] = []
    for basis in noises:
        alpha = _last_look(design.looks, ALPHA / tests.get(basis.measure, 1), basis.measure in tests)
        smallest = detectable(size.tasks, size.draws, basis.noise, alpha, replicates=replicates)
        if few:
            smallest = replace(smallest, new_tasks=None, limit=None)
        forecast = PowerForecast(basis, alpha, smallest)
        if effect is not None:
            new, these = power_of(effect, size.tasks, size.draws, basis.noise, alpha, replicates)
            needed = tasks_needed(effect, size.draws * replicates, basis.noise, alpha)
            forecast = replace(forecast, new_tasks=None if few else new, these_tasks=these, needed=needed)
        forecasts.append(_with_loops(forecast, size, effect))
    return forecasts


def _with_loops(forecast: PowerForecast, size: Sample, effect: float | None) -> PowerForecast:
    """With what whole loops can show, where there are several."""
    if size.replicates < 2:
        return forecast
    basis = forecast.basis
    loops = LoopDesign(size.replicates, size.tasks, size.draws, basis.gain)
    least = loops.detectable(basis.noise, basis.training)
    chance = None if effect is None else loops.chance(effect, basis.noise, basis.training)
    return replace(forecast, loops=least, loops_power=chance)


def _last_look(looks: LooksFields | Literal["any"] | None, alpha: float, primary: bool) -> float:
    """The two-sided p at or under which the analysis of the whole run rejects."""
    if looks == "any":
        return anytime.level(1.0, alpha)
    return alpha if looks is None or not primary else level(looks.shares, looks.spend, alpha)


def _tests(design: Design) -> Mapping[str, int]:
    """By measure with a primary contrast: how many there are in Holm's family."""
    primary = design.compare.primary
    return {contrast.measure: len(primary) for contrast in primary}
