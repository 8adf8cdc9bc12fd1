"""Means and contrasts as people would give them: a judge's scores corrected by labels of the same condition."""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.judges.agreement import agreed, confused
from agentlab.analysis.judges.labelled import LabelledMeasure, beyond, judged, labelled
from agentlab.analysis.row import Row
from agentlab.runs.frames import Run
from agentlab.stats.judges.ppi import Corrected, difference, mean
from agentlab.stats.judges.rogan_gladen import prevalence
from agentlab.text import pluralize

LEGEND = {
    "estimate": "of what people would say on average",
    "labels": "number of rollouts with a label",
    "judged": "number of rollouts with a score",
    "power": "how much the judge's scores of all rollouts count in the estimate: 0 not at all, 1 in full",
}
UNCORRECTED, PEOPLE, PREDICTED, MISCLASSIFIED = "uncorrected", "labels only", "PPI++", "Rogan-Gladen"
SAME = (
    "uncorrected: means of the judge's scores, with intervals by the method of the corrected means; for reports, "
    "take those of the table of conditions"
)
LIKE, THESE = "new tasks", "these tasks"
_HOW = (
    "To correct them: `agentlab export labels RUN SHEET.csv --measure NAME` draws outputs, people fill in the sheet, "
    "and `agentlab import labels SHEET.csv --run RUN` imports it."
)


def labels(run: Run, measure: str | None = None) -> Analysis:
    """Per measure and condition the judge's mean, that of the labels alone, and both together, with contrasts.

    `estimator` says which: 'uncorrected', 'labels only', 'PPI++' (arXiv 2311.01453), or for yes-or-no measures
    'Rogan-Gladen'. Labels of one condition correct that condition only. Intervals are about `new tasks` where
    labels are of six tasks or more, else about `these tasks` (rollouts are then taken as independent). Raises
    AnalysisError when nothing was judged.
    """
    measures = labelled(run, measure)
    notes = [SAME]
    means = pd.DataFrame([row for scored in measures for row in _means(scored, notes)])
    contrasts = pd.DataFrame([row for scored in measures for row in _contrasts(run, scored, notes)])
    tables = {"means": means}
    if len(contrasts):
        tables["contrasts"] = contrasts
    if any(scored.raters for scored in measures):
        tables["agreement"], more = agreed(measures)
        tables["confusion"], less = confused(measures)
        notes += [*more, *less]
    return Analysis(
        "labels",
        "Judges against people",
        _says(measures),
        tables,
        tuple(dict.fromkeys(notes)),
        result=_result,
        legend=LEGEND,
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The corrected means, or that there is none."""
    means = tables["means"]
    corrected = means[(means["estimator"] == PREDICTED).to_numpy()].reset_index(drop=True)
    if corrected.empty:
        return f"no mean is corrected, because no judged rollout has a human label. {_HOW}"
    named = corrected.assign(name=corrected["measure"] + ", " + corrected["condition"].astype("str") + ":")
    return f"means corrected with human labels: {listed(named, 'name', 'estimate')}."


def _says(measures: list[LabelledMeasure]) -> str:
    count, items = (
        len({key for scored in measures for key in scored.rows.loc[scored.rows[column].notna(), "rollout"].tolist()})
        for column in ("label", "score")
    )
    if not count:
        return f"All means over {items:,} judged rollouts are uncorrected, because none has a human label. {_HOW}"
    raters = len({name for scored in measures for name in scored.raters})
    which = "one rater" if raters == 1 else f"{raters} raters"
    return f"The judge's means, corrected with {count:,} labeled rollouts of {items:,} judged rollouts, by {which}."


def _means(scored: LabelledMeasure, notes: list[str]) -> Iterator[Row]:
    name = scored.measure.name
    if scored.suppressed:
        notes.append(f"{name}: uncorrected values are suppressed: {scored.suppressed}.")
    if scored.unscored:
        notes.append(
            f"{name}: {pluralize(scored.unscored, 'label')} of rollouts that the judge did not score; they cannot be "
            f"used here."
        )
    for condition in scored.conditions:
        yield from _of_condition(scored, condition, notes)


def _of_condition(scored: LabelledMeasure, condition: str, notes: list[str]) -> Iterator[Row]:
    name = scored.measure.name
    rows, whole = scored.of(condition), scored.whole(condition)
    if decided := len(whole) - len(rows):
        count = pluralize(decided, "rollout")
        value = "the value that the measure gives their status, which needs no label"
        notes.append(f"{name}, {condition}: {count} counted at {value}.")
    label_count = int(rows["label"].notna().sum())
    clusters = beyond(rows) if label_count else beyond(rows.assign(label=rows["score"]))
    head = {"measure": name, "condition": condition}
    about = LIKE if clusters else THESE
    uncorrected = _row(UNCORRECTED, mean(judged(whole, clusters, truth=True), 0.0), label_count, len(rows), scored.ends)
    yield {
        **head,
        **uncorrected,
        **(dict.fromkeys(("estimate", "low", "high"), np.nan) if scored.suppressed else {}),
        "about": about,
    }
    if not label_count:
        return
    if bool((rows["score"] == rows["label"])[rows["label"].notna()].all()):
        notes.append(
            f"{name}, {condition}: every label equals its score; intervals do not cover errors too rare to "
            f"appear in the sample."
        )
    for label, power in ((PEOPLE, 0.0), (PREDICTED, None)):
        result = mean(judged(whole, clusters), power)
        notes += [f"{name}, {condition}, {label}: {result.note}."] if result.note else []
        yield {
            **head,
            **_row(label, result, label_count, len(rows), scored.ends),
            "about": about,
            "power": result.power,
        }
    if decided:  # Rogan and Gladen's mean is one of judged rollouts
        return
    yield from (
        {**head, **row, "about": about} for row in _misclassified(rows, clusters, f"{name}, {condition}", notes)
    )


def _misclassified(rows: pd.DataFrame, clusters: bool, where: str, notes: list[str]) -> Iterator[Row]:
    if not (_binary(rows["score"]) and _binary(rows["label"].dropna())):
        return
    result = prevalence(judged(rows, clusters))
    notes += [f"{where}, {MISCLASSIFIED}: {result.note}."] if result.note else []
    yield {
        "estimator": MISCLASSIFIED,
        "estimate": result.value,
        "low": result.low,
        "high": result.high,
        "labels": result.positives + result.negatives,
        "judged": result.items,
        "sensitivity": result.sensitivity,
        "specificity": result.specificity,
    }


def _row(
    label: str, result: Corrected, labels: int, items: int, ends: tuple[float, float] = (-math.inf, math.inf)
) -> Row:
    """The interval stays within `ends`, those of the measure: no mean lies outside."""
    interval = result.interval
    return {
        "estimator": label,
        "estimate": result.value,
        "low": None if interval is None else max(interval.low, ends[0]),
        "high": None if interval is None else min(interval.high, ends[1]),
        "labels": labels,
        "judged": items,
    }


def _contrasts(run: Run, scored: LabelledMeasure, notes: list[str]) -> Iterator[Row]:
    """Every two conditions that differ in one factor, uncorrected and, where both have labels, corrected."""
    levels = {str(row["condition"]): row for row in run.conditions.to_dict("records")}
    for a, b in combinations(scored.conditions, 2):
        apart = [factor for factor in run.factors if levels[a][factor] != levels[b][factor]]
        if len(apart) != 1:
            continue
        parts = scored.of(a), scored.of(b)
        head: Mapping[str, Any] = {"measure": scored.measure.name, "a": a, "b": b}
        count, items = (sum(int(part[c].notna().sum()) for part in parts) for c in ("label", "score"))
        corrected = all(part["label"].notna().any() for part in parts)
        like = beyond(*parts) if corrected else beyond(*(part.assign(label=part["score"]) for part in parts))
        about = LIKE if like else THESE
        wholes = scored.whole(a), scored.whole(b)
        if not scored.suppressed:
            scores = [judged(whole, like, truth=True, pairs=True) for whole in wholes]
            uncorrected = difference(scores[0], scores[1], 0.0)
            yield {**head, **_apart(UNCORRECTED, uncorrected, count, items), "about": about}
        if not count:
            continue
        corrections = [judged(whole, like, pairs=True) for whole in wholes]
        result = difference(corrections[0], corrections[1])
        notes += [f"{scored.measure.name}, {a} - {b}: {result.note}."] if result.note else []
        if corrected:
            yield {**head, **_apart(PREDICTED, result, count, items), "about": about}


def _apart(label: str, result: Corrected, labels: int, items: int) -> Row:
    row = _row(label, result, labels, items)
    value = row.pop("estimate")
    p = None if result.interval is None else result.interval.p
    return {"estimator": row.pop("estimator"), "difference": value, **row, "p": p}


def _binary(values: pd.Series) -> bool:
    return len(values) > 0 and bool(np.isin(values.to_numpy(), (0.0, 1.0)).all())
