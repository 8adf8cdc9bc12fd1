"""Attempts until some are accepted: rejection sampling, and waiting for r successes of a rare event."""

import math

from agentlab.errors import ProtocolError
from agentlab.experiment.inference.outcome import chosen_from, finite
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Population
from agentlab.scenario.inference_fields import RejectionFields
from agentlab.seeds import stream
from agentlab.stats.particles.rare import inverse_estimate
from agentlab.types import Rollout


async def rejection(fields: RejectionFields, population: Population) -> Rollout:
    """Makes attempts in batches and counts them in the order of their index.

    Of a batch, attempts after the last success that was needed do not count: the estimate would be biased. They are
    pruned. The evidence is (r - 1) / (K - 1) for r successes in K attempts, or the share of successes at the cap.
    """
    counted, accepted = list[Particle](), 0
    while len(counted) < fields.most and accepted < fields.accept:
        first, size = len(counted) + 1, min(fields.at_once, fields.most - len(counted))
        batch = await population.founders(range(first, first + size))
        await population.advance(batch, to_end=True)
        for place, attempt in enumerate(batch):
            if accepted == fields.accept:
                await population.prune(batch[place:])
                break
            counted.append(attempt)
            accepted += _accepted(fields, population, attempt, len(counted))
    population.about |= {"attempts": len(counted), "accepted": accepted, "wanted": fields.accept}
    estimate = inverse_estimate(accepted, len(counted), fields.accept)
    population.about["log_evidence"] = None if estimate is None else finite(_log(estimate))
    return await chosen_from(population, counted, fields.take)


def _accepted(fields: RejectionFields, population: Population, attempt: Particle, index: int) -> bool:
    """Whether the attempt counts; its weight is then 1, else 0. A weight below 1 is the chance that it counts."""
    if fields.success is not None:
        success = attempt.total > -math.inf and attempt.score >= fields.success.at_least
    else:
        if attempt.total > 0:
            raise ProtocolError(
                f"rejection cannot use a weight above 1 (this attempt weighs {math.exp(attempt.total):g}); subtract a "
                f"constant from the factors of the program, or use `kind: weighting`"
            )
        chance = math.exp(attempt.total)
        success = stream(population.spec.lineage, "accept", index) / 2**63 < chance
    attempt.log_weight = attempt.total = 0.0 if success else -math.inf
    return success


def _log(estimate: float) -> float:
    return math.log(estimate) if estimate > 0 else -math.inf
