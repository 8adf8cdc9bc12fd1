"""Whether a judge tells good texts from bad ones, decided on texts of known worth: passed, failed or undecided.

Passed takes an area of at least .8 whose interval lies above .5, so that a judge that guesses passes in 5 % at most;
failed an interval that lies below .8. With 8 good and 8 bad texts in two families a judge of .5 passes in 2.5 % and one
of .91 in 91 % (`bench/anchors.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from agentlab.stats.judges.auc import Family, limits

LEAST_AUC, CHANCE = 0.8, 0.5
LEAST_MASS = 0.5
"""Of the probability, on the digits of the scale: less says nothing of who did better."""
ENOUGH = 8
"""Good texts, and bad ones, with which a judge of an area of .91 passes in nine cases of ten."""
MOST = 200
Outcome = Literal["passed", "failed", "undecided"]


class Gate(Struct, frozen=True):
    """The outcome, with the limits of the area under the ROC curve."""

    outcome: Outcome
    low: float
    high: float
    good: int
    bad: int
    needed: int | None
    """Good texts, and as many bad ones, that would decide if the area stays as it is; None if more than `MOST`."""


def gate(area: float, families: Sequence[Family]) -> Gate:
    """Decides on an area over families of so many good and bad texts. Raises ValueError without a pair."""
    compared = [(m, n) for m, n in families if m and n]
    low, high = limits(area, compared)
    good, bad = (sum(counts) for counts in zip(*compared, strict=True))
    outcome = _outcome(area, low, high)
    return Gate(outcome, low, high, good, bad, None if outcome != "undecided" else _needed(area, max(good, bad)))


def too_few(documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence on each judge that could not pass if it erred on no anchor text; `documents` are those of judges."""
    sentences: list[str] = []
    for name, document in documents.items():
        if document.get("kind") not in ("rubric", "compare"):
            continue
        anchors: Mapping[str, Mapping[str, Sequence[str]]] = document.get("anchors") or {}
        families = [(len(texts["good"]), len(texts["bad"])) for texts in anchors.values()]
        if not _passable(families):
            good, bad = (sum(counts) for counts in zip(*families, strict=True)) if families else (0, 0)
            sentences.append(
                f"judge {name!r} has {good} good and {bad} bad anchor texts, too few to show that it can tell them "
                f"apart, so agentlab will not say which arm did better on its scores; write {ENOUGH} of each "
                f"(judges.{name}.anchors)"
            )
    return sentences


def _passable(families: Sequence[Family]) -> bool:
    """Whether a judge that errs nowhere would pass on so many texts."""
    return any(m and n for m, n in families) and gate(1.0, families).outcome == "passed"


def _outcome(area: float, low: float, high: float) -> Outcome:
    if area >= LEAST_AUC - 1e-9 and low > CHANCE:
        return "passed"
    return "failed" if high < LEAST_AUC else "undecided"


def _needed(area: float, used: int) -> int | None:
    sizes = range(max(ENOUGH, used + 1), MOST + 1)
    return next((n for n in sizes if _outcome(area, *limits(area, [(n, n)])) != "undecided"), None)
