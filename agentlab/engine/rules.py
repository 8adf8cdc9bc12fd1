"""The rules of an organization applied to its log: who acts next, and which messages a round brings.

Pure: the same log and replies give the same messages, which come back without round and index.
"""

import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from agentlab.errors import AgentlabError, ProtocolError
from agentlab.organization import tagged
from agentlab.organization.agents import Agent, Organization
from agentlab.text import utf8_safe
from agentlab.types import Call, Completion, Message, Task


def opening(organization: Organization, task: Task, stream: int) -> list[Message]:
    """The messages before the first round."""
    opened = _made(organization, organization.protocol.open, task)
    return opened + _advanced(organization, (), opened, 0, stream)


def awake(
    organization: Organization, log: Sequence[Message], round: int, reported: Collection[str]
) -> tuple[list[Agent], frozenset[str]]:
    """The agents that act in `round`, and the names of those that only bounces woke.

    A bounce here is any message of a kind that wakes an agent once in a row. `reported` are the agents that only
    bounces woke in the round before: another bounce does not wake them, so that the rollout ends.
    """
    woken: dict[str, bool] = {}
    for message in reversed(log):
        if message.round < round - 1:
            break
        wakes = organization.kinds[message.kind].wakes
        for name in message.to if wakes != "never" else ():
            woken[name] = woken.get(name, False) or wakes == "always"
    actors = [a for a in organization.agents if a.name in woken and (woken[a.name] or a.name not in reported)]
    return actors, frozenset(agent.name for agent in actors if not woken[agent.name])


def following(
    organization: Organization, log: Sequence[Message], turns: Iterable[Sequence[Call]], round: int, stream: int
) -> list[Message]:
    """The messages of a round. `log` is that of earlier rounds, `turns` are the calls of each actor in roster order."""
    log = tuple(log)
    messages = [message for turn in turns for message in said(organization, log, turn)]
    if organization.hooks.settle is not None:
        whole = (*log, *stamped(messages, round, len(log)))
        messages += _made(organization, organization.hooks.settle, whole, round)
    return messages + _advanced(organization, log, messages, round, stream)


def said(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> list[Message]:
    """The messages of one agent's turn: those of its tools, then those of its reply, which is routed after them."""
    done = acted(organization, log, turn)
    behind = (*log, *stamped(done, turn[-1].round, len(log))) if done else log
    return done + routed(organization, behind, turn)


def acted(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> list[Message]:
    """The messages that the protocol makes of what tools did in one agent's turn."""
    act, last = organization.hooks.act, turn[-1]
    if act is None or last.completion is None:
        return []
    return _made(organization, act, last.actor, turn, log, last.round)


def routed(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> list[Message]:
    """The messages that the protocol makes of the reply that ends one agent's turn."""
    last = turn[-1]
    if last.completion is None:
        return []
    if organization.hooks.collect is not None:
        answered = [call for call in turn if call.completion is not None and not call.tool_results]
        replies = [heard(organization, call) for call in answered]
        return _made(organization, organization.hooks.collect, last.actor, replies, log, last.round)
    return _made(organization, organization.protocol.route, last.actor, heard(organization, last), log, last.round)


def heard(organization: Organization, call: Call) -> Completion:
    """A reply as it is routed: without tool calls that it wrote as tags, where no further call was made."""
    completion = call.completion or Completion("")
    agent = organization.roster.get(call.actor)
    if agent is None or not agent.guide or not completion.tool_calls:
        return completion
    return replace(completion, text=tagged.spoken(completion.text, agent.offered, organization.protocol.tags))


def _advanced(
    organization: Organization, log: Sequence[Message], messages: Sequence[Message], round: int, stream: int
) -> list[Message]:
    if organization.hooks.advance is None:
        return []
    whole = (*log, *stamped(messages, round, len(log)))
    return _made(organization, organization.hooks.advance, whole, round, stream)


def stamped(messages: Iterable[Message], round: int, first: int) -> Iterable[Message]:
    """Messages of `round`, of which the first gets the index `first`."""
    return (replace(message, round=round, index=first + i) for i, message in enumerate(messages))


def _made(organization: Organization, method: Callable[..., Sequence[Message]], *arguments: Any) -> list[Message]:
    """What a method of the protocol returns. Raises `ProtocolError` when it raises, or breaks its own declaration."""
    name = type(organization.protocol).__name__
    try:
        messages = list(method(*arguments))
    except AgentlabError:
        raise
    except Exception as error:  # a protocol of one's own may raise anything
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise ProtocolError(
            f"protocol {name}: `{getattr(method, '__name__', 'a method')}` raised {type(error).__name__}: {error} "
            f"({at.filename}:{at.lineno}); fix the protocol or its fields: it must return messages for any text that "
            f"a model writes"
        ) from error
    for message in messages:
        content: Any = message.content
        to: Any = message.to
        if not isinstance(content, str) or not isinstance(to, tuple):
            raise ProtocolError(
                f"protocol {name} wrote a {message.kind} with content {content!r} to {to!r}; content must be text, "
                f"and `to` must be a tuple of names"
            )
        if message.kind not in organization.kinds:
            known = ", ".join(organization.kinds)
            raise ProtocolError(
                f"protocol {name} wrote a message of kind {message.kind!r}, which it does not declare; add it to the "
                f"protocol's `kinds`, which are {known}"
            )
    return [m if m.content.isascii() else replace(m, content=utf8_safe(m.content)) for m in messages]
