"""Agents of which there are several: `copies: 3` of `coder` makes `coder.1`, `coder.2` and `coder.3`."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agentlab.mapping import mapping
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.fields import MOST_COPIES

Names = Mapping[str, tuple[str, ...]]
"""The copies of each agent that has some."""


def expand(tree: Tree) -> Tree:
    """The document of a condition with an agent for every copy, and every copy wherever its agent is named.

    In a list the name becomes the names of all copies, and so does a key of a mapping in the protocol; an agent is no
    contact of its own. Where one name is due, it stands for the copy if there is one only.
    """
    organization = mapping(tree.value.get("organization"))
    names = _copies(mapping(organization.get("agents")))
    if not names:
        return tree
    moved = dict[Keys, Keys]()
    value = dict(tree.value)
    value["organization"] = dict(organization)
    for section, old in organization.items():
        path = ("organization", section)
        if section == "agents":
            value["organization"][section] = _agents(mapping(old), names, moved)
        elif section == "protocol" and isinstance(old, dict):
            fields = cast(dict[str, Any], old).items()
            value["organization"][section] = {
                key: field if key == "kind" else _named(field, names, (*path, key), (*path, key), moved)
                for key, field in fields
            }
        elif section in ("cast", "output", "closing"):
            value["organization"][section] = _named(old, names, path, path, moved)
    if "addendum" in value:
        path = ("addendum",)
        value["addendum"] = {
            name: {**addendum, "to": _named(addendum["to"], names, (*path, name, "to"), (*path, name, "to"), moved)}
            if isinstance(addendum, dict) and "to" in addendum
            else addendum
            for name, addendum in mapping(value["addendum"]).items()
        }
    return _placed(tree, value, moved)


def _copies(agents: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Of the agents whose number of copies can be read; what is wrong with another is found when it is validated."""
    copied: dict[str, tuple[str, ...]] = {}
    for name, agent in agents.items():
        n = mapping(agent).get("copies")
        if isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MOST_COPIES:
            copies = tuple(f"{name}.{i + 1}" for i in range(n))
            if not set(copies) & agents.keys():
                copied[name] = copies
    return copied


def _agents(agents: Mapping[str, Any], names: Names, moved: dict[Keys, Keys]) -> dict[str, Any]:
    expanded: dict[str, Any] = {}
    for name, agent in agents.items():
        for copy in names.get(name, (name,)):
            expanded[copy] = {key: field for key, field in agent.items() if key != "copies"} if name in names else agent
            if copy != name:
                moved[("organization", "agents", copy)] = ("organization", "agents", name)
    return expanded


def _named(value: Any, names: Names, new: Keys, old: Keys, moved: dict[Keys, Keys]) -> Any:
    """`value` with copies for their agents. `moved` learns where what stands at a new path came from."""
    if isinstance(value, str):
        return names[value][0] if len(names.get(value, ())) == 1 else value
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for key, item in cast(dict[str, Any], value).items():
            for copy in names.get(key, (key,)):
                made[copy] = _named(item, names, (*new, copy), (*old, key), moved)
                moved[(*new, copy)] = (*old, key)
        return made
    if isinstance(value, list):
        return list(_items(cast(list[Any], value), names, new, old, moved))
    return value


def _items(value: list[Any], names: Names, new: Keys, old: Keys, moved: dict[Keys, Keys]) -> Iterator[Any]:
    at, of = 0, new[-1]
    for i, item in enumerate(value):
        several = names.get(item, ()) if isinstance(item, str) else ()
        for made in [name for name in several if name != of] if several else (None,):
            moved[(*new, at)] = (*old, i)
            yield made or _named(item, names, (*new, at), (*old, i), moved)
            at += 1


def _placed(tree: Tree, value: Any, moved: Mapping[Keys, Keys]) -> Tree:
    """The new value with the places of the old one."""
    places, keys = dict(tree.places), dict(tree.keys)
    below = dict[Keys, list[Keys]]()
    for new, old in moved.items():
        below.setdefault(old, []).append(new)
    for known, extended in ((tree.places, places), (tree.keys, keys)):
        for path, place in known.items():
            for end in range(len(path), 1, -1):
                if news := below.get(path[:end]):
                    extended.update({(*new, *path[end:]): place for new in news})
                    break
    return Tree(value, places, keys, tree.removed, moved)
