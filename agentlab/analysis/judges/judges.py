"""The evidence on every judge of a run: probes that need no people, and people's labels where there are some."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cases import about_cases
from agentlab.analysis.cells import listed
from agentlab.analysis.components.judge_noise import judge_draws
from agentlab.analysis.contrasts.blinding import guesses
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.judges.families import model_families
from agentlab.analysis.judges.labelled import LabelledMeasure, beyond, labelled
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.row import Row, ends, estimated
from agentlab.analysis.unplayed import due
from agentlab.judges import recorded
from agentlab.models.capabilities import maker
from agentlab.runs.frames import Run
from agentlab.stats.bounds import bounds
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.judges.agreement import alpha
from agentlab.stats.judges.probes import shift, slope
from agentlab.store import UNFINISHED
from agentlab.text import pluralize

LOST = ("refused", "truncated", "unparsed", "error")
OF_PROGRAMS = ("absent", "crash", "timeout", "format")
_LENGTH = (
    "length: the change of a measure for an output e times as long, within a task. Arms also differ in length, and "
    "length is affected by the arm: this is a sensitivity check, and nothing is adjusted for it."
)


def judges(run: Run, measure: str | None = None) -> Analysis:
    """Every judge by its measures: anchors, length, kinship, agreement with itself and with people, what it lost.

    Beside it how well arms can be guessed from the outputs, worst-case bounds for what has no score, and how two judges
    of one rubric differ (another model is drift, formatting taken out is formatting). Raises AnalysisError when nothing
    was judged.
    """
    measures = labelled(run, measure)
    notes = [_LENGTH]
    tables = {
        "judges": pd.DataFrame([_judge(run, scored, notes) for scored in measures]),
        "pairs": pd.DataFrame(list(_pairs(run, measures, notes))),
        "guesses": pd.DataFrame(list(_guesses(run, measures))),
        "bounds": pd.DataFrame([row for scored in measures for row in _bounds(run, scored)]),
    }
    if tables["guesses"].empty:
        notes.append("Guessing arms from outputs was not possible: it needs 2 tasks and 10 pairs of rollouts.")
    kept = {name: table for name, table in tables.items() if len(table)}
    return Analysis("judges", "Judge diagnostics", _says(measures), kept, tuple(dict.fromkeys(notes)), result=_result)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The verdict on each judge by its anchor texts."""
    table = tables["judges"]
    tried = table[table["anchors"].notna()].drop_duplicates("judge").reset_index(drop=True)
    return (
        f"AUC of good against bad anchor texts: {listed(tried, 'judge', 'anchor AUC', 'anchors')}."
        if len(tried)
        else ""
    )


def _says(measures: list[LabelledMeasure]) -> str:
    rollouts = len({key for scored in measures for key in scored.rows["rollout"].tolist()})
    names = ", ".join(dict.fromkeys(scored.measure.judge for scored in measures))
    has_labels = any(scored.raters for scored in measures)
    people = "" if has_labels else "; no rollout has a human label, so accuracy is unknown"
    return f"Diagnostics of {names}, over {pluralize(rollouts, 'judged rollout')}{people}."


def _judge(run: Run, scored: LabelledMeasure, notes: list[str]) -> Row:
    m = scored.measure
    model = run.meta.get("judges", {}).get(m.judge)
    anchors = run.meta.get("anchors", {}).get(m.judge, {})
    outcomes = run.scores.loc[run.scores["judge"] == m.judge, "outcome"].astype("str")
    row: Row = {"measure": m.name, "judge": m.judge, "model": model or "none", "judged": len(scored.rows)}
    row |= {"anchors": anchors.get("outcome"), "anchor_AUC": anchors.get("auc")}
    row |= {f"anchor_AUC_{end}": anchors.get(end) for end in ("low", "high")} | {"signal": anchors.get("signal")}
    row |= {name: anchors.get(name) for name in ("padding", "padding_low", "padding_high")}
    if scored.suppressed:
        notes.append(f"{m.name}: results that say which arm did better are suppressed: {scored.suppressed}.")
    words = run.rollouts.set_index(run.rollouts["rollout"].astype("str"))["output_words"].reindex(
        scored.rows["rollout"]
    )
    length = np.log(words.where(words > 0).to_numpy(dtype=np.float64))
    longer = slope(scored.rows["score"], length, scored.rows["task"].tolist(), run.clusters)
    row |= _cells("length", run, longer, f"{m.name}, length", notes)
    row |= _itself(run, scored, notes) | _people(scored, notes) | _kin(run, scored, model, notes)
    lost = (*LOST, *OF_PROGRAMS) if m.cases else LOST
    return row | {name: int((outcomes == name).sum()) for name in lost}


def _itself(run: Run, scored: LabelledMeasure, notes: list[str]) -> Row:
    """Alpha between the judge's draws of the same rollouts."""
    if scored.measure.cases:
        notes.append(f"{scored.measure.name}: {about_cases(scored.measure)}.")
        return estimated("itself", None)
    draws = judge_draws(run.scores, scored.measure).unstack().reindex(scored.rows["rollout"])
    if draws.shape[1] < 2:
        notes.append(
            f"{scored.measure.judge}: each rollout was judged once, so the judge's agreement with itself is unknown."
        )
        return estimated("itself", None)
    return _alpha("itself", scored, draws.to_numpy(dtype=np.float64), notes)


def _people(scored: LabelledMeasure, notes: list[str]) -> Row:
    """Alpha between the judge and the mean of people's labels."""
    if not scored.raters:
        notes.append(
            f"{scored.measure.name}: no human labels, so its means are uncorrected (see agentlab export labels)."
        )
        return estimated("people", None)
    return _alpha("people", scored, scored.rows[["score", "label"]].to_numpy(dtype=np.float64), notes)


def _alpha(
    name: str, scored: LabelledMeasure, ratings: "np.ndarray[Any, np.dtype[np.float64]]", notes: list[str]
) -> Row:
    both = scored.rows.assign(label=np.where((~np.isnan(ratings)).sum(axis=1) > 1, 1.0, np.nan))
    agreement = alpha(ratings, scored.rows["cluster"].tolist() if beyond(both) else None)
    notes += [f"{scored.measure.name}, agreement with {name}: {agreement.note}."] if agreement.note else []
    return estimated(name, agreement)


def _kin(run: Run, scored: LabelledMeasure, model: str | None, notes: list[str]) -> Row:
    """Whether agents are of the judge's family, and by how much more than people it favours outputs of those."""
    family = maker(model) if model else None
    shares = {name: float(np.mean([kin == family for kin in kins])) for name, kins in model_families(run).items()}
    if family is None or not any(shares.values()):
        return {"family": family, "kin": False}
    notes.append(
        f"{scored.measure.judge} and some agents belong to the same model family, {family}: the judge may "
        f"favor its own family."
    )
    row: Row = {"family": family, "kin": True}
    if not scored.raters or len(set(shares.values())) == 1:
        return row
    rows = scored.rows[scored.rows["label"].notna()]
    more = slope(rows["score"] - rows["label"], rows["condition"].map(shares), rows["task"].tolist(), run.clusters)
    return row | _cells("favour", run, more, f"{scored.measure.name}, favour", notes)


def _cells(name: str, run: Run, estimate: Estimate, where: str, notes: list[str]) -> Row:
    few = estimate.n < FEWEST_TASKS and not estimate.notes
    size = pluralize(estimate.n, "cluster" if run.clusters else "task")
    lacking = (f"no interval: {size}; at least {FEWEST_TASKS} are needed",) if few else estimate.notes
    notes += [f"{where}: {note}." for note in lacking]
    return {name: estimate.value, **ends(name, None if few else estimate)}


def _pairs(run: Run, measures: list[LabelledMeasure], notes: list[str]) -> Iterator[Row]:
    """Two judges of one rubric on the same rollouts: what the second gives beyond the first."""
    documents: Mapping[str, Mapping[str, Any]] = recorded(run.meta)
    models = run.meta.get("judges", {})
    for a, b in combinations(measures, 2):
        what = _apart(documents.get(a.measure.judge), documents.get(b.measure.judge))
        same = a.measure.judge != b.measure.judge and (a.measure.scales, a.measure.range) == (
            b.measure.scales,
            b.measure.range,
        )
        drifted = models.get(a.measure.judge) != models.get(b.measure.judge)
        if what is None or not same or not (what or drifted):
            continue
        both = a.rows.merge(b.rows[["rollout", "score"]], on="rollout", suffixes=("", "_b"))
        moved = shift(both["score"], both["score_b"], both["task"].tolist(), run.clusters)
        names = {"first": a.measure.name, "second": b.measure.name}
        of = " and ".join(filter(None, ("drift" if drifted else "", what)))
        cells = _cells("difference", run, moved.mean, ", ".join(names.values()), notes)
        rollouts = int(both[["score", "score_b"]].notna().all(axis=1).sum())
        yield {**names, "probe": of, "rollouts": rollouts, **cells, "equal": moved.equal, "rank": moved.rank}


def _apart(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> str | None:
    """In what two judges of one rubric differ besides the model; None when they are of different rubrics."""
    if a is None or b is None:
        return None
    beside = ("model", "about", "draws", "normalise")
    rubrics = [{name: value for name, value in document.items() if name not in beside} for document in (a, b)]
    if rubrics[0] != rubrics[1]:
        return None
    return "formatting" if bool(a.get("normalise")) != bool(b.get("normalise")) else ""


def _guesses(run: Run, measures: list[LabelledMeasure]) -> Iterator[Row]:
    if not run.factors:
        return
    wanted = {scored.measure.name for scored in measures}
    for (factor, a, b, within), guess in guesses(run, [c for c in contrasts(run) if c.measure in wanted]).items():
        head = {"factor": factor, "a": a, "b": b, "within": within or None, "pairs": guess.pairs}
        yield {**head, "AUC_by_words": guess.words, "AUC_by_length": guess.length}


def _bounds(run: Run, scored: LabelledMeasure) -> Iterator[Row]:
    """The mean with everything that has no score at one end of the range, then at the other."""
    m = scored.measure
    rows = due(run, m.judge, run.measures[~run.measures["status"].isin(UNFINISHED)])
    ends = outcome_range(m, rows[m.name].to_numpy())
    for condition, part in rows.groupby(rows["condition"].astype("str"), sort=False):
        edge = bounds(part[m.name], *ends, part["task"].astype("str").tolist())
        head = {"measure": m.name, "condition": condition, "rollouts": len(part), "missing": edge.missing}
        means = {"mean": edge.observed, "worst_case_low": edge.low, "worst_case_high": edge.high}
        yield {**head, **(dict.fromkeys(means, np.nan) if scored.suppressed else means)}
