"""Measures: a named combination of one judge's criteria, as columns beside the rollouts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from agentlab.types import Measure


def measure(rollouts: pd.DataFrame, verdicts: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """Columns NAME, NAME_draws and NAME_outcome for each measure, indexed like `rollouts`.

    `rollouts` needs the column `status`; `verdicts` needs rollout (index labels of `rollouts`), judge, draw, criterion,
    outcome and value. What the scenario says a status is worth comes before any score. A judge draw counts only if
    every counted criterion of it has a value; NAME is NaN without such a draw, or where a case has none. NAME_draws is
    the number of draws that are scored, NAME_outcome the worst outcome among the judge's verdicts (`absent` when there
    are none).
    """
    columns: dict[str, pd.Series] = {}
    for m in measures:
        counted = verdicts_of(verdicts, m)
        by_draw = per_draw(counted, m)
        scored = by_draw.groupby(level=0).count().reindex(rollouts.index)
        if counted["outcome"].isin(list(m.values)).any():
            scored = (
                _complete(counted[counted["outcome"] == "scored"], m).groupby(level=0).count().reindex(rollouts.index)
            )
        outcome = _worst(counted).reindex(rollouts.index).fillna("absent")
        columns[m.name] = _value(rollouts, by_draw, m)
        columns[f"{m.name}_draws"] = scored.fillna(0).astype("int64")
        columns[f"{m.name}_outcome"] = outcome.astype("str")
    return pd.DataFrame(columns, index=rollouts.index)


def value(rollouts: pd.DataFrame, verdicts: pd.DataFrame, m: Measure) -> "pd.Series[float]":
    """The column NAME of `measure` alone."""
    return _value(rollouts, per_draw(verdicts, m), m)


def _value(rollouts: pd.DataFrame, by_draw: pd.Series, m: Measure) -> "pd.Series[float]":
    values = by_draw.groupby(level=0).mean().reindex(rollouts.index)
    for status, worth in m.values.items():
        values = values.mask(rollouts["status"] == status, worth)
    return values.astype("float64")


def of_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """The frame `scores` as verdicts for `measure` and `per_draw`, without its texts."""
    verdicts = scores[["rollout", "judge", "judge_draw", "criterion", "outcome", "value"]]
    return verdicts.rename(columns={"judge_draw": "draw"})


def per_draw(verdicts: pd.DataFrame, measure: Measure) -> pd.Series:
    """The measure by each complete judge draw, on the measure's range: indexed by rollout and draw.

    `verdicts` as for `measure`. A judge draw that lacks a counted criterion has no row. Where judge draws are cases,
    which differ in difficulty, a rollout that lacks one of them has no rows.
    """
    complete = _complete(verdicts, measure)
    if not measure.cases:
        return complete
    return complete[complete.groupby(level=0).transform("count") >= measure.cases]


def _complete(verdicts: pd.DataFrame, measure: Measure) -> pd.Series:
    """The measure by each judge draw in which every counted criterion has a value."""
    counted = verdicts_of(verdicts, measure)
    low, high = measure.range
    at = _numbers(counted["criterion"], {c: s[0] for c, s in measure.scales.items()})
    width = _numbers(counted["criterion"], {c: s[1] - s[0] for c, s in measure.scales.items()})
    scaled = low + (counted["value"].astype(float) - at) / width * (high - low)
    by_draw = scaled.groupby([counted["rollout"], counted["draw"]], observed=True)
    return by_draw.mean()[by_draw.count() == len(measure.scales)]


def _numbers(texts: pd.Series, known: Mapping[str, float]) -> "pd.Series[float]":
    """For each text the number that it stands for, NaN without one; each different text is looked up once."""
    codes, distinct = pd.factorize(texts)
    numbers = np.array([*(known.get(str(text), np.nan) for text in distinct), np.nan], dtype="float64")
    return pd.Series(numbers[codes], index=texts.index)


def verdicts_of(verdicts: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Those that the measure is made of; one without a score has the value that the scenario gives its outcome."""
    counted = verdicts[(verdicts["judge"] == measure.judge) & verdicts["criterion"].isin(list(measure.scales))]
    if not measure.values or not (declared := counted["outcome"].isin(list(measure.values))).any():
        return counted
    low, high = measure.range
    share = (_numbers(counted["outcome"], measure.values) - low) / (high - low)
    least = _numbers(counted["criterion"], {name: scale[0] for name, scale in measure.scales.items()})
    most = _numbers(counted["criterion"], {name: scale[1] for name, scale in measure.scales.items()})
    return counted.assign(value=counted["value"].astype("float64").mask(declared, least + share * (most - least)))


def by_status(verdicts: pd.DataFrame, rollouts: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The verdicts, with the status as outcome where the scenario gives the rollout's status a value: that value counts
    in every draw, and nothing that the judge says.

    `verdicts` and `rollouts` have the column `rollout`.
    """
    with_value = rollouts[rollouts["status"].isin(list(measure.values))]
    if with_value.empty:
        return verdicts
    statuses = dict(zip(with_value["rollout"].astype("str"), with_value["status"].astype("str"), strict=True))
    status = verdicts["rollout"].astype("str").map(statuses)
    decided = status.notna()
    masked = {name: verdicts[name].mask(decided) for name in ("value", "label")}
    return verdicts.assign(outcome=verdicts["outcome"].astype("str").mask(decided, status), **masked)


def judged_rollouts(rollouts: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rollouts whose value comes from a judge: those whose status the scenario gives no value."""
    return rollouts[~rollouts["status"].isin(list(measure.values))]


_BADNESS = ("scored", "absent", "refused", "truncated", "unparsed", "format", "crash", "timeout", "error")


def _worst(verdicts: pd.DataFrame) -> pd.Series:
    """The worst outcome by rollout."""
    rank = _numbers(verdicts["outcome"], {name: i for i, name in enumerate(_BADNESS)}).astype("int64")
    worst = rank.groupby(verdicts["rollout"]).max()
    return pd.Series(np.array(_BADNESS, dtype=object)[worst.to_numpy()], index=worst.index)
