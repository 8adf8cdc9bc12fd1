"""Functions for `python` steps: those that ship, and those of the user."""

import ast
import inspect
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentlab import own_code
from agentlab.errors import ProtocolError
from agentlab.organization.cascade.timed import TimeLimit, timed
from agentlab.organization.cascade.values import equal, is_value

SECONDS = 5.0
"""The most that one call of a function may take."""
_LONGEST, _LARGEST = 500, 1e30
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}


def calculate(expression: str) -> int | float:
    """The value of an arithmetic expression with + - * / // % and parentheses.

    Raises `ValueError` for anything else, for a division by zero, and for values above 1e30.
    """
    text = str(expression).strip().rstrip("=").strip()
    if len(text) > _LONGEST:
        raise ValueError(f"the expression is longer than {_LONGEST} characters")
    try:
        return _evaluated(ast.parse(text, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, ArithmeticError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _evaluated(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value: int | float = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = -_evaluated(node.operand) if isinstance(node.op, ast.USub) else _evaluated(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        value = _OPERATORS[type(node.op)](_evaluated(node.left), _evaluated(node.right))
    else:
        raise ValueError("this is not an arithmetic expression")
    if not abs(value) <= _LARGEST:
        raise ValueError("the value is too large")
    return value


def share(values: Sequence[Any], value: Any) -> float:
    """The share of the values that equal `value`, from 0 to 1."""
    return sum(equal(item, value) for item in values) / len(values)


def mode(values: Sequence[Any]) -> Any:
    """The most frequent value; of several the one that comes first. Missing values do not count."""
    known = [value for value in values if value is not None]
    return max(known, key=lambda value: sum(equal(value, other) for other in known), default=None)


def append(values: Sequence[Any] | None, value: Any) -> list[Any]:
    """The list with one more value at its end."""
    return [*(values or ()), value]


def count(values: Sequence[Any] | None) -> int:
    """How many values a list has."""
    return len(values or ())


def add(a: float, b: float) -> float:
    """The sum of two numbers."""
    return a + b


def pick(values: Sequence[Any], place: int) -> Any:
    """The value at a place of a list, counted from 1; missing if there is none."""
    return values[int(place) - 1] if 1 <= place <= len(values) else None


def mean(values: Sequence[float]) -> float:
    """The mean of numbers."""
    return math.fsum(values) / len(values)


SHIPPED: Mapping[str, Callable[..., Any]] = {
    function.__name__: function for function in (add, append, calculate, count, mean, mode, pick, share)
}


def find(name: str) -> Callable[..., Any]:
    """The function that ships under this name, or `my_module:function`. Raises `ValueError` with the reason."""
    if name in SHIPPED:
        return SHIPPED[name]
    if not own_code.is_own(name):
        raise ValueError(f"unknown function {name!r}")
    function = own_code.get(name)
    if not callable(function):
        raise ValueError(f"{name} is not a function")
    return function


def misfit(function: Callable[..., Any], arguments: Sequence[str]) -> str | None:
    """Why the function cannot be called with arguments of these names; None if it can."""
    try:
        inspect.signature(function).bind(**dict.fromkeys(arguments))
    except TypeError as error:
        return str(error)
    except ValueError:  # a function without a signature
        return None
    return None


def call(name: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The value, or None and the reason why there is none: the function raised an error or returned no JSON.

    Raises `ProtocolError` if it takes longer than `SECONDS`: how fast a machine is must not change what is measured.
    """
    try:
        value = timed(SECONDS, lambda: function(**arguments))
        made = json.loads(json.dumps(value, allow_nan=False))
        return (made, None) if is_value(made) else (None, "the value is nested too deep, or has a number above 1e308")
    except TimeLimit:
        raise ProtocolError(
            f"the function {name!r} of a `python` step took more than {SECONDS:g} seconds; make it faster for every "
            f"text that a model may write"
        ) from None
    except (Exception, SystemExit) as error:  # a function of the user's, given what a model wrote, may fail in any way
        return None, f"{type(error).__name__}: {error}"[:300]
