"""The contrasts that a scenario preregistered, since when, and the interim analyses of its run, as the run records.

The statistics are imported where they are used: playing a run needs none of them, nor numpy and scipy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from agentlab.scenario.declared import Declared
from agentlab.scenario.levels import common, named, pooled

Spend = Literal["obrien_fleming", "pocock", "any"]


@dataclass(frozen=True, slots=True)
class Primary:
    """A primary contrast as the run recorded it."""

    contrast: Declared
    declared: str
    """When, UTC."""
    after: int
    """Interim analyses of both its arms that came before; 0 for one that was preregistered."""
    margin_after: int = 0
    """Interim analyses before its margin was declared, or changed."""
    withdrawn: int | None = None
    """Interim analyses after which the scenario withdrew it. It stays primary: nobody can leave Holm's family late."""


@dataclass(frozen=True, slots=True)
class InterimAnalysis:
    """One interim analysis of one contrast. Shares are of the pairs that were planned when the run began."""

    number: int
    """Counts from 1 the interim analyses at which there were new pairs."""
    share: float | None = None
    """None where the scenario plans no interim analyses."""
    spent: tuple[float, ...] = ()
    """The shares at which alpha is spent, that of this analysis last; empty when it was not planned."""
    spend: Spend = "obrien_fleming"
    """How; `any` where every look is valid, however many there are."""

    @property
    def planned(self) -> bool:
        """Whether alpha is spent on it."""
        return bool(self.spent)

    def level(self, alpha: float) -> float:
        """The two-sided p at or under which this analysis rejects; its interval has confidence one less it."""
        if not self.planned:
            return alpha
        from agentlab.stats.contrasts import anytime, sequential

        if self.spend == "any":
            return anytime.level(self.spent[-1], alpha)
        return sequential.level(self.spent, self.spend, alpha)

    def valid(self, p: float) -> float:
        """The two-sided p of this analysis alone, made valid however many there are, if that was planned."""
        if not self.planned:
            return p
        from agentlab.stats.contrasts import anytime, sequential

        if self.spend == "any":
            return anytime.anytime_p(p, self.spent[-1])
        return sequential.repeated_p(p, self.spent, self.spend)

    def valid_one_sided(self, p: float) -> float:
        """The same of a one-sided p: its side of the boundary takes half of the alpha."""
        return self.valid(2 * p) / 2 if p < 0.5 else p


@dataclass(frozen=True, slots=True)
class Preregistration:
    """All that a run declared."""

    primary: tuple[Primary, ...] = ()
    exploratory: tuple[Declared, ...] | None = None
    """None: every other pair of levels."""
    looks: Sequence[Mapping[str, Any]] = ()
    planned: Mapping[str, Any] | None = None

    def interim(self, arms: tuple[str, str], pairs: int, finished: int, primary: bool = True) -> InterimAnalysis:
        """The interim analysis of two conditions with so many pairs, the run having so many finished rollouts.

        Planned analyses spend alpha on primary contrasts; where any look is valid, it is so for every contrast.
        """
        counts = [both_finished(past, arms) for past in self.looks if past["rollouts"] < finished]
        counts = [*dict.fromkeys(n for n in counts if 0 < n < pairs), pairs]
        if self.planned is None or not (primary or self.planned["spend"] == "any"):
            return InterimAnalysis(len(counts))
        shares = [n / self.planned["pairs"] for n in counts]
        if self.planned["spend"] == "any":
            return InterimAnalysis(len(counts), shares[-1], (shares[-1],), "any")
        before, spent = (_spent(some, self.planned["shares"]) for some in (shares[:-1], shares))
        return InterimAnalysis(
            len(counts), shares[-1], spent if len(spent) > len(before) else (), self.planned["spend"]
        )


def register(meta: Mapping[str, Any]) -> Preregistration:
    """What `registering.record` recorded; a run without it declared nothing."""
    return msgspec.convert({**meta.get("compare", {}), "looks": meta.get("looks", [])}, Preregistration)


def conditions(contrast: Declared, factors: Sequence[str]) -> tuple[str, str]:
    """The names of its two conditions; of a loop with replicates, the name that those of an arm have in common."""
    known = pooled({f: "" if f == contrast.factor else contrast.others.get(f, "") for f in factors})
    a, b = (named({**known, contrast.factor: level}) for level in (contrast.a, contrast.b))
    return a, b


def both_finished(past: Mapping[str, Any], arms: tuple[str, str]) -> int:
    """Rollouts of the smaller arm at an interim analysis: draws go before arms, so that this many are paired."""
    finished: Mapping[str, int] = past.get("finished", {})
    return min(sum(count for name, count in finished.items() if arm in (name, common(name))) for arm in arms)


def _spent(shares: Sequence[float], planned: Sequence[float]) -> tuple[float, ...]:
    """The shares at which alpha was spent: the first analysis at or past each planned share; past 1 the first."""
    spent: list[float] = []
    for share in shares:
        due = next((point for point in planned if point > (spent[-1] if spent else 0)), None)
        if due is not None and share >= due - 1e-9:
            spent.append(min(share, 1.0))
    return tuple(spent)
