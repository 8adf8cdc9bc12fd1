"""Values of a program's variables: how a template becomes one, how one becomes text, and when two are equal.

What a model wrote is data. A template is filled in one pass, and what was filled in is never filled again.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from agentlab.answers.numerals import numbers
from agentlab.types import Message

PLACEHOLDER = re.compile(r"\{\{([\w-]+(?:\.[\w-]+)*)\}\}")
WHOLE = 2**53
"""Below this a float that is whole is written as a whole number."""
LARGEST = 1.7976931348623157e308
"""Beyond it there are no floats."""
DEEPEST = 100
"""Lists and mappings within each other."""
Lookup = Callable[[str], Any]
"""The value of a variable by its name; None if it has none."""


def names(template: Any) -> Iterator[str]:
    """Every variable that a template reads, without fields: `pair` of `{{pair.x}}`."""
    if isinstance(template, str):
        yield from (match[1].partition(".")[0] for match in PLACEHOLDER.finditer(template))
    elif isinstance(template, Mapping):
        for item in cast("Mapping[str, Any]", template).values():
            yield from names(item)
    elif isinstance(template, list | tuple):
        for item in cast("Sequence[Any]", template):
            yield from names(item)


def field(lookup: Lookup, path: str) -> Any:
    """The value of `pair`, or of a field of it, as `pair.x`; None where there is none."""
    head, *rest = path.split(".")
    value = lookup(head)
    for name in rest:
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    return value


def filled(text: str, lookup: Lookup) -> str:
    """The text with every placeholder replaced by its value as text, in one pass."""
    return PLACEHOLDER.sub(lambda match: as_text(field(lookup, match[1])), text) if "{{" in text else text


def made(template: Any, lookup: Lookup) -> Any:
    """The value of a template. `{{name}}` alone keeps the type of the variable; any other text is filled."""
    if isinstance(template, str):
        alone = PLACEHOLDER.fullmatch(template)
        return field(lookup, alone[1]) if alone else filled(template, lookup)
    if isinstance(template, Mapping):
        return {key: made(item, lookup) for key, item in cast("Mapping[str, Any]", template).items()}
    if isinstance(template, list | tuple):
        return [made(item, lookup) for item in cast("Sequence[Any]", template)]
    return template


def as_text(value: Any) -> str:
    """A value as it stands in a question: a list with an item per line, a mapping as JSON, nothing where missing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, list | tuple):
        return "\n".join(map(as_text, cast("Sequence[Any]", value)))
    return json.dumps(value, ensure_ascii=False)


def is_value(value: Any) -> bool:
    """Whether a variable can hold what a model or a function gave: no number is too large, and it is not too deep."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        if not all(abs(item) <= LARGEST for item in level if isinstance(item, int | float)):
            return False
        inner = [cast("Mapping[str, Any]", item).values() if isinstance(item, Mapping) else item for item in level]
        level = [item for part in inner if not isinstance(part, str | int | float | None) for item in part]
        if not level:
            return True
    return False


def number(value: Any) -> float | None:
    """The value as a number, if it is one or is a text that is nothing but one."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if is_value(value) else None
    if isinstance(value, str) and len(value) < 100:
        there = numbers(value.strip())
        return there[0].value if len(there) == 1 and there[0].end - there[0].start == len(value.strip()) else None
    return None


def equal(value: Any, other: Any) -> bool:
    """Numbers as numbers, however they are written; texts without regard to case and to the amount of white space."""
    a, b = number(value), number(other)
    if a is not None and b is not None:
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(value, str) and isinstance(other, str):
        return " ".join(value.split()).casefold() == " ".join(other.split()).casefold()
    return bool(value == other)


def message(sender: str, to: str, value: Any, address: str) -> Message:
    """A value as a message: text as it is (`value`), anything else as JSON (`data`)."""
    if isinstance(value, str):
        return Message(sender, (to,), "value", value, address)
    return Message(sender, (to,), "data", json.dumps(value, ensure_ascii=False), address)


def decoded(message: Message) -> Any:
    """The value that a message holds."""
    return json.loads(message.content) if message.kind in ("data", "input") else message.content
