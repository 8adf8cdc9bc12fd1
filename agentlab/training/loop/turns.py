"""The turns of a rollout that an agent could learn from, each with the prompt that it answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentlab.engine.prompt import chat
from agentlab.engine.prompt_hash import answers, hash_of
from agentlab.errors import MismatchError
from agentlab.organization.agents import Organization
from agentlab.scenario.improve_fields import ImproveFields
from agentlab.training.loop.hints import Hint
from agentlab.types import OUTPUT, Call, ChatMessage, Message, Request, Rollout, Where

NOWHERE = Where("", "", 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply with its prompt."""

    agent: str
    round: int
    prompt: tuple[ChatMessage, ...]
    reply: str
    cut: bool
    """Whether a length limit cut it off."""


def turns_of(
    rollout: Rollout,
    calls: Iterable[Call],
    organization: Organization,
    fields: ImproveFields,
    hint: Hint | None = None,
) -> list[Turn]:
    """The turns that `improve.keep.turns` names, in order. A turn that used tools or has an empty reply is left out.

    Where the task had a hint, prompts are as they are without it, and a turn whose prompt still has it is left out.
    Raises `MismatchError` if a prompt is not the one that the model was sent.
    """
    agent_calls = sorted((call for call in calls if call.purpose == "agent"), key=lambda call: (call.round, call.k))
    turns: list[Turn] = []
    for call in _chosen(agent_calls, rollout.messages, organization, fields):
        answer = call.completion
        if answer is None or call.k or answer.tool_calls or not answer.text.strip():
            continue
        before = [c for c in agent_calls if c.actor == call.actor and c.round < call.round]
        prompt = checked_prompt(organization, rollout, before, call)
        if hint is not None:
            log = hint.without(rollout.messages)
            prompt = chat(organization, organization.roster[call.actor], log, before, call.round)
            if any(hint.text.strip() in entry.content for entry in prompt):
                continue
        turns.append(Turn(call.actor, call.round, prompt, answer.text, answer.stop == "length"))
    return turns


def checked_prompt(
    organization: Organization, rollout: Rollout, before: Sequence[Call], call: Call
) -> tuple[ChatMessage, ...]:
    """The prompt that the first call of a turn answered; `before` are the agent's calls of earlier rounds.

    Raises `MismatchError` if it is not the one that the model was sent.
    """
    agent = organization.roster[call.actor]
    prompt = chat(organization, agent, rollout.messages, before, call.round)
    request = Request(prompt, call.settings, agent.offered, NOWHERE)
    if not answers(call.prompt_hash, hash_of(request), request):
        raise MismatchError(
            f"rollout {rollout.key[:12]}: the prompt of {call.actor} in round {call.round} cannot be rebuilt from "
            f"the log; agentlab or a module of your own has changed since"
        )
    return prompt


def _chosen(
    calls: Sequence[Call], messages: Sequence[Message], organization: Organization, fields: ImproveFields
) -> list[Call]:
    rule = fields.keep.turns
    named = {
        a.name for a in organization.agents if a.model == fields.policy and (rule.of == "cast" or a.name in rule.of)
    }
    learning = [call for call in calls if call.actor in named]
    if rule.which == "last":
        last = {call.actor: call.round for call in learning}
        return [call for call in learning if call.round == last[call.actor]]
    if rule.which == "output":
        written = [(message.sender, message.round) for message in messages if OUTPUT in message.to][-1:]
        return [call for call in learning if (call.actor, call.round) in written]
    return learning
