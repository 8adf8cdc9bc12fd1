"""Messages, calls and verdicts of a run's file as frames, by the number of their rollout (`id`)."""

from collections.abc import Callable, Sequence

import msgspec
import pandas as pd

from agentlab.store.ancestry import FORKS

Select = Callable[[str, Sequence[str], Sequence[str]], pd.DataFrame]
"""The rows of a query under these names, of which the last are numbers whatever they are called."""

OWN = f"rollout NOT IN (SELECT id FROM rollouts WHERE {FORKS})"
"""Forks are in `Run.forks` alone."""
SINGLE = "rollout NOT IN (SELECT id FROM rollouts WHERE parent IN ('@pairs', '@groups', '@probes'))"
"""Verdicts on two outputs, or on changed ones, are in frames of their own."""
_CALLS = (
    "rollout round actor k attempt model served_model request_id stop text input output reasoning_tokens cache_read "
    "cache_write reasoning started seconds cost seeded error tool_calls tool_results logprobs settings prompt_hash"
).split()
_INTEGERS = ("input", "output", "reasoning_tokens", "cache_read", "cache_write")


def messages(select: Select) -> pd.DataFrame:
    """In order; `to` as tuples."""
    columns = ("id", "index", "round", "sender", "to", "kind", "content", "ref")
    table = select(f"SELECT * FROM messages WHERE {OWN} ORDER BY rollout, idx", columns, ())
    decode = msgspec.json.Decoder(tuple[str, ...]).decode
    known = {text: decode(text) for text in table["to"].unique()}
    table["to"] = pd.Series([known[text] for text in table["to"]], dtype="object")
    return table


def calls(select: Select) -> pd.DataFrame:
    """As they were committed; what a failed call lacks is missing."""
    sql = f"SELECT {', '.join(_CALLS)} FROM calls WHERE {OWN} ORDER BY rowid"
    table = select(sql, ("id", *_CALLS[1:]), _INTEGERS)
    for name in _INTEGERS:
        table[name] = table[name].astype("Int64")
    for name in ("seconds", "cost"):
        table[name] = table[name].astype("float64")
    table["seeded"] = table["seeded"].astype("bool")
    table["started"] = pd.to_datetime(table["started"], unit="s", utc=True).dt.as_unit("us")
    return table


def scores(select: Select, which: str) -> pd.DataFrame:
    """The verdicts that `which` (SQL over `rollout`) chooses, as they were committed."""
    columns = ("id", "judge", "judge_draw", "criterion", "outcome", "value", "label", "reason", "call", "mass")
    table = select(f"SELECT * FROM verdicts WHERE {which} ORDER BY rowid", columns, ())
    table[["value", "mass"]] = table[["value", "mass"]].astype("float64")
    table["call"] = table["call"].astype("Int64")
    return table
