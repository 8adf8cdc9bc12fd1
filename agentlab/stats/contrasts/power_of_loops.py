"""The smallest difference between ways of training that whole loops can show: one training of an arm is one value.

The mean of a loop over G tasks in n draws has the variance `V = training^2 + within^2 / (G n)`. Two arms of R loops are
compared by Welch's t: the sum of their two variances is chi-squared on 2 (R - 1) degrees of freedom, whatever the share
`u ~ Beta((R - 1) / 2, (R - 1) / 2)` of one arm in it, and u makes Welch's degrees of freedom
`(R - 1) / (u^2 + (1 - u)^2)`. So the power is the mean over u of that of a noncentral t. Gains within a loop are
compared by the paired t on R - 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from agentlab.stats.contrasts.power import OutcomeNoise, smallest
from agentlab.stats.rows import Floats

SHARES = 400
"""Values of u over which is averaged, each as likely as the others."""


@dataclass(frozen=True, slots=True)
class LoopDesign:
    """Replicates of each arm, at least 2, on so many tasks, in so many draws of each replicate. Raises ValueError."""

    replicates: int
    tasks: int
    draws: int
    gain: bool = False
    """Whether two generations of one arm are compared, the earlier one being the base, which no training changed."""

    def __post_init__(self) -> None:
        if self.replicates < 2 or self.tasks < 1 or self.draws < 1:
            raise ValueError(f"{self}: there are at least 2 replicates, a task and a draw")

    def error(self, noise: OutcomeNoise, training: float) -> float:
        """The standard error of the difference."""
        chance = noise.within**2 / (self.tasks * self.draws)
        both = training**2 + 2 * chance * (1 - noise.correlation) if self.gain else 2 * (training**2 + chance)
        return float((both / self.replicates) ** 0.5)

    def power(self, shift: float, alpha: float = 0.05) -> float:
        """The chance that a difference of `shift` standard errors is found by the two-sided test."""
        freedom = self.replicates - 1
        if self.gain:
            return _reached(shift, freedom, special.stdtrit(np.full(1, freedom), 1 - alpha / 2))
        u: Floats = special.betaincinv(freedom / 2, freedom / 2, (np.arange(SHARES) + 0.5) / SHARES)
        return _reached(shift, 2 * freedom, special.stdtrit(freedom / (u**2 + (1 - u) ** 2), 1 - alpha / 2))

    def detectable(self, noise: OutcomeNoise, training: float, alpha: float = 0.05, power: float = 0.8) -> float:
        """The smallest difference that is found with this power; `training` is the SD of an arm's mean over trainings,
        or of its gain."""
        return smallest(lambda shift: self.power(shift, alpha), 3.0, power) * self.error(noise, training)

    def chance(self, effect: float, noise: OutcomeNoise, training: float, alpha: float = 0.05) -> float:
        """The power for a difference of `effect`."""
        error = self.error(noise, training)
        return self.power(abs(effect) / error, alpha) if error else 1.0


def _reached(shift: float, df: float, critical: Any) -> float:
    """The mean over `critical` of `P(|T'| > critical)`, `T' ~ noncentral t(df, shift)`."""
    below, upto = (np.asarray(special.nctdtr(df, shift, end), dtype=np.float64) for end in (-critical, critical))
    # far out scipy's series ends in NaN, where one tail is empty and the other is all
    return float(np.mean(np.nan_to_num(below) + 1 - np.nan_to_num(upto)))
