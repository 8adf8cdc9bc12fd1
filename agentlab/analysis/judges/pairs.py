"""Arms compared two at a time by judges that are shown both outputs, in both orders.

A pair is worth 1 to the arm that won in both orders, 0 to the other, and a half to either where the two verdicts differ
or say tie. An arm's win rate is the mean of what pairs are worth, over the judge's draws, then pairs, then tasks.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.conclusion import WORDS
from agentlab.analysis.contrasts.contrast import ALPHA
from agentlab.analysis.contrasts.rejected import SELECTED, rejected_apart
from agentlab.analysis.suppressed import suppressed
from agentlab.errors import AnalysisError
from agentlab.judges.known_pairs import combined, flipped
from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import FEWEST_TASKS, Paired, paired
from agentlab.stats.interval import Interval
from agentlab.stats.judges.bradley_terry import Strengths, bradley_terry, fitted_interval
from agentlab.stats.judges.probes import position
from agentlab.text import pluralize

_ARMS = ["judge", "criterion", "factor", "a", "b", "within"]
_BESIDE = ["factor", "tasks", "these_tasks_low", "these_tasks_high", "new_tasks_low", "new_tasks_high"]
"""What stands in the second table, with how the verdicts ended."""
_OUTCOMES = ("absent", "refused", "truncated", "unparsed", "error")
_PAIR = ["rollout_a", "rollout_b", "judge_draw"]
_WORTH = {"a": 1.0, "tie": 0.5, "b": 0.0}
_RULE = (
    "An arm wins a pair if it is chosen in both orders; differing verdicts and ties count half for each arm. flips: "
    "pairs whose winner changed with the order. The interval is for new tasks, or for these tasks where there are "
    "few. If all tasks are alike, there is no interval, and the sign-flip test decides."
)


def pairs(run: Run) -> Analysis:
    """Wins, ties and losses of every declared pair of arms, what order did, and strengths over all arms.

    `verdicts`: both intervals, the share of verdicts for the output shown first, ties half, and what had no winner.
    Raises `AnalysisError` for a run without verdicts of a judge that compares.
    """
    verdicts = run.pairs
    if verdicts.empty:
        known = mapping(run.meta.get("traits"))
        if waiting := [name for name in known if mapping(known[name]).get("two") == "better"]:
            raise AnalysisError(
                f"{run.folder}: {', '.join(waiting)} has compared no arms yet; it does when all rollouts are played; "
                f"run the same command again"
            )
        lacking = "" if "judge" in mapping(run.meta.get("tree")).get("models", {}) else " --judge-model PROVIDER/NAME"
        command = f"agentlab judge {run.folder} --with preference{lacking}"
        raise AnalysisError(f"{run.folder}: no judge compared arms in this run; add one with `{command}`")
    compared = together(verdicts)
    rows = [_row(run, key, part) for key, part in _parts(compared)]
    lost = _lost(verdicts)
    table = pd.DataFrame(rows)
    beside = table[[*_ARMS, *_BESIDE[1:], "first_slot"]].merge(lost, on=_ARMS, how="left")
    strengths, notes = _strengths(run, verdicts)
    return Analysis(
        "pairs",
        "Arms compared two at a time",
        _says(table),
        {"pairs": table.drop(columns=[*_BESIDE, "first_slot"]), "verdicts": beside, "strengths": strengths},
        (*_anchored(run, table), *_missing(beside), *_selected(run), _RULE, *notes),
        result=_result,
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """Which arm each judge prefers, with the win rate of the first."""
    table = tables["pairs"]
    known = table[(table["conclusion"] != WORDS["suppressed"]).to_numpy()].reset_index(drop=True)
    if known.empty:
        return f"{pluralize(len(table), 'comparison')} of arms, all suppressed."
    several = len(table[["judge", "criterion"]].drop_duplicates()) > 1
    names = [f"{_named(row, ' against ', several)}:" for row in known.to_dict("records")]
    named = known.assign(name=names, end=known["conclusion"] + ", win rate")
    return f"{listed(named, 'name', 'end', 'win rate')}."


def _named(row: Mapping[Any, Any], between: str, judged: bool = True) -> str:
    """The two arms of a row, in which levels of the other factors, and if it is `judged`, by which question."""
    arms = f"{row['a']}{between}{row['b']}" + (f" ({row['within']})" if row["within"] else "")
    return f"{row['judge']}, {row['criterion']}, {arms}" if judged else arms


def together(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per pair, judge draw and criterion: `straight` and `swapped` (what either order was worth to a), `worth`
    (of both) and `flipped`; missing where an order has no verdict."""
    worth = verdicts.assign(worth=verdicts["winner"].map(_WORTH).astype("float64"))
    wide = worth.set_index([*_ARMS, *_PAIR, "task", "draw", "order"])["worth"].unstack("order")
    wide = wide.reindex(columns=[0, 1]).reset_index()
    wide.columns = [*_ARMS, *_PAIR, "task", "draw", "straight", "swapped"]
    both = [(_known(s), _known(o)) for s, o in zip(wide["straight"], wide["swapped"], strict=True)]
    wide["worth"] = [combined(s, None if o is None else 1 - o) for s, o in both]
    wide["flipped"] = [flipped(s, None if o is None else 1 - o) for s, o in both]
    return wide.astype({"worth": "float64"})


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _parts(table: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    for key, part in table.groupby(_ARMS, sort=False):
        yield dict(zip(_ARMS, map(str, key), strict=True)), part


def _row(run: Run, key: dict[str, str], part: pd.DataFrame) -> dict[str, Any]:
    done = part.dropna(subset=["worth"])
    by_pair = part.groupby(["task", "draw", *_PAIR[:2]], sort=False)["worth"].mean().reset_index()
    tasks, draws = by_pair["task"].tolist(), by_pair["rollout_a"].tolist()
    half, of = np.full(len(by_pair), 0.5), run.replicates(by_pair)
    result = paired(tasks, draws, by_pair["worth"].to_numpy(), half, clusters=run.clusters, replicates=of)
    forward, backward = part["straight"].to_numpy(), part["swapped"].to_numpy()
    place = position(forward, backward, part["task"].tolist(), run.clusters)
    hidden = suppressed(run, key["judge"]) != ""
    won: dict[str, Any] = {
        "wins": int((done["worth"] == 1).sum()),
        "ties": int((done["worth"] == 0.5).sum()),
        "losses": int((done["worth"] == 0).sum()),
        "win_rate": None if result.difference is None else result.difference + 0.5,
        **_ends("win_rate", result.tested),
        **_ends("these_tasks", result.these_tasks),
        **_ends("new_tasks", result.new_tasks),
    }
    return {
        **key,
        "tasks": result.tasks,
        "pairs": result.pairs,
        **(dict.fromkeys(won, np.nan) if hidden else won),
        "flips": float(done["flipped"].mean()) if len(done) else None,
        "first_slot": None if place.first.value is None else place.first.value + 0.5,
        "conclusion": WORDS["suppressed"] if hidden else _conclusion(key, result),
    }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    """The limits of a win rate, which is a share and goes no further."""
    if interval is None:
        return {f"{name}_low": None, f"{name}_high": None}
    return {f"{name}_low": max(0.0, interval.low + 0.5), f"{name}_high": min(1.0, interval.high + 0.5)}


def _conclusion(key: dict[str, str], result: Paired) -> str:
    """By the interval, or by sign flips where all tasks are alike, such as those of an arm that won every pair."""
    interval = result.tested
    p = result.sign_flip if interval is None else interval.p
    if p is None or result.difference is None:
        return WORDS["untested"]
    if p > ALPHA:
        return WORDS["alike"]
    return f"{key['a'] if result.difference > 0 else key['b']} preferred"


def _lost(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Verdicts without a winner, by outcome: they are neither ties nor losses."""
    counts = {name: verdicts["outcome"] == name for name in _OUTCOMES}
    return verdicts[_ARMS].assign(**counts).groupby(_ARMS, sort=False)[[*_OUTCOMES]].sum().reset_index()


def _missing(beside: pd.DataFrame) -> list[str]:
    notes: list[str] = []
    for row in beside.to_dict("records"):
        counts = [f"{row[name]} {name}" for name in _OUTCOMES if row[name]]
        if counts:
            notes.append(
                f"{_named(row, ' - ')}: verdicts without a winner, which count neither as ties nor as losses: "
                f"{', '.join(counts)}."
            )
    return notes


def _selected(run: Run) -> list[str]:
    return [f"{SELECTED}."] if rejected_apart(run.rollouts) else []


def _strengths(run: Run, verdicts: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Bradley-Terry with ties and order over every single verdict, errors clustered by task."""
    rows, notes = list[dict[str, Any]](), list[str]()
    condition = dict(zip(run.rollouts["rollout"], run.rollouts["condition"].astype("str"), strict=True))
    done = verdicts.dropna(subset=["winner"])
    for (judge, criterion), part in done.groupby(["judge", "criterion"], sort=False):
        if suppressed(run, str(judge)):
            continue
        names = [part[side].map(condition).tolist() for side in ("rollout_a", "rollout_b")]
        straight = (part["order"] == 0).to_numpy()
        first, second = (np.where(straight, *names), np.where(straight, *names[::-1]))
        worth = part["winner"].map(_WORTH).to_numpy(dtype="float64")
        of = [run.clusters.get(str(task), str(task)) for task in part["task"]]
        fitted = bradley_terry(first.tolist(), second.tolist(), np.where(straight, worth, 1 - worth), clusters=of)
        if fitted.note:
            notes.append(f"{judge}, {criterion}: {fitted.note}.")
        elif fitted.clusters < FEWEST_TASKS:
            size = pluralize(fitted.clusters, "cluster" if run.clusters else "task")
            reason = f"no interval of a strength: {size}; at least {FEWEST_TASKS} are needed"
            notes.append(f"{judge}, {criterion}: {reason}.")
        head, tasks = {"judge": judge, "criterion": criterion}, part["task"].nunique()
        rows += [{**head, **row, "tasks": tasks} for row in _strength_rows(fitted)]
    legend = "strength: log strengths, which sum to 0; order: log odds from being shown first; tie: log weight of a tie"
    columns = "judge criterion arm strength strength_low strength_high order tie comparisons tasks".split()
    return pd.DataFrame(rows, columns=columns), [*([f"{legend}."] if rows else []), *notes]


def _strength_rows(fitted: Strengths) -> Iterator[dict[str, Any]]:
    """A row per arm; none where the fit has no strengths."""
    enough = fitted.clusters >= FEWEST_TASKS
    for i, (arm, strength) in enumerate(zip(fitted.players, fitted.strengths or (), strict=False)):
        variance = fitted.covariance[i][i] if fitted.covariance and enough else 0.0
        interval = fitted_interval(strength, variance, fitted.df)
        yield {
            "arm": arm,
            "strength": strength,
            "strength_low": interval and interval.low,
            "strength_high": interval and interval.high,
            "order": fitted.order,
            "tie": fitted.tie,
            "comparisons": fitted.comparisons,
        }


def _anchored(run: Run, table: pd.DataFrame) -> list[str]:
    notes: list[str] = []
    for judge in table["judge"].unique():
        why = suppressed(run, judge)
        notes.append(f"{judge}: suppressed: {why}." if why else f"{judge}: {run.meta['anchors'][judge]['text']}.")
    return notes


def _says(table: pd.DataFrame) -> str:
    shown = table[table["conclusion"] != WORDS["suppressed"]]
    if shown.empty:
        return f"{pluralize(len(table), 'comparison')} of arms, all suppressed."
    first = shown.iloc[0]
    rate = first["win_rate"]
    if rate is None or pd.isna(rate):
        return f"{pluralize(len(table), 'comparison')} of arms; the first has no decided pair."
    where = f" ({first['within']})" if first["within"] else ""
    wins = (
        f"{first['a']} won {first['wins']}, tied {first['ties']} and lost {first['losses']} against {first['b']}{where}"
    )
    tail = f"{pluralize(first['pairs'], 'pair')} on {pluralize(first['tasks'], 'task')}, each in both orders"
    return f"By {first['judge']}, {wins}: win rate {rate:.2f} over {tail}; {first['flips']:.0%} flipped with the order."
