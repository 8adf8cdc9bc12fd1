"""How far the judges can be trusted: their anchors, what they may know of the arm, what labels correct."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from agentlab.blind import guesses
from agentlab.contrast import Contrast
from agentlab.frames import Run
from agentlab.report.section import Section
from agentlab.summary import Summary

UNCORRECTED = (
    "Uncorrected: nobody has labelled outputs of this run, so that a constant error of a judge is part of every mean. "
    "agentlab export labels draws outputs for people to label."
)


def section(run: Run, summary: Summary) -> Section:
    """Tables only: anchors, outcomes of verdicts, how well the arm can be guessed."""
    title = "Judges"
    if run.scores.empty:
        return Section("judges", title, "No verdict is stored.")
    tables = {"judges_anchors": anchors(run), "judges_guess": guessed(run, summary.contrasts)}
    n, judges = int(tables["judges_anchors"]["verdicts"].sum()), len(tables["judges_anchors"])
    says = (
        f"n = {n:,} verdicts of {judges} judges. AUC of the anchors: how often a good text gets more than a bad one; "
        "padding: what empty words add, beside the signal between good and bad."
    )
    notes = [UNCORRECTED] if run.labels.empty else []
    notes += [note for note in summary.notes if "judge" in note and "AUC" not in note]
    if len(tables["judges_guess"]):
        notes.append(
            "The arm guessed from the judged text alone, in the table 'judges guess': .5 is chance, 1 is certainty."
        )
    return Section("judges", title, says, (), tables, tuple(notes))


def anchors(run: Run) -> pd.DataFrame:
    """One row per judge: its model, verdicts by outcome, and what its anchors show of it."""
    reports, rows = run.meta.get("anchors", {}), list[dict[str, Any]]()
    own = run.scores[run.scores["rollout"].isin(run.rollouts["rollout"])]
    for judge, part in own.groupby("judge", sort=False, observed=True):
        report = reports.get(str(judge), {})
        counts = part["outcome"].astype("str").value_counts()
        rows.append(
            {
                "judge": str(judge),
                "model": run.meta.get("judges", {}).get(str(judge)) or "no model",
                "draws": int(part["judge_draw"].nunique()),
                "verdicts": len(part),
                "scored": int(counts.get("scored", 0)),
                **{f"anchor_{name}": report.get(name) for name in ("auc", "padding", "signal", "mass")},
                "suppressed": "; ".join(report.get("suppressed", ())),
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(suppressed=table["suppressed"].replace("", None)) if rows else table


def guessed(run: Run, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """One row per pair of arms: areas under the curve of guessing which of the two a text is of."""
    judged = {name for name, model in run.meta.get("judges", {}).items() if model is not None}
    of = {m.name for m in run.measured if m.judge in judged}
    found = guesses(run, [c for c in contrasts if c.measure in of])
    return pd.DataFrame(
        [
            {
                "a": a,
                "b": b,
                "within": within,
                "auc_by_words": g.words,
                "auc_by_length": g.length,
                "pairs_of_texts": g.pairs,
            }
            for (_, a, b, within), g in found.items()
        ]
    )
