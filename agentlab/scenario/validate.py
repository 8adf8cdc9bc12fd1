"""From a tree to a pydantic model, with mistakes in plain words at the node that supplied the value."""

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentlab.errors import Place
from agentlab.mapping import mapping
from agentlab.scenario import unknown as unknowns
from agentlab.scenario.document import Keys, Tree, scalar
from agentlab.scenario.findings import Findings
from agentlab.scenario.forms import form
from agentlab.text import line

M = TypeVar("M", bound=BaseModel)
Steps = tuple[str | int, ...]

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
    "greater_than_equal": "a number that is at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number that is at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}


class CheckedDocument(Struct, frozen=True):
    """A document that is being checked, where its findings go, and where its own parts are looked for."""

    tree: Tree
    findings: Findings
    folder: Path

    def get(self, path: Keys) -> Any:
        return _get(self.tree.value, path)

    def wrong(self, path: Keys, wrong: str, right: str) -> None:
        """A mistake at a value; at what should hold it when it is not there."""
        self.findings.add(self.tree.place(path), self.tree.origin(path), wrong, right)

    def unknown(self, path: Keys, wrong: str, right: str) -> None:
        """A mistake at a key."""
        self.findings.add(key_place(self.tree, path), self.tree.origin(path), wrong, right)

    def flaws(self, path: Keys, flaws: Iterable[tuple[Keys, str, str]]) -> bool:
        """Adds what a part found wrong with its own fields: an unknown name points to its key."""
        reported = list(flaws)
        for steps, wrong, right in reported:
            where = existing(self.tree, path, steps)
            name = len(where) > len(path) + 1 and isinstance(where[-1], str)
            (self.unknown if name else self.wrong)(where, wrong, f"write {right}")
        return bool(reported)

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
        reasons_at: dict[tuple[Place, Keys], list[tuple[str, str]]] = {}
        for place, where, wrong, right in _mistakes(error.errors(include_url=False), model, tree, path):
            reasons_at.setdefault((place, where), []).append((wrong, right))
        for (place, where), reasons in reasons_at.items():
            first, *others = dict.fromkeys(right for _, right in reasons)
            right = " or ".join([first, *(other.removeprefix("write ") for other in others)])
            findings.add(place, tree.origin(where), reasons[0][0], right)
        return None


def _mistakes(
    errors: Sequence[ErrorDetails], model: type[BaseModel], tree: Tree, path: Keys
) -> Iterator[tuple[Place, Keys, str, str]]:
    """Place, path, what is wrong, what would be right; not what follows from a wrong key or a misspelled field."""
    odd = {detail["loc"][:-1] for detail in errors if detail["loc"] and detail["loc"][-1] == "[key]"}
    unknown: dict[Steps, list[str]] = {}
    for detail in errors:
        if detail["type"] == "extra_forbidden":
            unknown.setdefault(detail["loc"][:-1], []).append(str(detail["loc"][-1]))
    for above, names in unknown.items():
        where = existing(tree, path, above)
        for name, wrong, right in unknowns.messages(names, _section(model, above)):
            yield key_place(tree, (*where, name)), (*where, name), wrong, right
    wheres = [existing(tree, path, detail["loc"]) for detail in errors]
    for detail, here in zip(errors, wheres, strict=True):
        loc = detail["loc"]
        depth = len(loc) - 2 if loc[-1:] == ("[key]",) else len(loc)
        if detail["type"] == "extra_forbidden" or any(loc[:n] in odd for n in range(1, depth + 1)):
            continue
        if detail["type"].endswith(("too_short", "_type")) and any(w[: len(here)] == here != w for w in wheres):
            continue  # of items that are wrong themselves, or of another form that the value may have
        known = unknowns.of(_section(model, loc[:-1])) if detail["type"] == "missing" else {}
        if not any(unknowns.meant(name, known) == loc[-1] for name in unknown.get(loc[:-1], ())[: unknowns.FEW]):
            yield _translate(detail, known, tree, path)


def _translate(detail: ErrorDetails, known: Mapping[str, str], tree: Tree, path: Keys) -> tuple[Place, Keys, str, str]:
    """Place, path, what is wrong, what would be right; `known` describes the fields beside one that is missing."""
    kind, context = detail["type"], detail.get("ctx", {})
    loc = detail["loc"]
    where = existing(tree, path, loc)
    if kind == "missing" and isinstance(loc[-1], int):
        return tree.place(where), where, f"found a list of {loc[-1]}", f"write at least {loc[-1] + 1} values"
    if kind == "missing":
        name = str(loc[-1])
        right = f"add `{name}:` {_lower(known.get(name, ''))}".strip()
        return tree.place((*where, name)), where, f"{name!r} is missing", right
    if loc and loc[-1] == "[key]":
        noun, name = "task id" if where[:-1] == ("tasks",) else "name", str(where[-1])
        head = re.split(r"[ :{]", name)[0]
        glued = f"write `{head}: {{…}}`, with a colon and a space" if "{" in name else ""
        return key_place(tree, where), where, f"the {noun} {line(name, 60)!r}", glued or _said(detail, context)
    value = _get(tree.value, where)
    if kind == "too_short" and not value:
        gone = next((place for keys, place in tree.removed.items() if keys[:-1] == where), None)
        noun = "an empty list" if isinstance(value, list) else "an empty mapping"
        return gone or tree.place(where), where, f"found {noun}", "write at least one entry"
    if "models" in where and {"api_key_env", "base_url", "options"} & set(where):
        return (
            tree.place(where),
            where,
            "found a value that is not shown because it may be a key",
            _said(detail, context),
        )
    fields = f" with {', '.join(map(str, mapping(value)))}" if kind == "value_error" and mapping(value) else ""
    return tree.place(where), where, f"found {shown(value)}{fields}", _right(detail, context, where, value)


def _right(detail: ErrorDetails, context: Mapping[str, Any], where: Keys, value: object) -> str:
    """What would be right in the place of a value."""
    kind, noun = detail["type"], _NOUNS.get(detail["type"].removesuffix("_type").removesuffix("_parsing"))
    if _quoted(kind, value):
        return "remove the quotes"
    if noun in ("a number", "a whole number") and isinstance(value, str) and value.endswith("%"):
        return "write a number, without a percent sign"
    if noun == "a list" and isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum():
        return f"write a list{form(where) or f', such as [{value}]'}"
    return _said(detail, context) + (form(where) if noun == "a mapping" or (noun == "a list" and value) else "")


def _quoted(kind: str, value: object) -> bool:
    """Whether a number or a truth value is wanted, and the value is one in quotes."""
    if kind.removesuffix("_type") not in ("int", "float", "bool") or not isinstance(value, str):
        return False
    with suppress(ValueError):
        return not isinstance(scalar(value), str) and isinstance(scalar(value), bool) == kind.startswith("bool")
    return False


def _said(detail: ErrorDetails, context: Mapping[str, Any]) -> str:
    """What would be right, without the words of the validator."""
    kind = detail["type"]
    if kind == "literal_error":
        return "write " + str(context.get("expected", "")).replace("'", "")
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", detail["msg"]))
    if kind == "int_from_float":
        return "write a whole number"
    if kind in _BOUNDS:
        return "write " + _BOUNDS[kind].format(**context)
    noun = _NOUNS.get(kind.removesuffix("_type").removesuffix("_parsing"))
    return f"write {noun}" if noun else detail["msg"].replace("Input should be", "write")


def shown(value: object) -> str:
    """A value in a message, cut to a line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value[:200] if isinstance(value, str) else value)
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


def _section(annotation: Any, loc: Steps) -> Any:
    """The model found along `loc`."""
    for key in loc:
        if unknowns.is_model(annotation):
            named = {info.alias or name: info for name, info in annotation.model_fields.items()}
            if key not in named:
                continue
            annotation = named[str(key)].annotation
        else:
            arguments = typing.get_args(annotation)
            annotation = next((a for a in reversed(arguments) if a is not Ellipsis), None)
        annotation = unknowns.plain(annotation)
    return annotation
