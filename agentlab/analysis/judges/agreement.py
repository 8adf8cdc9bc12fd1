"""How well a judge agrees with people, and they with each other: coefficients never without their tables."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import pandas as pd

from agentlab.analysis.judges.labelled import LabelledMeasure, beyond
from agentlab.analysis.row import Row, estimated
from agentlab.stats.judges.agreement import ac1, alpha, confusion, kappa

MOST_VALUES = 12
"""Different values above which a kappa is none: it is for categories."""
ALL, JUDGE = "all", "judge"


def agreed(measures: Sequence[LabelledMeasure]) -> tuple[pd.DataFrame, list[str]]:
    """A row for every two of judge and raters, over all conditions and in each, and notes.

    `raw` is the share of equal ratings, `alpha` Krippendorff's on an interval scale; kappa, `weighted` (quadratic) and
    `ac1` are for up to 12 values. `mean_1` and `mean_2` are what either gave on average (the prevalence, of 0 and 1);
    the judge's by condition is missing where it is suppressed. The judge's score is the measure, its draws averaged.
    Intervals leave out tasks, or rollouts where there are few.
    """
    notes: list[str] = []
    rows = [row for scored in measures for row in _rows(scored, notes)]
    return pd.DataFrame(rows), notes


def confused(measures: Sequence[LabelledMeasure]) -> tuple[pd.DataFrame, list[str]]:
    """How often each score met each label (the mean of raters), by condition: long, one row a cell that occurs."""
    notes: list[str] = []
    cells: list[Row] = []
    for scored in measures:
        if not scored.raters:
            continue
        if _many(scored.rows, ["score", "label"]):
            notes.append(
                f"{scored.measure.name}: more than {MOST_VALUES} different values, so there is no table of "
                f"judge versus people."
            )
            continue
        for condition in scored.conditions:
            rows = scored.of(condition)
            table = confusion(rows["score"], rows["label"])
            cells += [
                {
                    "measure": scored.measure.name,
                    "condition": condition,
                    "judge": score,
                    "people": label,
                    "count": count,
                }
                for score, counts in zip(table.values, table.counts, strict=True)
                for label, count in zip(table.values, counts, strict=True)
                if count
            ]
    return pd.DataFrame(cells, columns=["measure", "condition", "judge", "people", "count"]), notes


def _rows(scored: LabelledMeasure, notes: list[str]) -> Iterator[Row]:
    columns = {JUDGE: "score", **{name: f"rater {name}" for name in scored.raters}}
    parts = {
        ALL: scored.rows,
        **({name: scored.of(name) for name in scored.conditions} if len(scored.conditions) > 1 else {}),
    }
    for first, second in combinations(columns, 2):
        for condition, part in parts.items():
            rows = part[part[columns[first]].notna() & part[columns[second]].notna()]
            if len(rows):
                pair = rows[columns[first]], rows[columns[second]]
                head = {"measure": scored.measure.name, "condition": condition, "first": first, "second": second}
                coefficients = _coefficients(rows, *pair, ", ".join(map(str, head.values())), notes)
                hidden = scored.suppressed and first == JUDGE and condition != ALL
                yield {**head, **coefficients, **({"mean_1": None} if hidden else {})}
    if any(part["probability"].dropna().nunique() > 1 for part in parts.values()):
        notes.append(
            f"{scored.measure.name}: agreement describes the labeled rollouts, which were drawn with unequal "
            f"probabilities."
        )


def _coefficients(rows: pd.DataFrame, a: pd.Series, b: pd.Series, where: str, notes: list[str]) -> Row:
    tasks = rows["cluster"].tolist() if beyond(rows.assign(label=a)) else None
    both = pd.concat([a, b], axis=1).to_numpy()
    whole = alpha(both, tasks)
    row: Row = {"units": whole.units, "mean_1": float(a.mean()), "mean_2": float(b.mean()), "raw": whole.raw}
    few = not _many(rows, [str(a.name), str(b.name)])
    coefficients = {"kappa": kappa(a, b, "none", tasks), "weighted": kappa(a, b, "quadratic", tasks)} if few else {}
    coefficients |= {"alpha": whole} | ({"ac1": ac1(both, clusters=tasks)} if few else {})
    for name in ("kappa", "weighted", "alpha", "ac1"):
        row |= estimated(name, coefficients.get(name))
    remarks = {coefficient.note for coefficient in coefficients.values() if coefficient.note}
    notes += [f"{where}: {note}." for note in sorted(remarks)]
    return row


def _many(rows: pd.DataFrame, columns: list[str]) -> bool:
    present = rows[columns].dropna()
    return len(pd.unique(present.to_numpy().ravel())) > MOST_VALUES
