"""Deep merge of one document into another, by the rules of JSON merge patch (RFC 7386) with one more.

A mapping merges key by key, a `null` removes, anything else replaces; a mapping that has a `kind` replaces too, since
the fields of two kinds have nothing in common.
"""

from collections.abc import Iterator
from typing import Any, cast

from agentlab.errors import Place
from agentlab.scenario.document.tree import Keys, Places, Tree

_Mapping = dict[str, Any]


def patch(base: Tree, level: Tree) -> Tree:
    """`base` with `level` merged in. A value's place is its supplier's; a removed one's is that of the `null`."""
    old_value, new_value = _mapping(base.value), _mapping(level.value)
    if old_value is None or new_value is None:
        return Tree(stripped(level.value), level.places, level.keys, level.removed)
    cuts: set[Keys] = set()
    value = _merged(old_value, new_value, (), cuts)
    removed = {keys: level.places[keys] for keys in cuts if _get(new_value, keys) is None}
    depths, tops = {len(cut) for cut in cuts}, {cut[0] for cut in cuts}

    def below(known: Places) -> list[Keys]:
        near = [keys for keys in known if keys and keys[0] in tops]
        return [keys for keys in near if any(keys[:depth] in cuts for depth in depths)]

    def without(old: Places) -> dict[Keys, Place]:
        kept = dict(old)
        for keys in below(old):
            del kept[keys]
        return kept

    def merged(old: Places, new: Places) -> dict[Keys, Place]:
        return without(old) | {keys: new[keys] for keys in below(new) if keys not in removed}

    places, keys = merged(base.places, level.places), merged(base.keys, level.keys)
    return Tree(value, places, keys, without(base.removed) | removed)


def clashes(first: Tree, second: Tree) -> list[tuple[Keys, Place, Place]]:
    """Where two patches supply the same value, so that their order would decide: path, place in each."""
    of_first, of_second = dict(_leaves(first.value, (), -1)), dict(_leaves(second.value, (), -2))
    clashing: list[tuple[Keys, Place, Place]] = []
    for keys in of_second:
        above = next((keys[:end] for end in range(len(keys) + 1) if keys[:end] in of_first), None)
        if above is not None:
            clashing.append((_real(keys), first.place(above), second.place(keys)))
    for keys in of_first:
        below = next((keys[:end] for end in range(len(keys)) if keys[:end] in of_second), None)
        if below is not None:
            clashing.append((_real(keys), first.place(keys), second.place(below)))
    return clashing


def stripped(value: Any) -> Any:
    """A patch's value as it stands where there is nothing to patch: a `null` in a mapping has nothing to remove."""
    items = _mapping(value)
    return value if items is None else {key: stripped(item) for key, item in items.items() if item is not None}


def _mapping(value: Any) -> _Mapping | None:
    return cast(_Mapping, value) if isinstance(value, dict) else None


def _merged(old: _Mapping, new: _Mapping, path: Keys, cuts: set[Keys]) -> _Mapping:
    value = dict(old)
    for key, item in new.items():
        here = (*path, key)
        if _merges(item) and isinstance(value.get(key), dict):
            value[key] = _merged(value[key], item, here, cuts)
            continue
        cuts.add(here)
        if item is None:
            value.pop(key, None)
        else:
            value[key] = stripped(item)
    return value


def _merges(value: Any) -> bool:
    return isinstance(value, dict) and "kind" not in value


def _get(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value[key]
    return value


def _leaves(value: Any, path: Keys, empty: int) -> Iterator[tuple[Keys, Any]]:
    """What a patch supplies. An empty mapping supplies something of its own below it: only a removal clashes."""
    if not _merges(value):
        yield path, value
        return
    if path and not value:
        yield (*path, empty), value
    for key, item in value.items():
        yield from _leaves(item, (*path, key), empty)


def _real(keys: Keys) -> Keys:
    return keys[:-1] if keys and keys[-1] in (-1, -2) else keys
