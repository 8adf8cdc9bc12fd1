"""How well a judge of two outputs does on pairs of which the answer is known: measured on the texts it ships."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Literal

from agentlab.judges.anchors import LEAST_AUC
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
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


@dataclass(frozen=True, slots=True)
class KnownReport:
    """What its verdicts on known pairs say about a judge. A figure is None when no pair could give it."""

    auc: float | None
    """Of a judge that compares: share of pairs won by the good text, ties half. Of one that tells what is the same:
    chance that a pair of the same answer is found more alike than a pair of different ones."""
    padding: float | None
    """Share of pairs won by the padded text over the text itself, ties half, less one half."""
    flips: float | None
    """Share of pairs whose winner changed with the order."""
    first: float | None
    """Share of single verdicts won by the text shown first, ties half."""
    scored: int
    anchors: int
    suppressed: tuple[str, ...]
    """Reasons why nothing is said by this judge; empty when it can tell."""

    def __str__(self) -> str:
        parts = [f"AUC {'none' if self.auc is None else format(self.auc, '.2f')}"]
        parts += [] if self.padding is None else [f"padding {self.padding:+.2f} of a win"]
        parts += [] if self.flips is None else [f"flips {self.flips:.0%}"]
        return "anchors: " + ", ".join(parts)


def anchor_pairs(config: CompareConfig | EquivalenceConfig) -> tuple[AnchorPair, ...]:
    """The anchors of a judge as pairs, family by family, in a fixed order."""
    found = list[AnchorPair]()
    if isinstance(config, EquivalenceConfig):
        for family, twins in config.anchors.items():
            found += [_duel(family, twins.task, "same", str(i), pair) for i, pair in enumerate(twins.same)]
            found += [_duel(family, twins.task, "different", str(i), pair) for i, pair in enumerate(twins.different)]
        return tuple(found)
    for family, texts in config.anchors.items():
        for (i, good), (j, bad) in product(enumerate(texts.good), enumerate(texts.bad)):
            found.append(_duel(family, texts.task, "better", f"{i}-{j}", (good, bad)))
        longer = zip(texts.padded, texts.good, strict=False)
        found += [_duel(family, texts.task, "padded", str(i), pair) for i, pair in enumerate(longer)]
    return tuple(found)


def _duel(family: str, task: str, role: Role, which: str, pair: tuple[str, str]) -> AnchorPair:
    return AnchorPair(f"anchor/{family}/{role}/{which}", role, both_orders(Task(f"anchor/{family}", task), *pair))


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


def report(
    config: CompareConfig | EquivalenceConfig, pairs: Sequence[AnchorPair], verdicts: Iterable[Verdict]
) -> KnownReport:
    """Judges the judge. Verdicts belong to the pair whose `key` is their `rollout`; odd draws are the swapped order."""
    values = {(v.rollout, v.draw, v.criterion): v.value for v in verdicts}
    both = {
        anchor_pair.key: [
            (values.get((anchor_pair.key, 0, name)), values.get((anchor_pair.key, 1, name)))
            for name in config.counted()
        ]
        for anchor_pair in pairs
    }
    if isinstance(config, EquivalenceConfig):
        answers: Worth = [(anchor_pair.role, both[anchor_pair.key][0][0]) for anchor_pair in pairs]
        return _equivalence(answers)
    worth: Worth = [
        (anchor_pair.role, _mean([combined(*orders) for orders in both[anchor_pair.key]])) for anchor_pair in pairs
    ]
    scored = [orders for anchor_pair in pairs for orders in both[anchor_pair.key] if None not in orders]
    auc = _of(worth, "better")
    padding = _of(worth, "padded")
    return KnownReport(
        auc=auc,
        padding=None if padding is None else padding - 0.5,
        flips=fmean(flipped(*orders) for orders in scored) if scored else None,
        first=fmean(value for orders in scored for value in orders if value is not None) if scored else None,
        scored=sum(value is not None for _, value in worth),
        anchors=len(pairs),
        suppressed=_reasons(auc, len(pairs)),
    )


def _equivalence(found: Worth) -> KnownReport:
    same, different = _of(found, "same"), _of(found, "different")
    auc = None if same is None or different is None else (same + 1 - different) / 2
    scored = sum(value is not None for _, value in found)
    return KnownReport(auc, None, None, None, scored, len(found), _reasons(auc, len(found)))


def _of(worth: Worth, role: Role) -> float | None:
    values = [value for own, value in worth if own == role and value is not None]
    return fmean(values) if values else None


def _mean(values: Sequence[float | None]) -> float | None:
    """None unless every criterion was answered."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _reasons(auc: float | None, pairs: int) -> tuple[str, ...]:
    if auc is None:
        return ("no anchor pair was scored" if pairs else "the judge ships no anchor texts",)
    return (f"AUC {auc:.2f} on its anchor pairs is under {LEAST_AUC}",) if auc < LEAST_AUC else ()
