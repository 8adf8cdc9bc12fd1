"""Multilevel splitting with fixed effort: a rare event is reached level by level, by copies of those that came far."""

import math

from agentlab.experiment.inference.outcome import chosen_from, finite
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Population
from agentlab.scenario.inference_fields import SplittingFields
from agentlab.types import Rollout


async def splitting(fields: SplittingFields, population: Population) -> Rollout:
    """Estimates the chance that the score reaches the last level in some round of a rollout that is not rejected.

    At each level the same number of particles is played until the score reaches the level, or to the end. Those of the
    next level are copies of those that reached it, drawn with replacement. The product of the shares that reached
    their level is unbiased (Garvels 2000; a Feynman-Kac model whose potentials are 0 or 1).
    """
    size, log_evidence = fields.particles, 0.0
    particles = await population.founders(range(1, size + 1))
    for number, level in enumerate(fields.level.at):
        while waiting := [particle for particle in particles if not particle.over and particle.score < level]:
            await population.advance(waiting)
        reached = [i for i, particle in enumerate(particles) if particle.score >= level]
        log_evidence += math.log(len(reached) / size) if reached else -math.inf
        last = number == len(fields.level.at) - 1
        if last or not reached:
            break
        picks = population.uniforms("split", number, count=size)
        chosen = sorted(reached[int(pick * len(reached))] for pick in picks)
        step = await population.decide({"level": level, "reached": len(reached), "ancestors": chosen})
        particles = await population.resample(particles, step["ancestors"])
    return await _ended(fields, population, particles, log_evidence)


async def _ended(
    fields: SplittingFields, population: Population, particles: list[Particle], log_evidence: float
) -> Rollout:
    """Plays those that reached the last level to their end; each of them weighs the same, unless it is rejected."""
    event = fields.level.at[-1]
    reached = [particle for particle in particles if particle.score >= event]
    await population.advance(reached, to_end=True)
    kept = {particle for particle in reached if particle.total > -math.inf}
    share = sum(particle in kept for particle in reached) / max(1, len(reached))
    log_evidence += math.log(share) if share else -math.inf
    population.about |= {"log_evidence": finite(log_evidence), "reached": len(reached)}
    for particle in particles:
        particle.log_weight = particle.total = 0.0 if particle in kept else -math.inf
    return await chosen_from(population, particles, fields.take)
