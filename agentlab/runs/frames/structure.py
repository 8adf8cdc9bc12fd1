"""The organization of each condition as columns: how large, how deep, how dense, and where each agent stands."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from agentlab.columns import ROLES
from agentlab.stats.graph import Graph, graph
from agentlab.types import TASK

Facts = Mapping[str, Any]


def organized(facts: Facts) -> Graph | None:
    """The graph of a condition's agents; None where its contacts are unknown."""
    contacts: Mapping[str, Sequence[str]] | None = facts.get("contacts")
    return None if contacts is None else graph(list(facts["agents"]), contacts, TASK)


def shaped(conditions: pd.DataFrame) -> pd.DataFrame:
    """`conditions` with `agents`, `edges`, `density` and `depth` before its `facts`."""
    all_facts: list[Facts] = conditions.pop("facts").tolist()
    graphs = [organized(facts) for facts in all_facts]
    conditions["agents"] = pd.array([len(facts.get("agents", ())) or None for facts in all_facts], dtype="Int64")
    conditions["edges"] = pd.array([graph and graph.edges for graph in graphs], dtype="Int64")
    conditions["density"] = pd.Series([graph.density if graph else float("nan") for graph in graphs], dtype="float64")
    conditions["depth"] = pd.array([graph and graph.depth for graph in graphs], dtype="Int64")
    conditions["facts"] = pd.Series(all_facts, dtype="object")
    return conditions


def roles(conditions: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """One row per condition and agent, in roster order."""
    rows = [row for condition in conditions.to_dict("records") for row in _agents(condition, factors)]
    columns = [name for name in ROLES if name != "condition"]
    table = pd.DataFrame(rows, columns=["condition", *factors, *columns])
    return table.astype({**dict.fromkeys(factors, "str"), **ROLES})


def _agents(condition: Mapping[Any, Any], factors: Sequence[str]) -> list[tuple[Any, ...]]:
    facts: Facts = condition["facts"]
    known, briefed = organized(facts), set(facts.get("briefed", ()))
    between = known.betweenness() if known else {}
    head = [condition[name] for name in ("condition", *factors)]
    rows: list[tuple[Any, ...]] = []
    for name, agent in facts.get("agents", {}).items():
        node = known.nodes[name] if known else None
        place = (node.distance, between[name], node.in_degree, node.out_degree) if node else (None,) * 4
        rows.append((*head, name, agent["model"], *place, name in briefed))
    return rows
