"""Pairs of texts of which the answer is known, as a judge of two outputs is shown them."""

from dataclasses import dataclass
from typing import Literal

from agentlab.judges.inputs import both_orders
from agentlab.types import JudgeInput, Task

Role = Literal["better", "padded", "same", "different"]


@dataclass(frozen=True, slots=True)
class AnchorPair:
    """Two texts of known worth. `better`: the first is; `padded`: the first is the second, made longer."""

    key: str
    family: str
    role: Role
    inputs: tuple[JudgeInput, JudgeInput]
    """In both orders."""


def anchor_pair(family: str, task: str, role: Role, which: str, texts: tuple[str, str]) -> AnchorPair:
    """Two texts on one task as a question to a judge of two."""
    return AnchorPair(
        f"anchor/{family}/{role}/{which}", family, role, both_orders(Task(f"anchor/{family}", task), *texts)
    )


def combined(straight: float | None, swapped: float | None) -> float | None:
    """What both orders of a pair are worth to a: 1 or 0 if it won or lost both, else one half; None if one is missing.

    `straight` is the verdict's value with a shown first, `swapped` with a shown second.
    """
    if straight is None or swapped is None:
        return None
    return straight if straight == 1 - swapped else 0.5


def flipped(straight: float | None, swapped: float | None) -> bool:
    """Whether the order changed the winner: whoever stood first won, or whoever stood second."""
    return straight is not None and straight == swapped and straight != 0.5
