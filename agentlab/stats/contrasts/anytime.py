"""Data that are looked at whenever somebody wants to: intervals that hold at every look at once, and their p.

`Z sqrt(t)` is Brownian motion at t, the share of the planned information, which may pass 1. It crosses `a + b t` at
any t with probability `exp(-2ab)`, so `|Z| sqrt(t) < c (1 + t)` for all t with probability `1 - alpha` at least, for
`c = sqrt(ln(2/alpha)/2)` (Robbins & Siegmund 1970; Howard, Ramdas, McAuliffe & Sekhon 2020). Of all such lines this
one is lowest at t = 1: there it is 2.72 standard errors at 5 %, where a normal mixture (Robbins 1970) has 3.04 at its
best. Z is the statistic whose normal tail is that of the t at this look. The share of information is taken to be that
of pairs: where tasks differ in the effect looks are more alike than that, and fewer false alarms are given.
"""

import math

from scipy import special

LEAST = 1e-12
"""A look rejects at no smaller p, which a t interval could not resolve; that adds as much to alpha for each look."""


def boundary(t: float, alpha: float = 0.05) -> float:
    """The critical `|Z|` at share t. Raises ValueError unless t is above 0 and alpha between 0 and 1."""
    if not t > 0 or not 0 < alpha < 1:
        raise ValueError(f"share {t} and alpha {alpha}: the share is above 0, alpha between 0 and 1")
    return math.sqrt(math.log(2 / alpha) / 2) * (1 + t) / math.sqrt(t)


def level(t: float, alpha: float = 0.05) -> float:
    """The two-sided p at or under which a look at share t rejects; the interval there has confidence one less it."""
    return max(LEAST, 2 * float(special.ndtr(-boundary(t, alpha))))


def anytime_p(p: float, t: float) -> float:
    """The least alpha at which a look at share t with the two-sided p rejects: `min(1, 2 exp(-2 t Z^2 / (1 + t)^2))`.

    Under the null it is at most alpha at any look with probability alpha, so that Holm's procedure may take it.
    """
    if not t > 0:
        raise ValueError(f"share {t}: it is above 0")
    z = float(special.ndtri(max(p, 1e-300) / 2))
    return min(1.0, 2 * math.exp(-2 * t * z**2 / (1 + t) ** 2))
