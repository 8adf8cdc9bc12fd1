"""From a tree to a pydantic model, with mistakes in plain words at the node that supplied the value."""

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentlab.errors import Mistake, Place
from agentlab.models.secrets import hidden
from agentlab.scenario.document import Keys, Tree, dotted, scalar, suggest

M = TypeVar("M", bound=BaseModel)
FEW = 5
"""Mistakes of one kind that are shown."""

_NOUNS = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
}


@dataclass(slots=True)
class Findings:
    """Collects the mistakes of one scenario. The first at a place wins: what follows from it is not repeated."""

    mistakes: dict[tuple[Place, str], Mistake] = field(default_factory=dict[tuple[Place, str], Mistake])
    cells: dict[tuple[Place, str], list[str]] = field(default_factory=dict[tuple[Place, str], list[str]])
    faulted: set[Place] = field(default_factory=set[Place])
    """Where the document itself is wrong."""
    cell: str | None = None
    """The condition that is being checked."""

    def add(self, place: Place, path: Keys | str, wrong: str, right: str) -> None:
        if place in self.faulted:
            return
        text = path if isinstance(path, str) else dotted(path)
        if "models" in text:  # somebody may have pasted a key
            wrong, right = hidden(wrong), hidden(right)
        key = (place, wrong)
        self.mistakes.setdefault(key, Mistake(place, text, wrong, right))
        if self.cell is not None and self.cell not in self.cells.setdefault(key, []):
            self.cells[key].append(self.cell)

    def sorted(self, conditions: int = 1) -> list[Mistake]:
        """All mistakes by place; those of some conditions only name them."""
        found: list[Mistake] = []
        for key, mistake in self.mistakes.items():
            cells = self.cells.get(key, [])
            if cells and len(cells) < conditions:
                named = "; ".join(cells[:4]) + ("; …" if len(cells) > 4 else "")
                mistake = Mistake(mistake.place, mistake.path, f"{mistake.wrong} [in {named}]", mistake.right)
            found.append(mistake)
        return _folded(sorted(found, key=lambda mistake: (mistake.place, mistake.path, mistake.wrong)))


def _folded(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The same with the first few of a kind only, the last of which says how many there are in all.

    Of a kind are mistakes of one section of one file that are put right in the same way.
    """
    kinds: dict[tuple[str, str, str], list[Mistake]] = {}
    for mistake in mistakes:
        section = mistake.path.partition(".")[0]
        kinds.setdefault((mistake.place.file, section, mistake.right), []).append(mistake)
    folded: list[Mistake] = []
    for alike in kinds.values():
        shown = alike[:FEW]
        if len(alike) > FEW:
            rest = f"{shown[-1].wrong}, and {len(alike) - FEW} more like these, to line {alike[-1].place.line}"
            shown[-1] = replace(shown[-1], wrong=rest)
        folded += shown
    return sorted(folded, key=lambda mistake: (mistake.place, mistake.path, mistake.wrong))


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document that is being checked, where its findings go, and where its own parts are looked for."""

    tree: Tree
    findings: Findings
    folder: Path

    def get(self, path: Keys) -> Any:
        return _get(self.tree.value, path)

    def wrong(self, path: Keys, wrong: str, right: str) -> None:
        """A mistake at a value; at what should hold it when it is not there."""
        self.findings.add(self.tree.place(path), path, wrong, right)

    def unknown(self, path: Keys, wrong: str, right: str) -> None:
        """A mistake at a key."""
        self.findings.add(key_place(self.tree, path), path, wrong, right)

    def flaws(self, path: Keys, flaws: Iterable[tuple[Keys, str, str]]) -> bool:
        """Adds what a part found wrong with its own fields: an unknown name points to its key."""
        found = list(flaws)
        for steps, wrong, right in found:
            where = existing(self.tree, path, steps)
            name = len(where) > len(path) + 1 and isinstance(where[-1], str)
            (self.unknown if name else self.wrong)(where, wrong, right)
        return bool(found)

    def validate(self, model: type[M], path: Keys) -> M | None:
        return validate(model, self.tree, path, self.findings)


def validate(model: type[M], tree: Tree, path: Keys, findings: Findings) -> M | None:
    """The part of the document under `path` as a `model`; None when it is wrong, which `findings` then says."""
    value = tree.value
    for key in path:
        value = value[key]
    try:
        return model.model_validate_json(msgspec.json.encode(value), strict=True)
    except ValidationError as error:
        told: dict[tuple[Place, Keys], list[tuple[str, str]]] = {}
        for one in error.errors(include_url=False):
            place, where, wrong, right = _translate(one, model, tree, path)
            told.setdefault((place, where), []).append((wrong, right))
        for (place, where), reasons in told.items():
            first, *others = dict.fromkeys(right for _, right in reasons)
            right = " or ".join([first, *(other.removeprefix("write ") for other in others)])
            findings.add(place, where, reasons[0][0], right)
        return None


def _translate(one: ErrorDetails, model: type[BaseModel], tree: Tree, path: Keys) -> tuple[Place, Keys, str, str]:
    """Place, path, what is wrong, what would be right."""
    kind, context = one["type"], one.get("ctx", {})
    loc = one["loc"]
    where = existing(tree, path, loc)
    if kind == "missing" and isinstance(loc[-1], int):
        return tree.place(where), where, f"found a list of {loc[-1]}", f"write at least {loc[-1] + 1} values"
    if kind == "missing":
        name = str(loc[-1])
        described = _fields(model, loc[:-1]).get(name, "")
        return tree.place((*where, name)), where, f"{name!r} is missing", f"add `{name}:` {_lower(described)}".strip()
    if kind == "extra_forbidden":
        known = _fields(model, loc[:-1])
        return key_place(tree, where), where, f"unknown field {str(loc[-1])!r}", suggest(loc[-1], known)
    if loc and loc[-1] == "[key]":
        noun = "task id" if where[:-1] == ("tasks",) else "name"
        return key_place(tree, where), where, f"the {noun} {str(where[-1])!r}", _said(one, context)
    value = _get(tree.value, where)
    if "models" in where and {"api_key_env", "base_url", "options"} & set(where):
        return tree.place(where), where, "found a value that is not shown, as it may be a key", _said(one, context)
    right = "remove the quotes" if _quoted(kind, value) else _said(one, context)
    return tree.place(where), where, f"found {shown(value)}", right


def _quoted(kind: str, value: object) -> bool:
    """Whether a number or a truth value is wanted, and the value is one in quotes."""
    if kind.removesuffix("_type") not in ("int", "float", "bool") or not isinstance(value, str):
        return False
    with suppress(ValueError):
        return not isinstance(scalar(value), str) and isinstance(scalar(value), bool) == kind.startswith("bool")
    return False


def _said(one: ErrorDetails, context: Mapping[str, Any]) -> str:
    """What would be right, without the words of the validator."""
    kind = one["type"]
    if kind == "literal_error":
        return "write " + str(context.get("expected", "")).replace("'", "")
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", one["msg"]))
    if kind == "int_from_float":
        return "write a whole number"
    if kind in _BOUNDS:
        return "write " + _BOUNDS[kind].format(**context)
    noun = _NOUNS.get(kind.removesuffix("_type").removesuffix("_parsing"))
    return f"write {noun}" if noun else one["msg"].replace("Input should be", "write")


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping; else one that is empty, where something else has told so."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def shown(value: object) -> str:
    """A value in a message, cut to a line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"


def existing(tree: Tree, path: Keys, steps: Sequence[str | int]) -> Keys:
    """As far as `steps` lead below `path`; a validator's own steps (names of union members) are left out."""
    value = _get(tree.value, path)
    for key in steps:
        if isinstance(value, dict):
            items = cast(dict[str, Any], value)
            if str(key) in items:
                path, value = (*path, str(key)), items[str(key)]
        elif isinstance(value, list) and isinstance(key, int) and key < len(cast(list[Any], value)):
            path, value = (*path, key), cast(list[Any], value)[key]
    return path


def _get(value: Any, path: Keys) -> Any:
    for key in path:
        value = value[key]
    return value


def key_place(tree: Tree, path: Keys) -> Place:
    return tree.keys.get(path) or tree.place(path)


def _lower(description: str) -> str:
    first = description.split(". ")[0].rstrip(".")
    return f"({first[:1].lower()}{first[1:]})" if first else ""


def _fields(annotation: Any, loc: Sequence[str | int]) -> dict[str, str]:
    """Names and descriptions of the fields of the model found along `loc`."""
    for key in loc:
        if _is_model(annotation):
            named = {info.alias or name: info for name, info in annotation.model_fields.items()}
            if key not in named:
                continue
            annotation = named[str(key)].annotation
        else:
            arguments = typing.get_args(annotation)
            annotation = next((a for a in reversed(arguments) if a is not Ellipsis), None)
        annotation = _plain(annotation)
    if not _is_model(annotation):
        return {}
    return {info.alias or name: info.description or "" for name, info in annotation.model_fields.items()}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _plain(annotation: Any) -> Any:
    """Without `Annotated` and `None`, and of a union the member that is a model."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [_plain(a) for a in typing.get_args(annotation) if a is not type(None)]
        return next((m for m in members if _is_model(m)), members[0])
    return annotation
