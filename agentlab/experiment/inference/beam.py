"""Beam search: after each weight only the heaviest particles go on, each in several ways. It estimates nothing."""

import math

from agentlab.experiment.inference.outcome import chosen_from
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Population
from agentlab.scenario.inference_fields import BeamFields
from agentlab.types import Rollout


async def beam(fields: BeamFields, population: Population) -> Rollout:
    """Keeps the particles with the largest weight of the whole log; of equal ones, those made first."""
    particles = await population.founders(range(1, fields.beams * fields.expand + 1))
    while not all(particle.over for particle in particles):
        await population.advance(particles)
        order = sorted(range(len(particles)), key=lambda i: (-particles[i].total, i))
        heaviest = [i for i in order[: fields.beams] if particles[i].total > -math.inf]
        if not heaviest:
            break
        decided = await population.decide({"ancestors": heaviest})
        best: list[Particle] = [particles[i] for i in decided["ancestors"]]
        await population.prune(particle for particle in particles if particle not in best)
        particles = list[Particle]()
        for particle in best:
            particles.append(particle)
            if not particle.over:
                particles += [await population.copy(particle) for _ in range(fields.expand - 1)]
    for particle in particles:
        particle.log_weight = particle.total
    return await chosen_from(population, particles, fields.take)
