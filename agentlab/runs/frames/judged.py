"""What judges of two outputs found, as columns: pairs of arms, and groups of the same answer."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from agentlab.columns import GROUPS, PAIRS
from agentlab.experiment.judging.sides import RolloutPair, Side, pairs
from agentlab.experiment.judging.sorting import Output, answered, asked
from agentlab.judges import recorded, traits
from agentlab.judges.compare import ORDERS, CompareConfig
from agentlab.judges.equivalence import SAME, EquivalenceConfig
from agentlab.judges.inputs import REFUSED
from agentlab.judges.of_two import configured
from agentlab.pairing import draws_are_pairs
from agentlab.scenario.levels import common, pooled
from agentlab.store import UNFINISHED, read
from agentlab.types import RolloutKind

Documents = Mapping[str, Mapping[str, Any]]
_Key = tuple[str, int]


def documents(meta: Mapping[str, Any]) -> dict[str, CompareConfig | EquivalenceConfig]:
    """The judges of two that a run has, by name, those added later included and those that select left out."""
    every: Documents = recorded(meta)
    documents = {name: every[name] for name in meta.get("judges", {}) if name in every}
    return {name: configured(document) for name, document in documents.items() if traits(meta, name).two is not None}


def compared(folder: Path, rollouts: pd.DataFrame, meta: Mapping[str, Any]) -> pd.DataFrame:
    """`Run.pairs`: verdicts on pairs whose rollouts are as they were when they were compared."""
    judges, rows = documents(meta) if draws_are_pairs(meta) else {}, list[tuple[Any, ...]]()
    verdicts, every = (_verdicts(folder, "pair"), _sides(rollouts, meta)) if judges else ({}, [])
    for name, config in judges.items():
        for pair in pairs(every, config.compared(pooled(meta["factors"]))):
            rows += [
                _row(pair, name, verdict)
                for verdict in verdicts.get((pair.key, pair.attempt), ())
                if verdict[0] == name
            ]
    return pd.DataFrame(rows, columns=list(PAIRS)).astype(PAIRS)


def pooled_pairs(verdicts: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """The same where the replicates of a loop are one condition, whose draws are those of `rollouts`."""
    draws = dict(zip(rollouts["rollout"].astype("str"), rollouts["draw"], strict=True))
    return verdicts.assign(within=verdicts["within"].map(common), draw=verdicts["rollout_a"].map(draws)).astype(PAIRS)


def pooled_groups(groups: pd.DataFrame, rollouts: pd.DataFrame) -> pd.DataFrame:
    """The same where the replicates of a loop are one condition, as in `rollouts`. Outputs of two replicates were never
    compared, so their groups have different numbers."""
    head = [name for name in groups if name in rollouts]
    table = groups[["rollout", *GROUPS]].merge(rollouts[head], on="rollout", how="left")[[*head, *GROUPS]]
    of_replicate = (groups["condition"].astype("str") + " " + groups["group"].astype("str"))[groups["group"].notna()]
    cells = [table.loc[of_replicate.index, name] for name in ("task", "condition", "judge")]
    numbers = of_replicate.groupby(cells, observed=True).transform(lambda names: pd.factorize(names)[0] + 1)
    return table.assign(group=numbers.reindex(table.index)).astype(GROUPS)


def _row(pair: RolloutPair, judge: str, verdict: Sequence[Any]) -> tuple[Any, ...]:
    _, draw, criterion, outcome, value, label, reason = verdict
    order = draw % ORDERS
    worth = None if value is None else value if order == 0 else 1 - value
    winner = None if worth is None else {1.0: "a", 0.0: "b"}.get(worth, "tie")
    first, second = pair.one, pair.other
    head = (pair.factor, pair.a, pair.b, pair.within, first.key, second.key, first.task, first.draw, judge)
    return (*head, draw // ORDERS, order, criterion, outcome, label, winner, reason)


def grouped(folder: Path, rollouts: pd.DataFrame, meta: Mapping[str, Any]) -> pd.DataFrame:
    """`Run.groups`: a row per judge and finished rollout."""
    judges = [name for name, config in documents(meta).items() if config.traits.two == "same"]
    rollouts = rollouts if judges else rollouts.iloc[:0]
    sides, verdicts = (_sides(rollouts, meta), _verdicts(folder, "group")) if judges else ([], {})
    shown = rollouts["output"].mask(rollouts["status"].isin(REFUSED))
    texts = dict(zip(rollouts["rollout"].tolist(), shown.tolist(), strict=True))
    cells: dict[tuple[Any, ...], list[Side]] = {}
    for side in sides:
        cells.setdefault((side.generation, side.task, side.condition), []).append(side)
    rows = list[tuple[Any, ...]]()
    for name in judges:
        for cell in cells.values():
            rows += _groups(name, [Output(side, _text(texts[side.key])) for side in cell], verdicts)
    table = pd.DataFrame(rows, columns=["rollout", *GROUPS]).astype({"rollout": "str", **GROUPS})
    head = [name for name in ("rollout", "task", "condition", *meta.get("factors", {}), "draw")]
    return table.merge(rollouts[head], on="rollout", how="left")[[*head, *GROUPS]]


def _groups(
    judge: str, cell: Sequence[Output], verdicts: Mapping[_Key, Sequence[Sequence[Any]]]
) -> list[tuple[str, str, int | None, int | None]]:
    def answer(first: Side, second: Side) -> bool | None:
        rows = verdicts.get((asked(first, second), first.attempt + second.attempt - 1), ())
        return next((row[4] == 1 for row in rows if row[0] == judge and row[2] == SAME and row[4] is not None), None)

    groups = answered(cell, answer)
    every = list(groups.values())
    return [(key, judge, group, None if group is None else every.count(group)) for key, group in groups.items()]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _sides(rollouts: pd.DataFrame, meta: Mapping[str, Any]) -> list[Side]:
    factors = list(meta.get("factors", {}))
    final = rollouts[~rollouts["status"].isin(UNFINISHED)]
    names = ("rollout", "task", "draw", "condition", "attempt", "generation", *factors)
    rows = zip(*(final[name].tolist() for name in names), strict=True)
    return [
        Side(
            str(key), str(task), int(draw), str(arm), dict(zip(factors, map(str, levels), strict=True)), tries, int(of)
        )
        for key, task, draw, arm, tries, of, *levels in rows  # of a loop, the generation is a level: a text
    ]


def _verdicts(folder: Path, kind: RolloutKind) -> dict[_Key, list[tuple[Any, ...]]]:
    """Judge, draw, criterion, outcome, value, label, reason of every verdict, by key and attempt of its row."""
    sql = (
        "SELECT r.key, r.attempt, v.judge, v.draw, v.criterion, v.outcome, v.value, v.label, log_text(v.reason) "
        "FROM verdict_spans v "
        "JOIN rollouts r ON r.id = v.rollout WHERE r.kind = ? ORDER BY v.number"
    )
    verdicts: dict[_Key, list[tuple[Any, ...]]] = {}
    with closing(read(folder)) as connection:
        for key, attempt, *verdict in connection.execute(sql, (kind,)):
            verdicts.setdefault((key, attempt), []).append(tuple(verdict))
    return verdicts
