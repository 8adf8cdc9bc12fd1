"""Sequential Monte Carlo: particles are resampled where their weights have become uneven."""

import math

from agentlab.experiment.inference.outcome import settled
from agentlab.experiment.inference.population import Population
from agentlab.scenario.inference_fields import SmcFields
from agentlab.stats.particles.weights import ancestors, effective_size, log_sum
from agentlab.types import Rollout


async def smc(fields: SmcFields, population: Population) -> Rollout:
    """Plays all particles to their next weight, and resamples them when the effective sample size is low.

    Without resampling this is likelihood weighting. The product of the mean weights is an unbiased estimate of the
    evidence under each scheme (Del Moral 2004).
    """
    size, offset = fields.particles, 0.0
    particles = await population.founders(range(1, size + 1))
    while not all(particle.over for particle in particles):
        await population.advance(particles)
        weights = [particle.log_weight for particle in particles]
        total, effective = log_sum(weights), effective_size(weights)
        if total == -math.inf:
            break
        chosen = None
        if effective < fields.resample * size and not all(particle.over for particle in particles):
            uniforms = population.uniforms("resample", len(population.about.get("steps", ())), count=size)
            chosen = ancestors(weights, fields.by, uniforms)
        step = await population.decide({"ess": round(effective, 6), "ancestors": chosen})
        if step["ancestors"] is not None:
            offset += total - math.log(size)
            particles = await population.resample(particles, step["ancestors"])
    await population.advance(particles, to_end=True)
    return await settled(population, particles, fields.take, offset)
