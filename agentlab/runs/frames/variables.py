"""The variables of programs, as columns."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from agentlab.organization.cascade.log import variable_of
from agentlab.organization.cascade.values import decoded
from agentlab.types import VARIABLE, Message

KINDS = ("value", "data")
"""Kinds of the messages that hold values; those of kind `input` hold what the task says."""


def variables(messages: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """`places` (a row per rollout, with its key as `rollout`) of the rollouts that have variables, with the values.

    A variable that some rollout binds within a loop holds lists in every rollout.
    """
    bound = messages[messages["kind"].isin(KINDS) & (messages["to"] == (VARIABLE,))]
    addresses = bound["ref"].astype("str")
    named = {address: variable_of(address) for address in addresses.unique()}
    looped = {name for address, name in named.items() if "[" in address}
    rows: dict[str, dict[str, Any]] = {}
    for rollout, kind, content, address in zip(
        bound["rollout"], bound["kind"], bound["content"], addresses, strict=True
    ):
        name, value = named[address], decoded(Message("", (), str(kind), str(content)))
        values = rows.setdefault(str(rollout), {})
        if name in looped:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    kept = places[places["rollout"].isin(list(rows))].reset_index(drop=True)
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    columns = {_column(name, places): _values(name, rows, kept) for name in names}
    return kept.join(pd.DataFrame(columns, index=kept.index))


def _column(name: str, places: pd.DataFrame) -> str:
    return f"{name}_value" if name in places else name


def _values(name: str, rows: Mapping[str, Mapping[str, Any]], kept: pd.DataFrame) -> pd.Series:
    """One variable, as numbers where it is nothing else."""
    values = pd.Series([rows[str(rollout)].get(name) for rollout in kept["rollout"]], dtype="object", index=kept.index)
    numeric = values.dropna().map(lambda value: isinstance(value, int | float) and not isinstance(value, bool))
    return values.astype("float64") if len(numeric) and numeric.all() else values
