"""Arithmetic, so that a model need not do sums in its head."""

import ast
import math
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from agentlab.tools.tool import tool
from agentlab.types import Scene

LONGEST = 1000
"""Characters of an expression."""
_NOT_ARITHMETIC = re.compile(r"[^0-9.eE+*/%() \t\n-]")
_RIGHT = "write numbers with + - * / // % ** and ( )"
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: math.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: lambda a: a, ast.USub: lambda a: -a}


@tool
async def calculate(
    scene: Scene, expression: Annotated[str, Field(description="Such as (3 + 4) * 12 / 7 or 2 ** 10.")]
) -> str:
    """Works out an arithmetic expression of numbers with + - * / // % ** and parentheses."""
    if len(expression) > LONGEST:
        raise ValueError(f"the expression has {len(expression):,} characters; write at most {LONGEST:,}")
    if odd := _NOT_ARITHMETIC.search(expression):
        raise ValueError(f"{odd[0]!r} is no arithmetic; {_RIGHT}")
    value = _value(ast.parse(expression.strip(), mode="eval").body)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _value(node: ast.expr) -> float:
    """In floats throughout, so that no expression takes long."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp() if type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](_value(node.operand))
        case ast.BinOp() if type(node.op) in _BINARY:
            return float(_BINARY[type(node.op)](_value(node.left), _value(node.right)))
        case _:
            raise ValueError(f"{ast.unparse(node)[:80]!r} is no arithmetic; {_RIGHT}")
