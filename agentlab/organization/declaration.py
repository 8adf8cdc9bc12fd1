"""What a protocol declares: kinds, tags, edges, and optional hooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from agentlab.interfaces import Routing
from agentlab.types import TASK, Call, Completion, Message, MessageKind, Settings

Flaw = tuple[tuple[str | int, ...], str, str]
"""A mistake in a protocol's own fields: path below `protocol`, what is wrong, what would be right."""

ENGINE: Mapping[str, MessageKind] = {
    "task": MessageKind("hidden"),  # shown at the head of the prompt, to those who are briefed
    "closing": MessageKind("text"),
    "output": MessageKind(),
}
"""Kinds that every protocol has, because the engine writes or reads them."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a turn is sampled where its protocol has a say in it."""

    settings: Settings = field(default_factory=Settings)
    """Settings in place of the agent's; what is unset stays the agent's."""
    times: int = 1
    """Independent replies to one prompt. More than one excludes tools."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """The optional methods of a protocol, or None. All are pure. The engine adds round and index to messages."""

    view: Callable[[str, Sequence[Message], int], Sequence[Message]] | None = None
    """`view(agent, log, round)`: what the agent sees after its mail. It is rendered like messages and is never in the
    log. `log` holds the messages of earlier rounds."""
    act: Callable[[str, Sequence[Call], Sequence[Message], int], Sequence[Message]] | None = None
    """`act(agent, turn, log, round)`: messages about what the agent's tools did in its turn; called before `route`."""
    settle: Callable[[Sequence[Message], int], Sequence[Message]] | None = None
    """`settle(log, round)`: called once all replies of a round are routed; `log` ends with the messages of that
    round."""
    advance: Callable[[Sequence[Message], int, int], Sequence[Message]] | None = None
    """`advance(log, round, stream)`: steps without an agent, called after the task is posted (round 0) and after every
    round. `stream` is the random stream of this step, 63 bits."""
    sampling: Callable[[str, Sequence[Message], int], Sampling] | None = None
    """`sampling(agent, log, round)`: how the agent's turn is sampled. `log` holds the messages of earlier rounds."""
    collect: Callable[[str, Sequence[Completion], Sequence[Message], int], Sequence[Message]] | None = None
    """`collect(agent, replies, log, round)`: takes the place of `route` for a protocol with `sampling`; it gets every
    reply of the turn."""
    workspace: Callable[[Sequence[Message]], Mapping[str, str]] | None = None
    """`workspace(log)`: files by path, as tools and judges may read them."""
    manual_with: Callable[[str, frozenset[str]], str] | None = None
    """`manual_with(agent, tools)`: the manual of an agent that has tools, by their names, in place of `manual`."""
    begins: Callable[[Sequence[Message]], Mapping[str, str]] | None = None
    """`begins(log)`: the files that a turn begins with, if they are not those of `workspace(log)`."""
    choose: Callable[[str, str, Sequence[Message]], Sequence[Message]] | None = None
    """`choose(text, finding, log)`: for a baseline whose tries are compared by a selector. `log` ends with the messages
    of this try."""


def hooks_of(protocol: Routing) -> Hooks:
    """The hooks that `protocol` has."""
    return Hooks(**{hook.name: getattr(protocol, hook.name, None) for hook in fields(Hooks)})


def kinds_of(protocol: Any) -> Mapping[str, MessageKind]:
    """Every kind that this protocol (or protocol class) uses, including the engine's own."""
    return {**protocol.kinds, **ENGINE}


def tags_of(protocol: Any) -> tuple[str, ...]:
    """Every tag that this protocol (or class of one) reads or that its messages are shown in."""
    shown = (name for name, kind in kinds_of(protocol).items() if kind.shown == "tag")
    return tuple(dict.fromkeys((*protocol.tags, *shown)))


def reachable(edges: Mapping[str, Sequence[str]]) -> set[str]:
    """The members that a message can reach, starting from the task."""
    seen, todo = set[str](), list(edges.get(TASK, ()))
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += edges.get(name, ())
    return seen


def dead_ends(edges: Mapping[str, Sequence[str]], cast: Sequence[str]) -> list[str]:
    """Agents that can be reached but may not write to anyone, not even to `@output`."""
    there = reachable(edges)
    return [name for name in cast if name in there and not edges.get(name)]
