"""Means and contrasts as people would give them: a judge's scores corrected by labels of the same condition."""

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

UNCORRECTED, PEOPLE, PREDICTED, MISCLASSIFIED = "uncorrected", "labels only", "PPI++", "Rogan-Gladen"
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
    found = labelled(run, measure)
    notes: list[str] = []
    means = pd.DataFrame([row for one in found for row in _means(one, notes)])
    contrasts = pd.DataFrame([row for one in found for row in _contrasts(run, one, notes)])
    tables = {"means": means}
    if len(contrasts):
        tables["contrasts"] = contrasts
    if any(one.raters for one in found):
        tables["agreement"], more = agreed(found)
        tables["confusion"], less = confused(found)
        notes += [*more, *less]
    return Analysis(
        "labels", "Judges against people", _says(found), tables, tuple(dict.fromkeys(notes)), result=_result
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The corrected means, or that there is none."""
    means = tables["means"]
    corrected = means[(means["estimator"] == PREDICTED).to_numpy()].reset_index(drop=True)
    if corrected.empty:
        return f"no mean is corrected, because no judged rollout has a human label. {_HOW}"
    named = corrected.assign(name=corrected["measure"] + ", " + corrected["condition"].astype("str") + ":")
    return f"means corrected with human labels: {listed(named, 'name', 'estimate')}."


def _says(found: list[LabelledMeasure]) -> str:
    count, items = (
        len({key for one in found for key in one.rows.loc[one.rows[column].notna(), "rollout"].tolist()})
        for column in ("label", "score")
    )
    if not count:
        return f"All means over {items:,} judged rollouts are uncorrected, because none has a human label. {_HOW}"
    raters = len({name for one in found for name in one.raters})
    which = "one rater" if raters == 1 else f"{raters} raters"
    return f"The judge's means, corrected with {count:,} labeled rollouts of {items:,} judged rollouts, by {which}."


def _means(one: LabelledMeasure, notes: list[str]) -> Iterator[Row]:
    name = one.measure.name
    if one.suppressed:
        notes.append(f"{name}: uncorrected values are suppressed: {one.suppressed}.")
    if one.unscored:
        notes.append(
            f"{name}: {pluralize(one.unscored, 'label')} of rollouts that the judge did not score; they cannot be "
            f"used here."
        )
    for condition in one.conditions:
        rows = one.of(condition)
        there = int(rows["label"].notna().sum())
        clusters = beyond(rows) if there else beyond(rows.assign(label=rows["score"]))
        head = {"measure": name, "condition": condition}
        about = LIKE if clusters else THESE
        own = _row(UNCORRECTED, mean(judged(rows, clusters, truth=True), 0.0), there, len(rows))
        yield {
            **head,
            **own,
            **(dict.fromkeys(("estimate", "low", "high"), np.nan) if one.suppressed else {}),
            "about": about,
        }
        if not there:
            continue
        if bool((rows["score"] == rows["label"])[rows["label"].notna()].all()):
            notes.append(
                f"{name}, {condition}: every label equals its score; intervals do not cover errors too rare to "
                f"appear in the sample."
            )
        for label, power in ((PEOPLE, 0.0), (PREDICTED, None)):
            result = mean(judged(rows, clusters), power)
            notes += [f"{name}, {condition}, {label}: {result.note}."] if result.note else []
            yield {**head, **_row(label, result, there, len(rows)), "about": about, "power": result.power}
        yield from (
            {**head, **row, "about": about} for row in _misclassified(rows, clusters, f"{name}, {condition}", notes)
        )


def _misclassified(rows: pd.DataFrame, clusters: bool, where: str, notes: list[str]) -> Iterator[Row]:
    if not (_binary(rows["score"]) and _binary(rows["label"].dropna())):
        return
    found = prevalence(judged(rows, clusters))
    notes += [f"{where}, {MISCLASSIFIED}: {found.note}."] if found.note else []
    yield {
        "estimator": MISCLASSIFIED,
        "estimate": found.value,
        "low": found.low,
        "high": found.high,
        "labels": found.positives + found.negatives,
        "judged": found.items,
        "sensitivity": found.sensitivity,
        "specificity": found.specificity,
    }


def _row(label: str, result: Corrected, labels: int, items: int) -> Row:
    interval = result.interval
    return {
        "estimator": label,
        "estimate": result.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "labels": labels,
        "judged": items,
    }


def _contrasts(run: Run, one: LabelledMeasure, notes: list[str]) -> Iterator[Row]:
    """Every two conditions that differ in one factor, uncorrected and, where both have labels, corrected."""
    levels = {str(row["condition"]): row for row in run.conditions.to_dict("records")}
    for a, b in combinations(one.conditions, 2):
        apart = [factor for factor in run.factors if levels[a][factor] != levels[b][factor]]
        if len(apart) != 1:
            continue
        parts = one.of(a), one.of(b)
        head: Mapping[str, Any] = {"measure": one.measure.name, "a": a, "b": b}
        count, items = (sum(int(part[c].notna().sum()) for part in parts) for c in ("label", "score"))
        corrected = all(part["label"].notna().any() for part in parts)
        like = beyond(*parts) if corrected else beyond(*(part.assign(label=part["score"]) for part in parts))
        about = LIKE if like else THESE
        if not one.suppressed:
            scores = [judged(part, like, truth=True, pairs=True) for part in parts]
            own = difference(scores[0], scores[1], 0.0)
            yield {**head, **_apart(UNCORRECTED, own, count, items), "about": about}
        if not count:
            continue
        corrections = [judged(part, like, pairs=True) for part in parts]
        result = difference(corrections[0], corrections[1])
        notes += [f"{one.measure.name}, {a} - {b}: {result.note}."] if result.note else []
        if corrected:
            yield {**head, **_apart(PREDICTED, result, count, items), "about": about}


def _apart(label: str, result: Corrected, labels: int, items: int) -> Row:
    row = _row(label, result, labels, items)
    value = row.pop("estimate")
    p = None if result.interval is None else result.interval.p
    return {"estimator": row.pop("estimator"), "difference": value, **row, "p": p}


def _binary(values: pd.Series) -> bool:
    return len(values) > 0 and bool(np.isin(values.to_numpy(), (0.0, 1.0)).all())
