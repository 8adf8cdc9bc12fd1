"""What a population comes to: the rollout that it makes, with the log and output of one of its particles."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from agentlab.engine.spec import unstarted
from agentlab.experiment.baselines import plain
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Population
from agentlab.organization.cascade.log import variable_of
from agentlab.organization.cascade.values import decoded, equal
from agentlab.scenario.inference_fields import OUTPUT_TEXT, Take, VoteFields
from agentlab.seeds import stream
from agentlab.stats.particles.weights import effective_size, log_sum, shares
from agentlab.types import VARIABLE, Rollout


async def settled(population: Population, particles: Sequence[Particle], take: Take, offset: float = 0.0) -> Rollout:
    """The rollout of a weighed population whose particles have all ended.

    `offset` is the log-evidence of what was resampled before, in nats. An ended particle may stand in the population
    several times. The log-evidence is `offset` plus the logarithm of the mean weight: unbiased on the scale of weights.
    """
    logs = [particle.log_weight for particle in particles]
    total = log_sum(logs)
    population.about["log_evidence"] = finite(offset + total - math.log(len(particles)))
    return await chosen_from(population, particles, take, offset)


async def chosen_from(
    population: Population, particles: Sequence[Particle], take: Take, offset: float = 0.0
) -> Rollout:
    """The rollout with the log and output of the particle that `take` names; `rejected` if all weights are zero."""
    merged: dict[Particle, list[float]] = {}
    for particle in particles:
        merged.setdefault(particle, []).append(particle.log_weight)
    weights = {particle: log_sum(logs) for particle, logs in merged.items()}
    await _ended(population, weights, offset)
    fractions = dict(zip(weights, shares([*weights.values()]), strict=True))
    population.about |= {"particles": len(particles), "ess": round(effective_size([*weights.values()]), 6)}
    rollout = replace(unstarted(population.spec), about=population.about)
    live = [particle for particle, fraction in fractions.items() if fraction > 0]
    if not live:
        return replace(rollout, status="rejected")
    chosen = _chosen(live, fractions, take, population.spec.lineage)
    if isinstance(chosen, str):
        return replace(rollout, status="incomplete", error=chosen)
    return with_log_of(rollout, chosen)


def finite(number: float) -> float | None:
    """The number, or None for minus infinity, which JSON cannot hold."""
    return number if math.isfinite(number) else None


async def _ended(population: Population, weights: dict[Particle, float], offset: float) -> None:
    async with asyncio.TaskGroup() as group:
        for particle, weight in weights.items():
            assert particle.rollout is not None
            particle.rollout = replace(particle.rollout, weight=weight + offset)
            group.create_task(population.keep.finish(particle.rollout))


def with_log_of(rollout: Rollout, chosen: Particle) -> Rollout:
    """The log is kept with the rollout, too, so that whoever reads rollouts need not know of particles."""
    ended = chosen.rollout
    assert ended is not None
    return replace(
        rollout,
        chosen=ended.key,
        status=ended.status,
        output=ended.output,
        output_via=ended.output_via,
        cut=ended.cut,
        messages=ended.messages,
        error=ended.error,
    )


def _chosen(live: Sequence[Particle], fractions: dict[Particle, float], take: Take, lineage: str) -> Particle | str:
    """A particle of positive weight, or why there is none."""
    if take == "first":
        return live[0]
    if take == "best":
        return max(live, key=lambda particle: particle.total)
    if take == "draw":
        return _drawn(live, fractions, lineage)
    assert isinstance(take, VoteFields)
    votes: list[tuple[Any, list[Particle]]] = []
    for particle in live:
        value = _value(particle, take.vote)
        if value is None:
            continue
        voters = next((voters for other, voters in votes if equal(value, other)), None)
        if voters is None:
            votes.append((value, voters := []))
        voters.append(particle)
    if not votes:
        return f"vote: no particle has a value of {take.vote!r}"
    sums = [math.fsum(fractions[particle] for particle in voters) for _, voters in votes]
    tied = [voters for (_, voters), weight in zip(votes, sums, strict=True) if math.isclose(weight, max(sums))]
    if len(tied) > 1 and take.ties == "none":
        return f"vote: {len(tied)} values of {take.vote!r} have the same weight"
    winner = tied[stream(lineage, "ties") % len(tied)] if take.ties == "draw" else tied[0]
    return winner[0]


def _drawn(live: Sequence[Particle], fractions: dict[Particle, float], lineage: str) -> Particle:
    point, edge = stream(lineage, "take") / 2**63, 0.0
    for particle in live:
        edge += fractions[particle]
        if point < edge:
            return particle
    return live[-1]


def _value(particle: Particle, variable: str) -> Any:
    """The last value of a variable, or the output without what does not make it another answer; None if missing."""
    rollout: Any = particle.rollout
    if variable == OUTPUT_TEXT:
        return None if rollout.output is None else plain(rollout.output)
    values = (m for m in reversed(particle.state.log) if VARIABLE in m.to and m.ref)
    last = next((m for m in values if variable in (m.ref, variable_of(m.ref or ""))), None)
    return None if last is None else decoded(last)
