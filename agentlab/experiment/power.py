"""What a design can find: the smallest difference, and with what chance a stated one; assumed or piloted noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentlab.errors import ScenarioError
from agentlab.scenario.compare_fields import LooksFields
from agentlab.scenario.design import Design
from agentlab.stats.contrasts import anytime
from agentlab.stats.contrasts.power import FEWEST_TASKS, Detectable, OutcomeNoise, detectable, power_of, tasks_needed
from agentlab.stats.contrasts.sequential import level

WITHIN, BETWEEN = 0.25, 0.1
"""Assumed SDs, as shares of a measure's range: over draws of one task, and of the difference between tasks."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class ContrastNoise:
    """Noise that was assumed or measured, of one measure or of one contrast of it."""

    measure: str
    of: str
    """The contrast; empty for any."""
    source: str
    """`assumed`, `pilot`, or `pilot, at most`."""
    noise: OutcomeNoise


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


def assumed(design: Design, within: float = WITHIN, between: float = BETWEEN) -> list[ContrastNoise]:
    """One for each measure. SDs are shares of its range, draws of the arms not correlated."""
    noises: list[ContrastNoise] = []
    for name, measure in design.measures.items():
        width = abs(measure.range[1] - measure.range[0])
        noises.append(ContrastNoise(name, "", "assumed", OutcomeNoise(within * width, between * width)))
    return noises


def prospects(
    design: Design, size: tuple[int, int], noises: Sequence[ContrastNoise], effect: float | None = None
) -> list[PowerForecast]:
    """What `size`, tasks and draws, can find under each noise; `effect` is in the measure's own units.

    Raises ScenarioError for an effect that is not above 0.
    """
    if effect is not None and effect <= 0:
        raise ScenarioError(f"--effect {effect:g}: write a difference above 0, in the measure's units")
    tasks, draws = size
    tests, few = _tests(design), design.independent < min(FEWEST_TASKS, len(design.tasks))
    forecasts: list[PowerForecast] = []
    for basis in noises:
        alpha = _last_look(design.looks, ALPHA / tests.get(basis.measure, 1), basis.measure in tests)
        smallest = detectable(tasks, draws, basis.noise, alpha)
        if few:
            smallest = replace(smallest, new_tasks=None, limit=None)
        if effect is None:
            forecasts.append(PowerForecast(basis, alpha, smallest))
            continue
        new, these = power_of(effect, tasks, draws, basis.noise, alpha)
        needed = tasks_needed(effect, draws, basis.noise, alpha)
        forecasts.append(PowerForecast(basis, alpha, smallest, None if few else new, these, needed))
    return forecasts


def _last_look(looks: LooksFields | Literal["any"] | None, alpha: float, primary: bool) -> float:
    """The two-sided p at or under which the analysis of the whole run rejects."""
    if looks == "any":
        return anytime.level(1.0, alpha)
    return alpha if looks is None or not primary else level(looks.shares, looks.spend, alpha)


def _tests(design: Design) -> Mapping[str, int]:
    """By measure with a primary contrast: how many there are in Holm's family."""
    primary = design.compare.primary
    return {contrast.measure: len(primary) for contrast in primary}
