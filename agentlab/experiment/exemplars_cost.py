"""What examples in prompts add to a plan: kept replies that a loop shows to agents, from one rollout played for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import structs

from agentlab.interfaces import Model
from agentlab.models.cost import Cost
from agentlab.models.prices import estimated
from agentlab.models.spec import ModelSpec
from agentlab.models.wrapping import Wrapping
from agentlab.scenario.condition import Condition
from agentlab.types import Call, Completion, Request, Task

LETTERS = 4
"""Characters of a token."""


@dataclass(frozen=True, slots=True)
class Heard(Wrapping):
    """A model that notes, for each agent, the characters of what it was told last and of its reply."""

    inner: Model
    characters: dict[str, int] = field(default_factory=dict[str, int])

    async def complete(self, request: Request) -> Completion:
        answer = await self.inner.complete(request)
        told = [entry.content for entry in request.chat if entry.role == "user"]
        self.characters[request.where.actor] = len(told[-1] if told else "") + len(answer.text)
        return answer


def with_examples(
    condition: Condition, tasks: Mapping[str, Task], call: Call, heard: Mapping[str, int], spec: ModelSpec
) -> Cost:
    """A call of a trained generation, whose prompt has as many examples as there can be; the call itself without any.

    Longer rows than the trainer's `characters` are no examples, so an example counts with at most so many.
    """
    loop, usage = condition.loop, call.completion and call.completion.usage
    if usage is None:
        return Cost()
    learning = {agent.name for agent in condition.organization.agents if loop and agent.model == loop.fields.policy}
    if loop is None or loop.fields.by.get("kind") != "exemplars" or call.actor not in learning:
        return estimated(spec, usage)
    turns, cap = loop.fields.keep.turns, loop.fields.keep.cap
    if turns.of != "cast" and call.actor not in turns.of:
        return estimated(spec, usage)
    kept = sum(min(draws, cap or draws) for task in tasks.values() if (draws := _learned(condition, task)))
    examples = min(int(loop.settings.get("examples", 0)), kept)
    size = min(heard.get(call.actor, 0), int(loop.settings.get("characters", 0)))
    return estimated(spec, structs.replace(usage, input=usage.input + examples * -(-size // LETTERS)))


def _learned(condition: Condition, task: Task) -> int:
    """Draws of a task that is learned from; 0 of another."""
    assert condition.loop is not None
    split = condition.loop.split(task)
    return split.draws if split.role == "learn" else 0
