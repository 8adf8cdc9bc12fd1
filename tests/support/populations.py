"""Populations of the hidden chain of states without a run folder, and the posterior of one with a folder."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec
from agentlab.experiment.inference.keep import Unkept
from agentlab.experiment.inference.methods import infer
from agentlab.experiment.inference.population import Population
from agentlab.interfaces import JudgeClient
from agentlab.models.simulated.sim import Sim
from agentlab.organization.agents import Agent, Organization
from agentlab.scenario.inference_fields import KINDS, InferenceFields, likelihood_of
from agentlab.types import JudgeInput, Rollout, Task, Verdict
from tests.support.chain_of_states import ChainOfStates, next_state

SEEN = ("x", "y", "y", "x", "y")


class Kept(Unkept):
    """Keeps the particles that ended."""

    def __init__(self) -> None:
        self.particles: list[Rollout] = []

    async def finish(self, particle: Rollout) -> None:
        self.particles.append(particle)


@dataclass(frozen=True)
class Estimate:
    """What one population says: the rollout, its evidence, and the chance that the last state is B."""

    rollout: Rollout
    evidence: float
    last_b: float
    particles: list[Rollout] = field(repr=False)


class Hits:
    """A judge of how many rounds in a row, from the first of four on, somebody said `hit`; 0 after a miss."""

    criteria: Mapping[str, tuple[float, float]] = {"hits": (0, 4)}

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        said = [message.content for message in judge_input.messages if message.content in ("hit", "miss")]
        return [Verdict("hits", "scored", 0.0 if "miss" in said else float(len(said)))]


def fields_of(kind: str, **given: Any) -> InferenceFields:
    """The `inference:` section."""
    return KINDS[kind].model_validate({"kind": kind, **given})


def spec_of(draw: int, fields: InferenceFields, seen: tuple[str, ...] = SEEN) -> RolloutSpec:
    """One draw of the chain."""
    routing = ChainOfStates(("walker",), None, seen).weighing(likelihood_of(fields))
    organization = Organization((Agent("walker", memory="unread"),), routing, len(seen) + 1)
    return RolloutSpec(f"key{draw}", "states", "all", organization, Task("t", "Which?"), draw, 5)


def estimates(fields: InferenceFields, draws: Iterable[int]) -> list[Estimate]:
    """One for each draw."""

    async def all_of_them() -> list[Estimate]:
        return [await _estimate(fields, draw) for draw in draws]

    return asyncio.run(all_of_them())


async def _estimate(fields: InferenceFields, draw: int) -> Estimate:
    client, kept = Client({"default": Sim("sim/next", next_state())}), Kept()
    async with AsyncExitStack() as stack:
        rollout = await infer(fields, Population(spec_of(draw, fields), client, stack, kept))
    weights = [(math.exp(one.weight), one) for one in kept.particles if one.weight is not None]
    total = math.fsum(weight for weight, _ in weights)
    last_b = math.fsum(weight for weight, one in weights if one.output == "B")
    log = rollout.about.get("log_evidence")
    return Estimate(
        rollout, 0.0 if log is None else math.exp(log), last_b / total if total else math.nan, kept.particles
    )
