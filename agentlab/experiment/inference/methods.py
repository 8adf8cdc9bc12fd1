"""Every method of inference by the `kind` of the scenario's `inference:` section."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from agentlab.engine.spec import unstarted
from agentlab.experiment.inference.beam import beam
from agentlab.experiment.inference.forward import independent
from agentlab.experiment.inference.population import Interrupted, Population
from agentlab.experiment.inference.rejection import rejection
from agentlab.experiment.inference.smc import smc
from agentlab.experiment.inference.splitting import splitting
from agentlab.scenario.inference_fields import InferenceFields
from agentlab.types import Rollout

METHODS: Mapping[str, Callable[[Any, Population], Awaitable[Rollout]]] = {
    "forward": independent,
    "weighting": independent,
    "rejection": rejection,
    "smc": smc,
    "beam": beam,
    "splitting": splitting,
}


async def infer(fields: InferenceFields, population: Population) -> Rollout:
    """The rollout that the method makes of its population; why it could not be finished is in its status."""
    try:
        return await METHODS[fields.kind](fields, population)
    except Interrupted as interrupted:
        about = {**population.about, "log_evidence": None}
        return replace(unstarted(population.spec), status=interrupted.status, error=interrupted.error, about=about)
