"""What the rules of an organization make of what has happened: who acts next, and which messages a round brings.

Pure: the same log and replies give the same messages, which come back unstamped.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from agentlab.errors import ProtocolError
from agentlab.organization.agents import Agent, Organization
from agentlab.types import Call, Message, Task


def opening(organization: Organization, task: Task, stream: int) -> list[Message]:
    """The messages before the first round."""
    opened = _declared(organization, organization.protocol.open(task))
    return opened + _advanced(organization, (), opened, 0, stream)


def awake(
    organization: Organization, log: Sequence[Message], round: int, reported: Collection[str]
) -> tuple[list[Agent], frozenset[str]]:
    """Who acts in `round`, and of them who does on nothing but messages that wake once in a row, such as bounces.

    `reported` are those of the round before; they do not act twice in a row on such messages, lest it never ends.
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
    messages = [m for turn in turns for m in (*acted(organization, log, turn), *routed(organization, log, turn))]
    if organization.hooks.settle is not None:
        whole = (*log, *_stamped(messages, round, len(log)))
        messages += _declared(organization, organization.hooks.settle(whole, round))
    return messages + _advanced(organization, log, messages, round, stream)


def acted(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> list[Message]:
    """What becomes of what the tools of one agent's turn did."""
    act, last = organization.hooks.act, turn[-1]
    if act is None or last.completion is None:
        return []
    return _declared(organization, act(last.actor, turn, log, last.round))


def routed(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> list[Message]:
    """What becomes of the reply that ends one agent's turn."""
    last = turn[-1]
    if last.completion is None:
        return []
    return _declared(organization, organization.protocol.route(last.actor, last.completion, log, last.round))


def _advanced(
    organization: Organization, log: Sequence[Message], messages: Sequence[Message], round: int, stream: int
) -> list[Message]:
    if organization.hooks.advance is None:
        return []
    whole = (*log, *_stamped(messages, round, len(log)))
    return _declared(organization, organization.hooks.advance(whole, round, stream))


def _stamped(messages: Iterable[Message], round: int, first: int) -> Iterable[Message]:
    return (replace(message, round=round, index=first + i) for i, message in enumerate(messages))


def _declared(organization: Organization, messages: Sequence[Message]) -> list[Message]:
    for message in messages:
        if message.kind not in organization.kinds:
            name, known = type(organization.protocol).__name__, ", ".join(organization.kinds)
            raise ProtocolError(
                f"protocol {name} wrote a message of kind {message.kind!r}, which it does not declare; add it to the "
                f"protocol's `kinds`, which are {known}"
            )
    return list(messages)
