"""A two-sided interval of a difference with its p."""

from dataclasses import dataclass, replace

from scipy import special


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval around an estimate; `p` is the two-sided p of no difference, by the same method."""

    low: float
    high: float
    se: float
    df: float
    p: float


def t_interval(estimate: float, se: float, df: float, level: float = 0.95) -> Interval:
    """`estimate ± t_(df, (1 + level)/2) se`, and `p = 2 P(T_df > |estimate| / se)`."""
    margin = t_quantile(df, level) * se
    return Interval(estimate - margin, estimate + margin, se, df, t_p(estimate / se, df))


def t_quantile(df: float, level: float) -> float:
    """The `(1 + level) / 2` quantile of Student's t."""
    return float(special.stdtrit(df, (1 + level) / 2))


def t_p(t: float, df: float) -> float:
    """`P(|T_df| > |t|)`."""
    return 2 * float(special.stdtr(df, -abs(t)))


def limited(interval: Interval | None, most: float) -> Interval | None:
    """The interval cut off at `-most` and `most`, past which no difference lies."""
    return interval and replace(interval, low=max(-most, interval.low), high=min(most, interval.high))
