"""How the values of a scenario are read: amounts, names, ranges; and no section with a field that is unknown."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from agentlab.scenario.document import scalar
from agentlab.strict import STRICT

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMG]?)")
_MONEY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*USD")
_SCALE = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_AGENT = re.compile(r"[^\W\d_][\w-]*(\.[1-9][0-9]*)?")
_NAME = re.compile(r"\w[\w.+-]*")


def _tokens(value: object) -> object:
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match:
        value = round(float(match[1]) * _SCALE[match[2]])
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("write a number of tokens, such as 200k or 2M")
    return value


def _money(value: object) -> object:
    match = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if not match or float(match[1]) <= 0:
        raise ValueError("write an amount with its currency, such as 50 USD")
    return float(match[1])


def _minutes(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError("write a number of minutes above 0, such as 20")
    return float(value)


def _agent(name: str) -> str:
    if not _AGENT.fullmatch(name):
        raise ValueError("an agent's name starts with a letter and contains only letters, digits, _ and -")
    return name


def _named(noun: str) -> Callable[[str], str]:
    """Checks what a noun, such as `a name`, is given by."""

    def check(name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{noun} starts with a letter or digit and contains only letters, digits and _ . + -")
        return name

    return check


def is_name(text: str) -> bool:
    """Whether a document may name something so without quotes."""
    try:
        return _NAME.fullmatch(text) is not None and isinstance(scalar(text), str)
    except ValueError:
        return False


def _memory(value: object) -> object:
    """`all`, `unread`, or `{last: k}` as k."""
    if value in ("all", "unread"):
        return value
    if isinstance(value, dict):
        fields = cast(dict[str, object], value)
        last = fields.get("last")
        if len(fields) == 1 and isinstance(last, int) and not isinstance(last, bool) and last >= 1:
            return last
    raise ValueError("write all, unread, or {last: 3}")


def _written(value: object) -> object:
    """Numbers, true and false as text; a document is read with what stands there."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def range_of(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] == value[1]:
        raise ValueError("write two different numbers, such as [0, 1]")
    return value


AgentName = Annotated[str, AfterValidator(_agent)]
Name = Annotated[str, AfterValidator(_named("a name"))]
TaskId = Annotated[str, AfterValidator(_named("an id"))]
Tokens = Annotated[int, BeforeValidator(_tokens), WithJsonSchema({"type": ["integer", "string"]})]
Money = Annotated[float, BeforeValidator(_money), WithJsonSchema({"type": "string", "pattern": "^[0-9.]+ *USD$"})]
Minutes = Annotated[float, BeforeValidator(_minutes), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Memory = Annotated[
    Literal["all", "unread"] | int,
    BeforeValidator(_memory),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["all", "unread"]},
                {"type": "object", "properties": {"last": {"type": "integer", "minimum": 1}}, "required": ["last"]},
            ]
        }
    ),
]
Written = Annotated[str, BeforeValidator(_written), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Part = Mapping[str, Any]
"""A section whose fields another module owns."""
Levels = Annotated[Mapping[Name, Part], Field(min_length=1)]


class Fields(BaseModel):
    """How every section is read: no unknown field, nothing changed afterwards."""

    model_config = STRICT
