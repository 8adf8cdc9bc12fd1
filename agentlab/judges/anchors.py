"""How well a rubric judge tells good texts from bad ones and from padding: measured on the texts it ships."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from agentlab.judges.inputs import text_input
from agentlab.judges.rubric import RubricConfig
from agentlab.types import JudgeInput, Task, Verdict

Role = Literal["good", "bad", "empty", "padded"]
ROLES: tuple[Role, ...] = ("good", "bad", "empty", "padded")
LEAST_AUC, LEAST_MASS = 0.8, 0.5
"""Below either, nothing is said about which arm did better."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One text of known worth as a judge is shown it. `key` stands where a rollout's key would."""

    key: str
    family: str
    role: Role
    judge_input: JudgeInput


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """What a judge makes of the texts of known worth that it ships. A figure is None when no text could give it."""

    auc: float | None
    """Chance that a good text of a family outscores a bad one of the same family; ties count half. Of a judge that says
    what is the same: chance that a pair of the same answer is found more alike than a pair of different ones."""
    padding: float | None
    """What mere length is worth within families. In points of the scale: padded minus good. Of a judge that compares:
    share of pairs won by the padded text over the text itself, ties half, less one half."""
    scored: int
    """Anchors with a score on every counted criterion."""
    anchors: int
    suppressed: tuple[str, ...]
    """Reasons why this judge cannot say who did better; empty when it can."""
    signal: float | None = None
    """Good minus bad within families, in points of the scale: what to compare `padding` with."""
    mass: float | None = None
    """Mean probability on the scale's digits; None unless scored by log-probabilities."""
    means: Mapping[str, float] = field(default_factory=dict[str, float])
    """Mean score by role, for the roles that were scored."""
    flips: float | None = None
    """Share of pairs whose winner changed with the order."""
    first: float | None = None
    """Share of single verdicts won by the text shown first, ties half."""

    def __str__(self) -> str:
        if not self.anchors:
            return "anchors: none are shipped"
        parts = ["no AUC" if self.auc is None else f"AUC {self.auc:.2f}"]
        if self.padding is not None:
            unit = " of a win" if self.flips is not None else " points"
            beside = "" if self.signal is None else f" beside {self.signal:+.2f} of signal"
            parts.append(f"padding {self.padding:+.2f}{unit}{beside}")
        elif self.signal is not None:
            parts.append(f"signal {self.signal:+.2f} points")
        parts += [] if self.mass is None else [f"mass {self.mass:.2f}"]
        parts += [] if self.flips is None else [f"flips {self.flips:.0%}"]
        return f"anchors: {', '.join(parts)}"


def exhibits(config: RubricConfig) -> tuple[Anchor, ...]:
    """The anchor texts of a rubric as judge inputs, family by family, in a fixed order."""
    return tuple(
        Anchor(f"anchor/{family}/{role}/{i}", family, role, text_input(Task(f"anchor/{family}", texts.task), text))
        for family, texts in config.anchors.items()
        for role in ROLES
        for i, text in enumerate(_texts(config, family, role))
    )


def report(config: RubricConfig, anchors: Sequence[Anchor], verdicts: Iterable[Verdict]) -> AnchorReport:
    """Judges the judge. Verdicts belong to the anchor whose `key` is their `rollout`; judge draws are averaged."""
    kept = list(verdicts)
    scores = {anchor.key: _score(config, [v for v in kept if v.rollout == anchor.key]) for anchor in anchors}
    by_role: dict[str, dict[Role, list[float]]] = {}
    for anchor in anchors:
        if (score := scores[anchor.key]) is not None:
            by_role.setdefault(anchor.family, {}).setdefault(anchor.role, []).append(score)
    families = list(by_role.values())
    masses = [verdict.mass for verdict in kept if verdict.mass is not None]
    auc = _auc([(roles.get("good", []), roles.get("bad", [])) for roles in families])
    share = fmean(masses) if masses else None
    means = {
        role: fmean(scored) for role in ROLES if (scored := [s for roles in families for s in roles.get(role, [])])
    }
    return AnchorReport(
        auc=auc,
        padding=_gap(families, "padded", "good"),
        signal=_gap(families, "good", "bad"),
        mass=share,
        means=means,
        scored=sum(score is not None for score in scores.values()),
        anchors=len(anchors),
        suppressed=_reasons(auc, share, len(anchors)),
    )


def _texts(config: RubricConfig, family: str, role: Role) -> tuple[str, ...]:
    texts = config.anchors[family]
    return {"good": texts.good, "bad": texts.bad, "empty": texts.empty, "padded": texts.padded}[role]


def _score(config: RubricConfig, verdicts: Sequence[Verdict]) -> float | None:
    """Mean over judge draws of the mean over counted criteria; draws with a criterion missing are left out."""
    draws = list[float]()
    for draw in sorted({verdict.draw for verdict in verdicts}):
        values = {v.criterion: v.value for v in verdicts if v.draw == draw}
        counted = [value for name in config.counted() if (value := values.get(name)) is not None]
        if counted and len(counted) == len(config.counted()):
            draws.append(fmean(counted))
    return fmean(draws) if draws else None


def _auc(families: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float | None:
    """Mann-Whitney over the pairs within families; scores that differ by rounding alone are ties."""
    wins = [
        0.5 if math.isclose(good, bad, abs_tol=1e-9) else float(good > bad)
        for goods, bads in families
        for good in goods
        for bad in bads
    ]
    return fmean(wins) if wins else None


def _gap(families: Sequence[Mapping[Role, Sequence[float]]], role: Role, other: Role) -> float | None:
    gaps = [fmean(roles[role]) - fmean(roles[other]) for roles in families if role in roles and other in roles]
    return fmean(gaps) if gaps else None


def _reasons(auc: float | None, share: float | None, anchors: int) -> tuple[str, ...]:
    reasons = list[str]()
    if auc is None:
        reasons.append("no good and bad anchor text was scored" if anchors else "the rubric ships no anchor texts")
    elif auc < LEAST_AUC:
        reasons.append(f"AUC {auc:.2f} between good and bad anchor texts is under {LEAST_AUC}")
    if share is not None and share < LEAST_MASS:
        reasons.append(f"only {share:.2f} of the probability falls on the scale's digits, under {LEAST_MASS}")
    return tuple(reasons)
