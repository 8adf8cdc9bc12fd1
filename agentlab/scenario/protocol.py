"""The protocol of a condition: shipped or one's own, checked against the cast before anything is asked."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from agentlab.interfaces import Routing
from agentlab.mapping import mapping
from agentlab.organization.agents import Closing, Organization
from agentlab.organization.declaration import Flaw, dead_ends, reachable, tags_of
from agentlab.organization.markup import NAME
from agentlab.organization.protocols import KINDS, SHIPPED
from agentlab.own_code import is_own
from agentlab.scenario import plugins as parts
from agentlab.scenario.document import Keys, dotted
from agentlab.scenario.fields import OrganizationFields
from agentlab.scenario.unknown import kind_of
from agentlab.scenario.validate import CheckedDocument, existing
from agentlab.seeds import ordered
from agentlab.types import MessageKind

PROTOCOL: Keys = ("organization", "protocol")


class Cast(Struct, frozen=True):
    """Who takes part, and the question at the end."""

    names: tuple[str, ...]
    closing: Closing | None
    writers: tuple[str, ...] | None


def protocol(site: CheckedDocument, org: OrganizationFields, cast: Cast) -> tuple[Routing | None, dict[str, Any]]:
    """The protocol's routing, and its fields as they decide the identity."""
    part: dict[str, Any] = dict(org.protocol)
    kind = part.get("kind")
    if is_own(kind):
        routing, config = _own_protocol(site, str(kind), cast, org.rounds)
    elif flaw := kind_of(part, KINDS):
        field, wrong, right = flaw
        (site.unknown if field != "kind" else site.wrong)((*PROTOCOL, field), wrong, right)
        return None, part
    else:
        config = site.validate(KINDS[str(kind)], PROTOCOL)
        if config is None or not all(name in org.agents for name in cast.names):
            return None, part
        routing, part = _built(site, config, cast), _identity(config)
    if routing is None or not _holds_together(site, routing, config, cast.names, rounds_of(org, config)):
        return None, part
    return routing, _identifying(routing, part)


def rounds_of(org: OrganizationFields, program: Any) -> int:
    """The limit of rounds. A program, which has `bound`, needs no more than that unless the scenario says so."""
    bound: int | None = getattr(program, "bound", None)
    return org.rounds if bound is None or "rounds" in org.model_fields_set else bound


def _identity(config: Any) -> dict[str, Any]:
    """The fields of a protocol as they decide what it does."""
    return config.identity() if hasattr(config, "identity") else config.model_dump(mode="json")


def ordered_fields(routing: Routing) -> frozenset[str]:
    """The fields of a protocol that it declares, as `ordered`, to be mappings the order of whose keys counts."""
    return frozenset(getattr(routing, "ordered", ()))


def _identifying(routing: Routing, part: dict[str, Any]) -> dict[str, Any]:
    """The fields of a protocol as they decide the identity."""
    for name in ordered_fields(routing) & part.keys():
        if isinstance(part[name], Mapping):
            part[name] = ordered(part[name])
    return part


def _own_protocol(site: CheckedDocument, kind: str, cast: Cast, rounds: int) -> tuple[Routing | None, Any]:
    """A protocol of one's own, and its configuration where it has one: else it is called with its fields.

    A function is a program.
    """
    try:
        part = parts.get(kind, site.folder)
        if isinstance(part, type) and issubclass(part, BaseModel):
            config = site.validate(part, PROTOCOL)
            return (None if config is None else _built(site, config, cast)), config
        fields = {key: value for key, value in mapping(site.get(PROTOCOL)).items() if key != "kind"}
        if inspect.isfunction(part):  # pyright: ignore[reportUnknownArgumentType]
            return SHIPPED["program"].of(kind, part, cast.names, rounds, fields), None
        made = parts.make(kind, site.folder, {"cast": cast.names, "closing": cast.closing, **fields})
        return (made if _declared(site, made) else None), None
    except ValueError as error:
        site.wrong((*PROTOCOL, "kind"), str(error), "fix the module, or name another protocol")
        return None, None


def _built(site: CheckedDocument, config: Any, cast: Cast) -> Routing | None:
    routing = _fitting(site, config, cast.names, cast.closing, cast.writers)
    return routing if routing is not None and _declared(site, routing) else None


def _fitting(
    site: CheckedDocument, config: Any, names: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None
) -> Routing | None:
    """The routing that a configuration builds; None where its fields do not fit the cast."""
    flaws: list[Flaw] = []
    if hasattr(config, "mistakes_for"):
        flaws += config.mistakes_for(names, _task_fields(site))
    elif hasattr(config, "mistakes"):
        flaws += config.mistakes(names)
    if _left_out(site, flaws, names) or site.flaws(PROTOCOL, flaws):
        return None
    return config.build(names, closing, writers)


def _task_fields(site: CheckedDocument) -> list[str]:
    """The fields that every task has, in the order of the first one."""
    tasks = [mapping(mapping(task).get("fields")) for task in mapping(site.get(()).get("tasks")).values()]
    return [name for name in (tasks[0] if tasks else ()) if all(name in fields for fields in tasks)]


def _left_out(site: CheckedDocument, flaws: Sequence[Flaw], names: tuple[str, ...]) -> bool:
    """Adds the one mistake where the protocol's are only that agents are missing which a cast or a level took out."""
    agents, cast = mapping(site.get(("organization", "agents"))), ("organization", "cast")
    named = [(steps, str(_named(site, steps))) for steps, *_ in flaws]
    removed = {name for _, name in named if ("organization", "agents", name) in site.tree.removed}
    if not named or any(name not in removed and (name not in agents or name in names) for _, name in named):
        return False
    steps, name = named[0]
    there = f"protocol.{dotted(steps)} ({site.tree.place((*PROTOCOL, *steps))})"
    if name in removed:
        wrong, right = f"agent {name!r} is removed, but {there} names it", "keep it, or use another protocol"
        site.wrong(("organization", "agents", name), wrong, right)
    else:
        wrong = f"the cast leaves out {name!r}, but {there} names it"
        site.wrong(cast, wrong, f"add {name!r} to the cast, or give this condition another protocol")
    return True


def _named(site: CheckedDocument, steps: Keys) -> object:
    """The name that stands at these steps of the protocol: a value, else the key."""
    where = existing(site.tree, PROTOCOL, steps)
    value = site.get(where)
    return value if isinstance(value, str) else where[-1]


def _declared(site: CheckedDocument, routing: Routing) -> bool:
    """Whether a protocol declares all that it must."""
    name = type(routing).__name__
    try:
        lacking = [part for part in _PARTS if not hasattr(routing, part)]
        wrong = f"{name} has no {', no '.join(lacking)}" if lacking else ""
        if not wrong and (odd := [tag for tag in tags_of(routing) if not NAME.fullmatch(tag)]):
            wrong = f"{name} declares the tag {odd[0]!r}; a tag is lower-case letters, digits, - and _"
    except Exception as error:  # a protocol of the user's may fail in any way
        wrong = f"{name}: {type(error).__name__}: {error}"
    if wrong:
        site.wrong((*PROTOCOL, "kind"), wrong, "declare it as docs/extending.md shows")
    return not wrong


_PARTS = ("kinds", "tags", "edges", "briefed", "open", "manual", "route")


def _holds_together(site: CheckedDocument, routing: Routing, config: Any, names: tuple[str, ...], rounds: int) -> bool:
    """Whether the organization holds together: every agent can be reached, none is a dead end, rounds suffice."""
    where, edges = (getattr(config, "edges_at", "kind"),), routing.edges
    reached, right = reachable(edges), "add a path to it from an agent that gets the task"
    flaws: list[Flaw] = [(where, f"agent {n!r} can never be reached", right) for n in names if n not in reached]
    if not flaws and len(names) > 1:
        for name in (ends := dead_ends(edges, names)):
            wrong = f"mail to {name!r} goes no further: {name!r} may not write to anyone"
            site.wrong((*PROTOCOL, *where, name), wrong, f"write a contact for {name!r}")
        if ends:
            return False
    if site.flaws(PROTOCOL, flaws):
        return False
    needed = config.turns() if hasattr(config, "turns") else 1
    if rounds < needed:
        site.wrong(
            ("organization", "rounds"), f"{rounds} rounds are too few to reach the output", f"write at least {needed}"
        )
    return rounds >= needed


def agree(site: CheckedDocument, organizations: Mapping[str, Organization]) -> None:
    """A kind of message means the same in every condition, so that a run's frames can count it."""
    known: dict[str, tuple[str, MessageKind]] = {}
    for condition, organization in organizations.items():
        for name, kind in organization.kinds.items():
            first, meant = known.setdefault(name, (condition, kind))
            if meant != kind:
                wrong = f"messages of kind {name!r} are declared differently in {condition} and in {first}"
                site.wrong((*PROTOCOL, "kind"), wrong, "give one of the two kinds another name")
