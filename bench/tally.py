"""How often an interval lay around the truth, counted over experiments."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEAST, MOST = 0.935, 0.965
"""The coverage of a 95 % interval that is aimed at."""


@dataclass(slots=True)
class Tally:
    """Of one quantity over experiments: estimates, and where the truth lay."""

    truth: float
    edge: bool = True
    """Whether 0 is the least that it may be."""
    estimates: list[float] = field(default_factory=list[float])
    below: int = 0
    above: int = 0
    missing: int = 0

    def add(self, estimate: float | None, low: float | None, high: float | None) -> None:
        """One experiment's estimate with its limits; without limits it is counted as missing."""
        if estimate is None or low is None or high is None:
            self.missing += 1
            return
        self.estimates.append(estimate)
        self.below += self.truth < low
        self.above += self.truth > high

    def figures(self) -> dict[str, Any]:
        """Coverage, its two misses, bias in standard errors of the simulation, and whether the aim is met."""
        n = len(self.estimates)
        if n < 2:
            return {"truth": round(self.truth, 6), "missing": self.missing, "within_aim": "hardly any interval"}
        coverage = 1 - (self.below + self.above) / n
        off = float(np.mean(self.estimates)) - self.truth
        error = float(np.std(self.estimates, ddof=1)) / math.sqrt(n)
        verdict = "boundary" if self.truth == 0 and self.edge else "yes" if LEAST <= coverage <= MOST else "no"
        return {
            "truth": round(self.truth, 6),
            "coverage": round(coverage, 4),
            "truth_below": round(self.below / n, 4),
            "truth_above": round(self.above / n, 4),
            "bias_in_errors": round(off / error, 2),
            "missing": self.missing,
            "within_aim": verdict,
        }
