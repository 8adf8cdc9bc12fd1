"""What an agent saw: a pure fold over the log, equal to the byte whenever it is made again."""

from collections.abc import Iterator, Sequence

from agentlab.organization.agents import Agent, Organization
from agentlab.organization.tags import attribute, escape
from agentlab.types import TASK, Call, ChatMessage, Message


def chat(
    organization: Organization, agent: Agent, log: Sequence[Message], calls: Sequence[Call], round: int
) -> tuple[ChatMessage, ...]:
    """The chat that `agent` is sent in `round`.

    `log` holds messages of earlier rounds (later ones are not looked at), `calls` this agent's own calls so far, in
    order; those of `round` itself are the earlier steps of a turn that uses tools. Nobody else's calls have a say.
    """
    system = organization.systems[agent.name]
    entries = [ChatMessage("system", system)] if system else []
    heard = [message for message in log if agent.name in message.to]
    turns = list(dict.fromkeys(call.round for call in calls))
    if round not in turns:
        turns.append(round)
    first = _first_kept(agent, turns)
    brief = _brief(organization, agent, log)
    for i, turn in enumerate(turns):
        if i < first:
            continue
        since = turns[i - 1] if i else 0
        parts = [brief] if i == first and brief else []
        parts += [render(message) for message in heard if since <= message.round < turn and message.kind != "task"]
        entries.append(ChatMessage("user", "\n\n".join(parts)))
        entries += (entry for call in calls if call.round == turn for entry in _own(call))
    return tuple(entries)


def render(message: Message) -> str:
    """A message as its reader sees it: in a tag that names its sender, which nobody else can write."""
    if message.sender == TASK:
        return escape(message.content)
    ref = f' subject="{attribute(message.ref)}"' if message.ref and message.kind == "mail" else ""
    return f'<{message.kind} from="{attribute(message.sender)}"{ref}>\n{escape(message.content)}\n</{message.kind}>'


def _first_kept(agent: Agent, turns: list[int]) -> int:
    if agent.memory == "all":
        return 0
    return len(turns) - 1 if agent.memory == "unread" else max(0, len(turns) - 1 - agent.memory)


def _brief(organization: Organization, agent: Agent, log: Sequence[Message]) -> str:
    if agent.name not in organization.protocol.briefed:
        return ""
    return next((escape(message.content) for message in log if message.kind == "task"), "")


def _own(call: Call) -> Iterator[ChatMessage]:
    if call.completion is None:
        return
    answer = call.completion
    yield ChatMessage("assistant", answer.text, answer.tool_calls, opaque=answer.opaque)
    for result in call.tool_results:
        yield ChatMessage("tool", result.content, tool_call_id=result.id)
