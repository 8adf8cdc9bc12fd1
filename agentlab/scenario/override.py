"""What the command line puts in place of what a scenario says: models by name, and any value by its path."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from agentlab.errors import Mistake, Place, ScenarioError
from agentlab.mapping import mapping
from agentlab.scenario.document import Keys, Tree, dotted, every_path, patch, read_text
from agentlab.scenario.fields import ConditionFields, ExperimentFields
from agentlab.suggestion import suggest

SET = "--set"
_SECTIONS = (*ExperimentFields.model_fields, *ConditionFields.model_fields)
_NAMED = (("models",), ("tasks",), ("factors",), ("judges",), ("measures",), ("addendum",), ("organization", "agents"))
"""Mappings whose keys are names of the scenario's own: a path through one that is not there is a mistake."""


def with_model(tree: Tree, alias: str, option: str, name: str) -> Tree:
    """The document with `models.ALIAS` replaced; a mistake in the name points to the option. `max_tokens` stays."""
    old = mapping(mapping(tree.value.get("models")).get(alias))
    kept = {"max_tokens": old["max_tokens"]} if "max_tokens" in old else {}
    place = Place(option, 0, 0)
    places: dict[Keys, Place] = {(): place, ("name",): place}
    if kept:
        places["max_tokens",] = tree.place(("models", alias, "max_tokens"))
    without = patch(tree, Tree(None, {(): place}).under(("models", alias)))
    return patch(without, Tree({"name": name, **kept}, places, places).under(("models", alias)))


def with_value(tree: Tree, text: str, file: Path, as_written: Callable[[Keys], bool]) -> Tree:
    """The document with the value that `PATH=VALUE` says, merged in as a level is: VALUE is YAML, null removes.

    A mistake in it points to the option. Raises `ScenarioError` for a path that leads nowhere.
    """
    path, equals, value = text.partition("=")
    place = Place(f"{SET} {path}", 0, 0)
    if not equals or not path or not value.strip():
        raise ScenarioError(f"{SET} {text!r}: write PATH=VALUE, such as models.default.temperature=0 or draws=3")
    if path.startswith("judges."):
        tree = _judges_by_name(tree)
    keys = _keys(tree.value, path, place)
    parsed, mistakes = read_text(value, file, keys, as_written)
    if mistakes:
        raise ScenarioError([Mistake(place, dotted(keys), mistake.wrong, mistake.right) for mistake in mistakes])
    spots = dict.fromkeys(every_path(parsed), place)
    return _merged(tree, keys, Tree(parsed, spots, spots))


def _merged(tree: Tree, keys: Keys, supplied: Tree) -> Tree:
    """`supplied` at `keys`; an entry of a list is replaced within a copy of the list."""
    at = next((i for i, key in enumerate(keys) if isinstance(key, int)), None)
    if at is None:
        return patch(tree, supplied.under(keys))
    above = tree.at(keys[:at])
    items: list[Any] = [*above.value]
    number = cast(int, keys[at])
    entry = _merged(above.at((number,)), keys[at + 1 :], supplied) if keys[at + 1 :] else supplied
    items[number] = entry.value
    places = {k: p for k, p in above.places.items() if k[:1] != (number,)}
    places |= {(number, *k): p for k, p in entry.places.items()}
    return patch(tree, Tree(items, places, above.keys).under(keys[:at]))


def _keys(value: Any, path: str, place: Place) -> Keys:
    """The path as keys, which may have dots in them where the document has such names."""
    keys: list[str | int] = []
    rest = path.replace("[", ".").replace("]", "").split(".")
    while rest:
        if isinstance(value, list):
            items = cast("list[Any]", value)
            number = _number(items, rest.pop(0), keys, place)
            keys.append(number)
            value = items[number]
            continue
        known = mapping(value)
        if keys and value is not None and not isinstance(value, dict):
            wrong = f"{dotted(tuple(keys))} has no fields"
            raise ScenarioError([Mistake(place, path, wrong, f"set {dotted(tuple(keys))} itself")])
        joined = (".".join(rest[:end]) for end in range(len(rest), 0, -1))
        key = next((name for name in joined if name in known), rest[0])
        rest = rest[key.count(".") + 1 :]
        if key not in known:
            _known(tuple(keys), key, known, bool(rest), place)
        keys.append(key)
        value = known.get(key)
    return tuple(keys)


def _known(above: Keys, key: str, known: dict[str, Any], further: bool, place: Place) -> None:
    """Raises `ScenarioError` for a section that no scenario has, and for a name on the way that this one has not."""
    named = above in _NAMED or (len(above) == 2 and above[0] == "factors")
    if (above and not (named and further)) or key in _SECTIONS:
        return
    where = dotted(above) or "a scenario"
    right = suggest(key, known if above else _SECTIONS, most=20)
    raise ScenarioError([Mistake(place, dotted((*above, key)), f"{where} has no {key!r}", right)])


def _number(items: Sequence[Any], text: str, above: Sequence[str | int], place: Place) -> int:
    if text.isdecimal() and int(text) < len(items):
        return int(text)
    listed = dotted(tuple(above))
    right = f"write {listed}[0] to {listed}[{len(items) - 1}], or set the whole list"
    raise ScenarioError([Mistake(place, listed, f"{listed} is a list of {len(items)}", right)])


def _judges_by_name(tree: Tree) -> Tree:
    """With the judges as a mapping, which a list of their names is short for."""
    listed = tree.value.get("judges")
    names = cast("list[Any]", listed) if isinstance(listed, list) else []
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return tree
    where: dict[Keys, Place] = {("judges", name): tree.place(("judges", i)) for i, name in enumerate(names)}
    places = {keys: place for keys, place in tree.places.items() if keys[:1] != ("judges",) or len(keys) == 1}
    value: dict[str, Any] = {**tree.value, "judges": {name: {} for name in names}}
    return Tree(value, {**places, **where}, {**tree.keys, **where}, tree.removed)
