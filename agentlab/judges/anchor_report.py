"""What a judge makes of the texts of known worth that it ships."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from agentlab.judges.anchors import ROLES, Anchor, Role
from agentlab.judges.gate import CHANCE, ENOUGH, LEAST_AUC, LEAST_MASS, MOST, Gate, Outcome, gate
from agentlab.judges.known_pairs import AnchorPair, combined, flipped
from agentlab.judges.known_pairs import Role as PairRole
from agentlab.judges.rubric import RubricConfig
from agentlab.stats.estimate import Estimate
from agentlab.stats.judges.auc import Family, auc
from agentlab.text import pluralize
from agentlab.types import Verdict

Worth = Sequence[tuple[AnchorPair, float | None]]
_NOTHING = Estimate(None)
_TEXTS = ("good", "bad anchor text")


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """How a judge did on its anchors. A figure is None when no text could give it."""

    auc: float | None
    """Chance that a good text of a family outscores a bad one of the same family; ties count half. Of a judge that says
    what is the same: chance that a pair of the same answer is found more alike than a pair of different ones."""
    low: float | None
    high: float | None
    """95 % limits of the AUC."""
    outcome: Outcome
    """Whether the judge tells good from bad; undecided where there are too few texts to say."""
    suppressed: tuple[str, ...]
    """Reasons why this judge cannot say who did better; empty when it can."""
    scored: int
    """Anchors with a score on every counted criterion."""
    anchors: int
    padding: float | None = None
    """What mere length is worth. In points of the scale: padded less the good text that it is. Of a judge that
    compares: share of pairs won by the padded text over the text itself, ties half, less one half."""
    padding_low: float | None = None
    padding_high: float | None = None
    """95 % limits by t over the padded texts; None for one text, or where all say the same."""
    signal: float | None = None
    """Good less bad within families, in points of the scale: what to compare `padding` with."""
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
        parts = ["no AUC" if self.auc is None else f"{_area(self.auc, self.low, self.high)} ({self.outcome})"]
        if self.padding is not None:
            unit = " of a win" if self.flips is not None else " points"
            limits = "" if self.padding_low is None else f" [{self.padding_low:+.2f}, {self.padding_high:+.2f}]"
            beside = "" if self.signal is None else f" beside {self.signal:+.2f} of signal"
            parts.append(f"padding {self.padding:+.2f}{limits}{unit}{beside}")
        elif self.signal is not None:
            parts.append(f"signal {self.signal:+.2f} points")
        parts += [] if self.mass is None else [f"mass {self.mass:.2f}"]
        parts += [] if self.flips is None else [f"flips {self.flips:.0%}"]
        return f"anchors: {', '.join(parts)}"


def of_texts(config: RubricConfig, anchors: Sequence[Anchor], verdicts: Iterable[Verdict]) -> AnchorReport:
    """Judges the judge. Verdicts belong to the anchor whose `key` is their `rollout`; judge draws are averaged."""
    kept = list(verdicts)
    scores = {anchor.key: _score(config, [v for v in kept if v.rollout == anchor.key]) for anchor in anchors}
    by_role: dict[str, dict[Role, dict[int, float]]] = {}
    for anchor in anchors:
        if (score := scores[anchor.key]) is not None:
            by_role.setdefault(anchor.family, {}).setdefault(anchor.role, {})[anchor.place] = score
    families = [{role: [*scored.values()] for role, scored in roles.items()} for roles in by_role.values()]
    both = [(roles.get("good", []), roles.get("bad", [])) for roles in families]
    masses = [verdict.mass for verdict in kept if verdict.mass is not None]
    share = fmean(masses) if masses else None
    padding = _padding([by_role[family] for family in by_role])
    means = {
        role: fmean(scored) for role in ROLES if (scored := [s for roles in families for s in roles.get(role, [])])
    }
    gaps = [fmean(good) - fmean(bad) for good, bad in both if good and bad]
    scored = sum(score is not None for score in scores.values())
    return replace(
        _gated(auc(both), [(len(good), len(bad)) for good, bad in both], (scored, len(anchors)), _TEXTS, share),
        padding=padding.value,
        padding_low=padding.low,
        padding_high=padding.high,
        signal=fmean(gaps) if gaps else None,
        mass=share,
        means=means,
    )


def of_pairs(counted: Sequence[str], pairs: Sequence[AnchorPair], verdicts: Iterable[Verdict]) -> AnchorReport:
    """Judges a judge of two by its counted criteria.

    Verdicts belong to the pair whose `key` is their `rollout`; odd draws are the swapped order, and the draws of a pair
    are averaged.
    """
    values: dict[tuple[str, str], dict[int, float | None]] = {}
    for v in verdicts:
        values.setdefault((v.rollout, v.criterion), {})[v.draw] = v.value
    orders = {
        pair.key: [
            (draws.get(draw), draws.get(draw + 1))
            for name in counted
            for draws in (values.get((pair.key, name), {}),)
            for draw in sorted({draw // 2 * 2 for draw in draws} or {0})
        ]
        for pair in pairs
    }
    if any(pair.role in ("same", "different") for pair in pairs):
        return _of_equivalence([(pair, orders[pair.key][0][0]) for pair in pairs])
    worth: Worth = [(pair, _mean([combined(*both) for both in orders[pair.key]])) for pair in pairs]
    scored = [both for pair in pairs for both in orders[pair.key] if None not in both]
    wins = _of(worth, "better")
    padded = _of(worth, "padded")
    padding = _over_texts([won - 0.5 for won in padded])
    sizes = sum(value is not None for _, value in worth), len(pairs)
    return replace(
        _gated(fmean(wins) if wins else None, _families(worth), sizes, _TEXTS),
        padding=padding.value,
        padding_low=padding.low,
        padding_high=padding.high,
        flips=fmean(flipped(*both) for both in scored) if scored else None,
        first=fmean(value for both in scored for value in both if value is not None) if scored else None,
    )


def _of_equivalence(answers: Worth) -> AnchorReport:
    same, different = _of(answers, "same"), _of(answers, "different")
    area = (fmean(same) + 1 - fmean(different)) / 2 if same and different else None
    sizes = sum(value is not None for _, value in answers), len(answers)
    return _gated(area, [(len(same), len(different))], sizes, ("same", "different anchor pair"))


def _gated(
    area: float | None,
    families: Sequence[Family],
    sizes: tuple[int, int],
    kinds: tuple[str, str],
    share: float | None = None,
) -> AnchorReport:
    """The area with its limits and what follows; `sizes` are how many anchors were scored, and how many there are."""
    scored, anchors = sizes
    decided = None if area is None else gate(area, families)
    outcome = "undecided" if decided is None else decided.outcome
    reasons = [] if decided and outcome == "passed" else [_doubt(area, decided, anchors, kinds)]
    if share is not None and share < LEAST_MASS:
        outcome = "failed"
        reasons.append(f"only {share:.2f} of the probability falls on the scale's digits, under {LEAST_MASS}")
    low, high = (None, None) if decided is None else (decided.low, decided.high)
    return AnchorReport(area, low, high, outcome, tuple(reasons), scored, anchors)


def _doubt(area: float | None, decided: Gate | None, anchors: int, kinds: tuple[str, str]) -> str:
    """Why the judge did not pass, and what would help."""
    good, bad = kinds
    if area is None or decided is None:
        missing = (
            f"the judge has no anchor texts; give it {ENOUGH} {good} and {ENOUGH} {bad.split()[0]} ones (`anchors`)"
        )
        return f"no {good} or no {bad} was scored" if anchors else missing
    of = f"{_area(area, decided.low, decided.high)} of {decided.good} {good} and {pluralize(decided.bad, bad)}"
    if decided.outcome == "failed":
        return f"{of} is under {LEAST_AUC}"
    wrong = f"cannot be distinguished from {CHANCE}" if area >= LEAST_AUC else f"may be above or below {LEAST_AUC}"
    needed = f"more than {MOST}" if decided.needed is None else f"{decided.needed}"
    return f"undecided: {of} {wrong}; {needed} of each would decide if the AUC stays the same"


def _families(worth: Worth) -> list[Family]:
    """How many good texts met how many bad ones, family by family."""
    seen: dict[str, tuple[set[str], set[str]]] = {}
    for pair, value in worth:
        if pair.role == "better" and value is not None:
            good, bad = seen.setdefault(pair.family, (set(), set()))
            good.add(str(pair.inputs[0].output))
            bad.add(str(pair.inputs[0].rival))
    return [(len(good), len(bad)) for good, bad in seen.values()]


def _score(config: RubricConfig, verdicts: Sequence[Verdict]) -> float | None:
    """Mean over judge draws of the mean over counted criteria; draws with a criterion missing are left out."""
    draws = list[float]()
    for draw in sorted({verdict.draw for verdict in verdicts}):
        values = {v.criterion: v.value for v in verdicts if v.draw == draw}
        counted = [value for name in config.counted() if (value := values.get(name)) is not None]
        if counted and len(counted) == len(config.counted()):
            draws.append(fmean(counted))
    return fmean(draws) if draws else None


def _padding(families: Sequence[Mapping[Role, Mapping[int, float]]]) -> Estimate:
    """Each padded text less the good one that it is."""
    gaps = [
        score - roles["good"][place]
        for roles in families
        for place, score in roles.get("padded", {}).items()
        if place in roles.get("good", {})
    ]
    return _over_texts(gaps)


def _of(worth: Worth, role: PairRole) -> list[float]:
    return [value for pair, value in worth if pair.role == role and value is not None]


def _mean(values: Sequence[float | None]) -> float | None:
    """None unless every criterion was answered."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _area(area: float, low: float | None, high: float | None) -> str:
    return f"AUC {area:.2f}" if low is None else f"AUC {area:.2f} [{low:.2f}, {high:.2f}]"


def _over_texts(values: Sequence[float]) -> Estimate:
    """Their mean with its limits over texts; nothing without a value."""
    if not values:
        return _NOTHING
    from agentlab.stats.judges.probes import mean  # it needs numpy and scipy, which a run without such texts does not

    return mean(values, range(len(values)))
