"""Messages, calls and verdicts of a run's file as frames, by the number of their rollout (`id`)."""

from collections.abc import Callable, Sequence

import msgspec
import pandas as pd

Select = Callable[[str, Sequence[str], Sequence[str]], pd.DataFrame]
"""The rows of a query under these names, of which the last are numbers whatever they are called."""

OWN = "rollout NOT IN (SELECT id FROM rollouts WHERE kind IN ('fork', 'particle'))"
"""Calls of the run's rollouts, and of what judges are asked about; forks are in `Run.forks` alone."""
SCORED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind NOT IN ('rollout', 'anchor'))"
"""Verdicts on two outputs, or on changed ones, are in frames of their own."""
FORKED = "rollout IN (SELECT id FROM rollouts WHERE kind = 'fork')"
_CALLS = (
    "rollout round actor purpose judge judge_draw k attempt model served_model request_id stop text input_tokens "
    "output_tokens reasoning_tokens cache_read_tokens cache_write_tokens reasoning started seconds cost seeded error "
    "tool_calls tool_results logprobs settings prompt_hash"
).split()
_INTEGERS = "judge_draw input_tokens output_tokens reasoning_tokens cache_read_tokens cache_write_tokens".split()


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
    columns = ("id", "judge", "judge_draw", "criterion", "outcome", "value", "label", "reason", "call")
    table = select(f"SELECT * FROM verdicts WHERE {which} ORDER BY rowid", columns, ())
    table["value"] = table["value"].astype("float64")
    table["call"] = table["call"].astype("Int64")
    return table
