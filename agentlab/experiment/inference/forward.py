"""Independent particles: forward sampling, and likelihood weighting where they have weights."""

from agentlab.experiment.inference.outcome import settled
from agentlab.experiment.inference.population import Population
from agentlab.scenario.inference_fields import ForwardFields, WeightingFields
from agentlab.types import Rollout


async def independent(fields: ForwardFields | WeightingFields, population: Population) -> Rollout:
    """Plays every particle to its end; nothing depends on the others."""
    particles = await population.founders(range(1, fields.particles + 1))
    await population.advance(particles, to_end=True)
    return await settled(population, particles, fields.take)
