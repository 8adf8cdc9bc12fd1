"""How well a judge of two outputs does on pairs of which the answer is known: measured on the texts it ships."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from agentlab.judges.anchors import LEAST_AUC, AnchorReport
from agentlab.judges.inputs import both_orders
from agentlab.types import JudgeInput, Task, Verdict

Role = Literal["better", "padded", "same", "different"]
Worth = Sequence[tuple[Role, float | None]]


@dataclass(frozen=True, slots=True)
class AnchorPair:
    """Two texts of known worth. `better`: the first is; `padded`: the first is the second, made longer."""

    key: str
    role: Role
    inputs: tuple[JudgeInput, JudgeInput]
    """In both orders."""


def anchor_pair(family: str, task: str, role: Role, which: str, texts: tuple[str, str]) -> AnchorPair:
    """Two texts on one task as a question to a judge of two."""
    return AnchorPair(f"anchor/{family}/{role}/{which}", role, both_orders(Task(f"anchor/{family}", task), *texts))


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


def report(counted: Sequence[str], pairs: Sequence[AnchorPair], verdicts: Iterable[Verdict]) -> AnchorReport:
    """Judges the judge by its counted criteria.

    Verdicts belong to the pair whose `key` is their `rollout`; odd draws are the swapped order.
    """
    values = {(v.rollout, v.draw, v.criterion): v.value for v in verdicts}
    both = {
        anchor_pair.key: [
            (values.get((anchor_pair.key, 0, name)), values.get((anchor_pair.key, 1, name))) for name in counted
        ]
        for anchor_pair in pairs
    }
    if any(anchor_pair.role in ("same", "different") for anchor_pair in pairs):
        answers: Worth = [(anchor_pair.role, both[anchor_pair.key][0][0]) for anchor_pair in pairs]
        return _equivalence(answers)
    worth: Worth = [
        (anchor_pair.role, _mean([combined(*orders) for orders in both[anchor_pair.key]])) for anchor_pair in pairs
    ]
    scored = [orders for anchor_pair in pairs for orders in both[anchor_pair.key] if None not in orders]
    auc = _of(worth, "better")
    padding = _of(worth, "padded")
    return AnchorReport(
        auc=auc,
        padding=None if padding is None else padding - 0.5,
        flips=fmean(flipped(*orders) for orders in scored) if scored else None,
        first=fmean(value for orders in scored for value in orders if value is not None) if scored else None,
        scored=sum(value is not None for _, value in worth),
        anchors=len(pairs),
        suppressed=_reasons(auc, len(pairs)),
    )


def _equivalence(answers: Worth) -> AnchorReport:
    same, different = _of(answers, "same"), _of(answers, "different")
    auc = None if same is None or different is None else (same + 1 - different) / 2
    scored = sum(value is not None for _, value in answers)
    return AnchorReport(auc, None, scored, len(answers), _reasons(auc, len(answers)))


def _of(worth: Worth, role: Role) -> float | None:
    values = [value for known, value in worth if known == role and value is not None]
    return fmean(values) if values else None


def _mean(values: Sequence[float | None]) -> float | None:
    """None unless every criterion was answered."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _reasons(auc: float | None, pairs: int) -> tuple[str, ...]:
    if auc is None:
        return ("no anchor pair was scored" if pairs else "the judge ships no anchor texts",)
    return (f"AUC {auc:.2f} on its anchor pairs is under {LEAST_AUC}",) if auc < LEAST_AUC else ()
