"""The rows of a run's file, each with the task, condition, factors and draw of its rollout."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd

from agentlab.columns import BASELINE, INFERENCE
from agentlab.runs.frames.kinds import Kinds, declared
from agentlab.runs.frames.select import select
from agentlab.runs.frames.snapshot import reading
from agentlab.runs.frames.usage import with_use
from agentlab.scenario.levels import common, replicate
from agentlab.store import decoded

_PLACE = {"id": "int64", "rollout": "str", "task": "str", "condition": "str", "draw": "int64"}
_ENDED = {
    "id": "int64",
    "rollout": "str",
    "kind": "str",
    "task": "str",
    "condition": "str",
    "generation": "int64",
    "draw": "int64",
    "seed": "int64",
    "parent": "str",
    "at": "str",
    "fork": "int64",
    "change": "str",
    "attempt": "int64",
    "status": "str",
    "output": "str",
    "output_via": "str",
    "cut": "int64",
    "error": "str",
}
_SELDOM = {"parent": "str", "at": "str", "error": "str", **BASELINE}
"""Columns that most runs leave empty."""
STRIDE = 1_000_000
"""How far the draws of a replicate are numbered from those of the one before, where replicates are one condition."""


class PlacedRows:
    """Those of a whole run, or of the part of it on these tasks and in these conditions; each table is read once."""

    def __init__(
        self,
        folder: Path,
        factors: tuple[str, ...],
        tasks: frozenset[str] | None = None,
        conditions: frozenset[str] | None = None,
        pooled: bool = False,
    ) -> None:
        """`tasks` and `conditions` are None where all count; if `pooled`, the replicates of a loop are one condition,
        in which the draws of replicate 2 begin at 1,000,001."""
        self._folder, self._factors, self._tasks, self._conditions = folder, factors, tasks, conditions
        self._pooled = pooled

    def select(self, sql: str, columns: Sequence[str]) -> pd.DataFrame:
        """The rows of a query on the file, of the whole run, under these names."""
        return select(self._folder, sql, columns)

    def placed(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this part, with `rollout` (its key), task, condition, factors and draw instead of its `id`.

        Rows of a rollout that a damaged file lost are in no part.
        """
        places = self._places_by_id
        where = places.index.get_indexer(pd.Index(table["id"]))
        if (there := where >= 0).sum() < len(where):
            table, where = table[there].reset_index(drop=True), where[there]
        head = places.iloc[where].reset_index(drop=True)
        return pd.concat([head, table.drop(columns="id")], axis=1)

    @cached_property
    def places(self) -> pd.DataFrame:
        """One row per rollout of any kind: `rollout`, `task`, `condition`, a column per factor, `draw`."""
        return self._places_by_id.reset_index(drop=True)

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """One row per condition: `condition`, `facts` (a mapping) and a column per factor."""
        table = self.select("SELECT name, levels, facts FROM conditions", ("condition", "levels", "facts"))
        levels = [decoded(text, self._folder) for text in table.pop("levels")]
        for factor in self._factors:
            table[factor] = pd.Series([str(level.get(factor, "")) for level in levels], dtype="str")
        table["facts"] = [decoded(text, self._folder) for text in table["facts"]]
        if self._conditions is not None:
            table = table[table["condition"].isin(self._conditions)].reset_index(drop=True)
        if not self._pooled:
            return table
        return table.assign(condition=table["condition"].map(common)).drop_duplicates("condition", ignore_index=True)

    @cached_property
    def kinds(self) -> Kinds:
        """The kinds of messages that the protocols of the conditions declare."""
        return declared(self.conditions["facts"])

    @cached_property
    def ended(self) -> pd.DataFrame:
        """One row per rollout or fork that has ended, with its use, as the frames `rollouts` and `forks` have it."""
        known = self._filled((*_SELDOM, "about"))
        types = {name: dtype for name, dtype in (_ENDED | BASELINE).items() if name in known or name not in _SELDOM}
        noted = {name: f"CAST(json_extract(about, '$.{name}') AS REAL)" for name in INFERENCE if "about" in known}
        types |= dict.fromkeys(noted, "float64")
        which = "FROM rollouts WHERE status IS NOT NULL AND kind NOT IN ('particle', 'redraw') ORDER BY id"
        table = self._of_this_part(self._table(types, which, rollout="key", **noted))
        table = table.astype({name: INFERENCE[name] for name in noted})
        about = _with_missing(table, {**BASELINE, **INFERENCE})
        table = _with_missing(table, _ENDED)
        return with_use(self._with_factors(table), self.select, self.kinds).drop(columns="id").join(about)

    def _table(self, types: Mapping[str, str], rest: str, **sql: str) -> pd.DataFrame:
        """The columns of `SELECT … rest` on the file, of the whole run; see `Snapshot.columns`."""
        with reading(self._folder) as snapshot:
            return snapshot.table(types, rest, **sql)

    def _filled(self, names: Sequence[str]) -> set[str]:
        """Those of these columns of rollouts that hold anything: the others take long to read and say nothing."""
        numbers = [str(place) for place in range(len(names))]
        counts = self.select(f"SELECT {', '.join(f'count({name})' for name in names)} FROM rollouts", numbers)
        return {name for name, place in zip(names, numbers, strict=True) if counts[place].iloc[0]}

    @cached_property
    def _places_by_id(self) -> pd.DataFrame:
        table = self._of_this_part(self._table(_PLACE, "FROM rollouts ORDER BY id", rollout="key"))
        for name in ("rollout", "task", "condition"):
            table[name] = table[name].astype("category")
        return self._with_factors(table).set_index("id")

    def _of_this_part(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of this part of the run, by their `task` and `condition`."""
        for name, known in (("task", self._tasks), ("condition", self._conditions)):
            if known is not None:
                table = table[table[name].isin(known)].reset_index(drop=True)
        if not self._pooled:
            return table
        draws = table["draw"] + STRIDE * (table["condition"].map(replicate) - 1)
        return table.assign(condition=table["condition"].map(common), draw=draws)

    def replicates(self, draws: "pd.Series[int]") -> list[int] | None:
        """The replicate of each row of this part, by its draw; None unless replicates are one condition."""
        return ((draws - 1) // STRIDE + 1).tolist() if self._pooled else None

    def _with_factors(self, table: pd.DataFrame) -> pd.DataFrame:
        """`table` with a column per factor after its condition."""
        levels = self.conditions.set_index("condition")
        table = table.drop(columns=[name for name in self._factors if name in table])  # `generation`, told as a level
        at = list(table.columns).index("condition") + 1
        for i, factor in enumerate(self._factors):
            level = table["condition"].astype("str").map(levels[factor])
            table.insert(at + i, factor, level.astype("category"))
        return table


def _with_missing(table: pd.DataFrame, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """The table with exactly these columns; one that it lacks has this dtype and no value."""
    return pd.DataFrame(
        {
            name: table[name] if name in table else pd.Series(index=table.index, dtype=dtype)
            for name, dtype in dtypes.items()
        }
    )
