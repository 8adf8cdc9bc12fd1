"""The forks of a run, made ready for statistics: their cuts, their outcomes, and who acted in their parents."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agentlab.analysis.forks.noise import ForkNoise, noise
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.types import Measure

Acted = Mapping[int, frozenset[str]]
"""Of one rollout, by round in order: the agents that acted in it. The closing question is a round."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The forks of one measure that have an outcome."""

    table: pd.DataFrame
    """Of `run.forks` what says which fork it is, `agents` as a frozenset, and its outcome as `value`."""
    missing: int
    """Forks without an outcome, left out."""
    scale: tuple[float, float]
    """Least and greatest outcome there can be."""
    noise: ForkNoise
    clusters: Mapping[str, str]
    """By task; empty where each stands for itself."""


def measured(run: Run, measure: str | None) -> list[Measure]:
    """The measures asked for. Raises AnalysisError for a name the run does not have."""
    measures = [m for m in run.measured if measure in (None, m.name)]
    if not measures:
        known = ", ".join(m.name for m in run.measured) or "none"
        wanted = "measure yet" if measure is None else f"measure {measure!r}; it has {known}"
        raise AnalysisError(f"{run.folder} has no {wanted}")
    return measures


def outcomes(run: Run, measure: Measure, condition: str | None = None) -> Outcomes:
    """The forks of one measure, but for forks of forks. Raises AnalysisError when the run has none."""
    own = set(run.rollouts["rollout"].tolist())
    forks = run.forks[np.array([parent in own for parent in run.forks["parent"].tolist()], dtype=bool)]
    forks = forks if condition is None else forks[forks["condition"].astype("str") == condition]
    if forks.empty:
        where = f"{run.folder}" if condition is None else f"condition {condition!r} of {run.folder}"
        raise AnalysisError(f"{where} has no forks; `agentlab resample {run.folder} --every-round -n 8` draws them")
    columns = ["parent", "task", "condition", "at", "round", "agents", "fork", "fresh", "change", "rollout", "status"]
    table = forks[columns].astype({"parent": "str", "task": "str", "condition": "str", "at": "str", "rollout": "str"})
    table["round"] = table["round"].astype("int64")
    table["agents"] = pd.Series([frozenset(agents) for agents in table["agents"]], index=table.index, dtype="object")
    table["value"] = forks[measure.name].astype("float64")
    scored = table[table["value"].notna()].reset_index(drop=True)
    ends = (*measure.range, *measure.values.values(), *scored["value"].tolist())
    plain = scored.loc[scored["change"] == "", ["parent", "rollout", "status"]]
    return Outcomes(scored, len(table) - len(scored), (min(ends), max(ends)), noise(run, measure, plain), run.clusters)


def acted(run: Run, parents: set[str]) -> dict[str, Acted]:
    """Who acted in each round of these rollouts, by rollout."""
    of_parents = run.calls["rollout"].isin(parents) & (run.calls["purpose"] == "agent")
    agent_calls = run.calls.loc[of_parents, ["rollout", "round", "actor"]].astype({"actor": "str"})
    by_rollout: dict[str, dict[int, frozenset[str]]] = {}
    turns = agent_calls.drop_duplicates().sort_values("round")
    columns = (turns["rollout"].astype("str").tolist(), turns["round"].tolist(), turns["actor"].tolist())
    for rollout, round, agent in zip(*columns, strict=True):
        rounds = by_rollout.setdefault(rollout, {})
        rounds[int(round)] = rounds.get(int(round), frozenset()) | {agent}
    return dict(by_rollout)


def kept(rounds: Acted, cut: int) -> int:
    """The last round that acted up to `cut`, 0 before the first: cuts between two rounds are the same cut."""
    known = [*rounds]
    place = bisect_right(known, cut)
    return known[place - 1] if place else 0


def label(rounds: Sequence[int]) -> str:
    """Rounds as a reader names them: `3`, or `3-5` for several; empty for none."""
    if not rounds:
        return ""
    return str(rounds[0]) if len(rounds) == 1 else f"{rounds[0]}-{rounds[-1]}"
