"""The exact distribution of a program's outcomes when its agents are simulated tables, by trying every reply."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from cascades.table import Table
from msgspec.structs import replace

from agentlab.engine.rules import following, opening
from agentlab.organization.agents import Organization
from agentlab.types import OUTPUT, REJECT, Call, Completion, Message, Settings, Task

Outcomes = Mapping[str | None, float]
"""The probability of each output; None is a rollout without one."""


def outcomes(organization: Organization, task: Task, tables: Mapping[str, Table], stream: int = 0) -> Outcomes:
    """`tables` are by agent. What a program chooses by its seed is drawn by `stream`, and not enumerated."""
    found: dict[str | None, float] = {}
    start = _stamped(opening(organization, task, stream), 0, 0)
    for output, chance in _paths(organization, tables, start, 0, stream):
        found[output] = found.get(output, 0.0) + chance
    return found


def _paths(
    organization: Organization, tables: Mapping[str, Table], log: list[Message], round: int, stream: int
) -> Iterator[tuple[str | None, float]]:
    asked = [message for message in log if message.kind == "step" and message.round == round]
    ended = [message.content for message in log if OUTPUT in message.to]
    if any(REJECT in message.to for message in log) or not asked:
        yield (ended[-1] if ended else None), 1.0
        return
    asked.sort(key=lambda message: [agent.name for agent in organization.agents].index(message.to[0]))
    rows = [tables[message.to[0]].row(message.to[0], message.content) for message in asked]
    for replies in product(*(row.items() for row in rows)):
        chance = 1.0
        for _, p in replies:
            chance *= p
        turns = [(_call(m.to[0], text, round + 1),) for m, (text, _) in zip(asked, replies, strict=True)]
        more = following(organization, log, turns, round + 1, stream)
        later = [*log, *_stamped(more, round + 1, len(log))]
        for output, rest in _paths(organization, tables, later, round + 1, stream):
            yield output, chance * rest


def _call(agent: str, text: str, round: int) -> Call:
    return Call(agent, round, 0, 1, "sim", Settings(), "", Completion(text))


def _stamped(messages: Sequence[Message], round: int, first: int) -> list[Message]:
    return [replace(message, round=round, index=first + i) for i, message in enumerate(messages)]
