"""One rollout's path: its expected outcome after each round, and the message that decided it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.forks.bounded import bounded, bounded_step
from agentlab.analysis.forks.outcomes import Acted, Outcomes, acted, kept, label, measured, outcomes
from agentlab.analysis.forks.step_messages import place, step_messages
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts
from agentlab.runs.transcript.find import find
from agentlab.stats.forks.path import End, Path, PathStep, confirm
from agentlab.stats.forks.path import path as estimate
from agentlab.store import read
from agentlab.text import pluralize
from agentlab.types import Measure

FEWEST_FORKS = 8
"""Of each of its two cuts, before a round is said to have decided a rollout."""


def path(run: Run, rollout: str, measure: str | None = None) -> Analysis:
    """The path of one rollout, from its plain forks at round ends, for each measure.

    `rollout` is the beginning of its key, or its coordinates such as `task=loan,team=firm,draw=1`. Forks that are
    `fresh` have no part in the path, and measure its decisive step again. Raises AnalysisError when no forked rollout,
    or more than one, is meant, or its forks do not reach two cuts.
    """
    key = _parent(run, rollout)
    who = acted(run, {key}).get(key, {})
    tables: dict[str, list[pd.DataFrame]] = {"path": [], "messages": [], "fresh": []}
    says: list[str] = []
    notes: dict[str, None] = {}
    for m in measured(run, measure):
        forked = outcomes(run, m)
        estimated, why = _estimated_path(run, m, forked, key, who)
        notes |= dict.fromkeys(why)
        if estimated is None:
            continue
        fresh_step = _fresh_step(m, forked, estimated, _by_cut(forked, key, who, fresh=True))
        messages = step_messages(run, key, m, estimated.decisive)
        tables["path"].append(_table(m, estimated, who))
        tables["messages"].append(messages)
        tables["fresh"].append(fresh_step)
        says.append(_says(m, estimated, fresh_step, messages, who))
        notes |= dict.fromkeys(f"{m.name}: {note}" for note in estimated.notes)
        notes |= dict.fromkeys(f"{m.name}: {note}" for note in _flattered(estimated, fresh_step))
    if not says:
        why = "; ".join(notes)
        raise AnalysisError(f"no path: {why}; `agentlab resample {run.folder} --every-round -n 8` draws forks")
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}
    return Analysis("path", f"The path of rollout {key[:8]}", " ".join(says), joined, tuple(notes), result=_result)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """By measure the round that decided the rollout, with its change."""
    parts = list[str]()
    for name, rows in tables["path"].groupby("measure", sort=False):
        records: list[dict[Any, Any]] = pd.DataFrame(rows).to_dict("records")
        where = [f"round {row['round']} ({row['change']:+z.3f})" for row in records if row["decisive"]]
        parts.append(f"{name} was decided in {where[0]}" if where else f"{name}: no decisive round was found")
    return f"{'; '.join(parts)}."


def _parent(run: Run, wanted: str) -> str:
    forked = {str(parent) for parent in run.forks["parent"]} if len(run.forks) else set[str]()
    parents = sorted(forked & set(run.rollouts["rollout"].astype("str")))
    beginning = wanted
    if "=" in wanted:
        with closing(read(run.folder)) as connection:
            beginning = find(connection, wanted, "path")
    fitting = [parent for parent in parents if parent.startswith(beginning)]
    if len(fitting) == 1:
        return fitting[0]
    if not parents:
        more = f"`agentlab resample {run.folder} --every-round -n 8` draws some"
        raise AnalysisError(f"{run.folder} has no forks, which a path is made of; {more}")
    known = ", ".join(parent[:8] for parent in (fitting or parents)[:8])
    wrong = f"{len(fitting)} forked rollouts of {run.folder} are {wanted!r}"
    raise AnalysisError(f"{wrong}; rollouts with forks: {known}; `agentlab resample` forks another")


def _by_cut(forked: Outcomes, key: str, who: Acted, fresh: bool) -> dict[int, list[float]]:
    """Outcomes of the plain forks of each cut at a round's end."""
    table = forked.table
    plain_forks = table[(table["parent"] == key) & (table["change"] == "") & (table["agents"].map(len) == 0)]
    plain_forks = plain_forks[plain_forks["fresh"] == fresh]
    values: dict[int, list[float]] = {}
    for round, value in zip(plain_forks["round"].tolist(), plain_forks["value"].tolist(), strict=True):
        values.setdefault(kept(who, round), []).append(value)
    return values


def _estimated_path(run: Run, m: Measure, forked: Outcomes, key: str, who: Acted) -> tuple[Path | None, list[str]]:
    """The path, None with fewer than two points, and what it rests on."""
    forks = _by_cut(forked, key, who, fresh=False)
    enough = {cut: values for cut, values in forks.items() if len(values) > 1}
    notes = [f"cut {cut} has only one fork and is excluded: two are needed" for cut in forks.keys() - enough.keys()]
    if forked.missing:
        notes.append(f"{m.name}: {pluralize(forked.missing, 'fork')} of the run excluded, without an outcome")
    end, why = _end(run, m, forked, key, max(who, default=0))
    if len(enough) + (end is not None) < 2:
        some = "only one" if enough else "no"
        return None, [f"{m.name}: {some} cut of {key[:8]} has two forks with an outcome, so there is no path"]
    partial = len(enough) < len(who)
    if partial:
        notes.append(
            f"forked at {len(enough)} of {len(who)} cuts; the band accounts for all cuts, because some were selected"
        )
    estimated = bounded(estimate(enough, end, forked.scale, len(who) if partial else 0), forked.scale)
    if few := _few(estimated):
        estimated = replace(estimated, decisive=None)
        notes.append(f"{m.name}: {few}")
    return estimated, [*notes, *why]


def _few(estimated: Path) -> str:
    """Why the decisive step is not told, though its interval is on one side of 0; empty where it may be told."""
    if (step := estimated.decisive) is None:
        return ""
    forks = min(point.forks for point in estimated.points if point.cut in (step.start, step.cut) and point.forks)
    if forks >= FEWEST_FORKS:
        return ""
    return f"no round is said to have decided it: this takes {FEWEST_FORKS} forks of a cut, and there are {forks}"


def _end(run: Run, m: Measure, forked: Outcomes, key: str, last: int) -> tuple[End | None, list[str]]:
    """The rollout's own outcome; its judge noise is that of its forks."""
    row = run.measures[run.measures["rollout"].astype("str") == key]
    if row.empty or pd.isna(row[m.name].iloc[0]):
        return None, [f"the rollout itself has no {m.name}: the path stops before its last round"]
    mean, draws = float(row[m.name].iloc[0]), int(row[f"{m.name}_draws"].iloc[0])
    noise = forked.noise
    if judged_rollouts(row, m).empty:  # its status alone decides
        return End(last, mean), []
    if noise.why:
        return End(last, mean), [f"{noise.why}; the rollout's own {m.name} is used without a noise estimate"]
    df = float(noise.df.get(key, 0.0))
    if df == 0 or draws == 0:
        return End(last, mean), []
    return End(last, mean, (float(noise.squares[key]) / df / draws) ** 0.5, df), []


def _fresh_step(m: Measure, forked: Outcomes, estimated: Path, fresh: dict[int, list[float]]) -> pd.DataFrame:
    """The largest step on forks that had no part in selecting it; empty without two of them at each of its cuts."""
    step, end = _largest(estimated), estimated.points[-1]
    columns = ["measure", "start", "cut", "forks", "change", "low", "high"]
    sides: list[list[float] | End] = []
    for cut in (step.start, step.cut):
        is_end = end.forks == 0 and cut == end.cut
        sides.append(End(cut, end.mean, end.se, end.df or float("inf")) if is_end else fresh.get(cut, []))
    drawn = [len(side) for side in sides if not isinstance(side, End)]
    if min(drawn) < 2:
        return pd.DataFrame(columns=columns)
    confirmed = bounded_step(confirm(sides[0], sides[1], forked.scale), forked.scale)
    row = (m.name, step.start, step.cut, min(drawn), confirmed.change, confirmed.low, confirmed.high)
    return pd.DataFrame([row], columns=columns)


def _flattered(estimated: Path, fresh_step: pd.DataFrame) -> list[str]:
    """What the selection of a step leaves in its size."""
    if fresh_step.empty:
        selected = (
            "the decisive step was selected on these forks, so its size is biased upward; "
            "estimates from fresh forks are not"
        )
        return [selected] if estimated.decisive is not None else []
    if (
        estimated.points[-1].forks == 0
        and _largest(estimated).cut == estimated.points[-1].cut
        and estimated.points[-1].se > 0
    ):
        return [
            (
                "the step ends at the rollout's own outcome, which was not redrawn: its size still "
                "includes judge noise that may have helped select it"
            )
        ]
    return []


def _largest(estimated: Path) -> PathStep:
    """The decisive step; without one the step that a bisection ends at."""
    return estimated.decisive or max(estimated.steps, key=lambda step: abs(step.change))


def _table(m: Measure, estimated: Path, who: Acted) -> pd.DataFrame:
    """A row per cut; a change is from the row before."""
    steps = {step.cut: step for step in estimated.steps}
    rows: list[dict[str, object]] = []
    for point in estimated.points:
        step = steps.get(point.cut)
        between = [] if step is None else _between(who, step)
        rows.append(
            {
                "measure": m.name,
                "cut": point.cut,
                "round": label(between),
                "agents": tuple(sorted({agent for round in between for agent in who[round]})),
                "forks": point.forks or None,
                "expected": point.mean,
                "expected_low": point.low,
                "expected_high": point.high,
                "change": step and step.change,
                "change_low": step and step.low,
                "change_high": step and step.high,
                "decisive": step is not None and step == estimated.decisive,
            }
        )
    return pd.DataFrame(rows).astype({"forks": "Int64", "change": "float64"})


def _between(who: Acted, step: PathStep) -> list[int]:
    return [round for round in who if step.start < round <= step.cut]


def _says(m: Measure, estimated: Path, fresh_step: pd.DataFrame, messages: pd.DataFrame, who: Acted) -> str:
    first, last, step = estimated.points[0], estimated.points[-1], estimated.decisive
    drawn = sum(point.forks for point in estimated.points)
    head = f"{m.name}: expected {first.mean:.3f} at cut {first.cut}, {last.mean:.3f} at the end ({drawn} forks)"
    size = ""
    if len(fresh_step):
        fresh = fresh_step.iloc[0]
        ends = "" if pd.isna(fresh["low"]) else f" [{fresh['low']:.3f}, {fresh['high']:.3f}]"
        size = f" on {fresh['forks']} fresh forks {fresh['change']:+z.3f}{ends}"
    if step is None:
        largest = f": the largest step, round {label(_between(who, _largest(estimated)))}, is{size}" if size else ""
        return f"{head}; no decisive round found with this many forks{largest}."
    selected = f"{step.change:+z.3f} [{step.low:.3f}, {step.high:.3f}]{',' if size else ''}{size}"
    return f"{head}; decided in {place(label(_between(who, step)), messages)}: {selected}."
