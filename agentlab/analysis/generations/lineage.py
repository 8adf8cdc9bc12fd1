"""One loop of a run: the conditions that are its generations, in order, with the arm they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agentlab.runs.frames import Run
from agentlab.scenario.levels import GENERATION, REPLICATE


@dataclass(frozen=True, slots=True)
class Lineage:
    """An arm in one replicate."""

    arm: str
    """Its levels without generation and replicate; empty if there is one arm."""
    replicate: str
    """Empty if the loop ran once."""
    conditions: Mapping[int, str]
    """By generation, those that have rollouts."""
    improve: Mapping[str, Any]
    """The fields of its section `improve`."""

    @property
    def name(self) -> str:
        """The arm and the replicate, for tables and sentences; empty where there is one lineage."""
        return ", ".join(part for part in (self.arm, self.replicate and f"replicate {self.replicate}") if part)

    @property
    def last(self) -> int:
        """Its last generation."""
        return max(self.conditions)

    @property
    def watch(self) -> tuple[str, str] | None:
        """The proxy and the truth."""
        watch = self.improve.get("watch")
        return None if watch is None else (str(watch[0]), str(watch[1]))


def lineages(run: Run) -> list[Lineage]:
    """Every loop of the run, in the order of its conditions."""
    played = set(run.rollouts["condition"].astype("str"))
    factors = [name for name in run.factors if name not in (GENERATION, REPLICATE)]
    conditions: dict[tuple[str, str], dict[int, str]] = {}
    improve: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in run.conditions.to_dict("records"):
        if str(row["condition"]) not in played:
            continue
        place = ",".join(f"{name}={row[name]}" for name in factors), str(row.get(REPLICATE, ""))
        conditions.setdefault(place, {})[int(row[GENERATION])] = str(row["condition"])
        improve[place] = row["facts"]["improve"]
    return [Lineage(arm, rep, dict(sorted(conditions[arm, rep].items())), improve[arm, rep]) for arm, rep in conditions]


def task_means(run: Run, conditions: Sequence[str], measure: str) -> pd.DataFrame:
    """Of the tasks that have a value in all of these conditions: a row for each task, a column for each condition."""
    rows = run.measures[run.measures["condition"].isin(conditions)]
    keys = [rows["task"].astype("str"), rows["condition"].astype("str")]
    table = rows[measure].groupby(keys).mean().unstack("condition")
    return table.reindex(columns=list(conditions)).dropna()
