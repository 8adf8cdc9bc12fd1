"""What a reply must hold to be read, and the first thing in one that is otherwise.

Replies are read without being checked, which takes longer than reading them. This is for those that could not be read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agentlab.text import line

QUOTED = 200
"""Characters of a reply that are quoted."""
_NAMES = {"object": "an object", "list": "a list", "text": "text", "number": "a number"}
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value of a reply may be. A missing field of `may` is fine, and so is one that is null."""

    kinds: tuple[str, ...]
    must: "Mapping[str, Shape]" = field(default_factory=dict[str, "Shape"])
    may: "Mapping[str, Shape]" = field(default_factory=dict[str, "Shape"])
    each: "Shape | None" = None
    filled: bool = False
    """Whether a list must have an entry."""

    @property
    def expected(self) -> str:
        return " or ".join(_NAMES[kind] for kind in self.kinds) + (" with at least one entry" if self.filled else "")


TEXT, NUMBER = Shape(("text",)), Shape(("number",))


def one_of(**must: Shape) -> Shape:
    """An object with these fields."""
    return Shape(("object",), must)


def some(**may: Shape) -> Shape:
    """An object that may have these fields."""
    return Shape(("object",), may=may)


def entries(each: Shape | None = None, filled: bool = False) -> Shape:
    """A list."""
    return Shape(("list",), each=each, filled=filled)


class Unreadable(ValueError):
    """What is wrong with a reply, and how it begins."""


def check(reply: Any, shape: Shape) -> Any:
    """The reply. Raises Unreadable where it has another shape."""
    if wrong := mismatch(reply, shape):
        raise Unreadable(f"{wrong}{beginning(reply)}")
    return reply


def explained(error: Exception, reply: Any, shape: Shape) -> Unreadable:
    """Why a reply of this shape could not be read, when reading it raised `error`."""
    plain: Any = reply.to_dict(mode="json", warnings=False) if hasattr(reply, "to_dict") else reply
    wrong = mismatch(plain, shape)
    if not wrong and isinstance(error, KeyError):
        wrong = f"`{error.args[0]}` is missing in a part of it"
    return Unreadable(f"{wrong or 'a part of it has a value of the wrong kind'}{beginning(plain)}")


def mismatch(value: Any, shape: Shape, path: str = "") -> str:
    """The first thing in a value that is not as expected, with what was; empty where all is."""
    kind = _kind(value)
    if kind not in shape.kinds or (shape.filled and not value):
        found = "missing" if value is _MISSING else "an empty list" if kind in shape.kinds else _NAMES.get(kind, kind)
        return f"{f'`{path}`' if path else 'it'} is {found}; expected {shape.expected}"
    if kind == "object":
        within = [(name, value.get(name, _MISSING), part) for name, part in shape.must.items()]
        within += [(name, value[name], part) for name, part in shape.may.items() if value.get(name) is not None]
        parts = ((item, part, f"{path}.{name}" if path else name) for name, item, part in within)
    else:
        items = enumerate(value) if kind == "list" and shape.each is not None else ()
        parts = ((item, cast(Shape, shape.each), f"{path}[{i}]") for i, item in items)
    return next(filter(None, (mismatch(item, part, at) for item, part, at in parts)), "")


def beginning(reply: Any) -> str:
    """How a reply begins, without what was added to it here."""
    if isinstance(reply, Mapping):
        fields = cast("Mapping[str, Any]", reply)
        reply = {name: value for name, value in fields.items() if not name.startswith("_")}
    text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False, default=str)
    return f"; it begins: {line(text, QUOTED)}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, Mapping) else "list" if isinstance(value, Sequence) else "missing"
