"""What an agent saw: a pure fold over the log, equal to the byte whenever it is made again."""

from collections.abc import Iterable, Iterator, Sequence

from agentlab.organization.agents import Agent, Organization
from agentlab.organization.tags import markup_of
from agentlab.types import Call, ChatMessage, Message


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
        read = [message for message in heard if since <= message.round < turn]
        parts += render(organization, [*read, *viewed(organization, agent, log, turn)])
        entries.append(ChatMessage("user", "\n\n".join(parts)))
        entries += (entry for call in calls if call.round == turn for entry in _own(call))
    return tuple(entries)


def viewed(organization: Organization, agent: Agent, log: Sequence[Message], round: int) -> Sequence[Message]:
    """What the protocol shows the agent in this round beside its mail."""
    view = organization.hooks.view
    return view(agent.name, [message for message in log if message.round < round], round) if view else ()


def render(organization: Organization, messages: Iterable[Message]) -> list[str]:
    """Messages as their reader sees them, by their declared kinds: quoted text can hold no tag of the protocol."""
    markup, kinds = markup_of(organization.tags), organization.kinds
    shown: list[str] = []
    for m in messages:
        kind = kinds[m.kind]
        if kind.shown == "text":
            shown.append(markup.escape(m.content))
        elif kind.shown == "tag":
            ref = f' {kind.ref}="{markup.attribute(m.ref)}"' if kind.ref and m.ref else ""
            head = f'{m.kind} from="{markup.attribute(m.sender)}"{ref}'
            shown.append(f"<{head}>\n{markup.escape(m.content)}\n</{m.kind}>")
    return shown


def _first_kept(agent: Agent, turns: list[int]) -> int:
    if agent.memory == "all":
        return 0
    return len(turns) - 1 if agent.memory == "unread" else max(0, len(turns) - 1 - agent.memory)


def _brief(organization: Organization, agent: Agent, log: Sequence[Message]) -> str:
    if agent.name not in organization.protocol.briefed:
        return ""
    escape = markup_of(organization.tags).escape
    return next((escape(message.content) for message in log if message.kind == "task"), "")


def _own(call: Call) -> Iterator[ChatMessage]:
    if call.completion is None:
        return
    answer = call.completion
    yield ChatMessage("assistant", answer.text, answer.tool_calls, opaque=answer.opaque)
    for result in call.tool_results:
        yield ChatMessage("tool", result.content, tool_call_id=result.id)
