"""What rollouts used, beside them as columns: calls, tokens, time, money and messages.

Of a fork only what it did itself is counted; what it has from its parent was used once, by whoever did it. What the
particles of a rollout used counts for the rollout.
"""

from collections.abc import Callable

import pandas as pd

from agentlab.columns import USED
from agentlab.runs.frames.kinds import Kinds, fates
from agentlab.runs.frames.messages import LOST
from agentlab.runs.frames.tables import PARTICLES
from agentlab.store.schema import SECONDS

Select = Callable[[str, list[str]], pd.DataFrame]
"""The rows of a query, under these names."""

_USE = """
WITH counted AS MATERIALIZED (SELECT id, steps FROM rollouts WHERE steps IS NOT NULL)
SELECT coalesce(whole, rollout), {by}, count(*), sum(k = 0 AND purpose = 'agent'), max(round),
    {cut},
    count(text) - count(input_tokens), {tokens}, total({seconds}),
    CASE WHEN count(cost) = count(text) THEN total(cost) END, count(cost) = count(text)
FROM call_spans LEFT JOIN counted ON id = rollout LEFT JOIN {particles} ON own = rollout
WHERE purpose != 'judge' AND (steps IS NULL OR round <= steps) AND {which} GROUP BY 1, {by}"""
_CUT = "count(DISTINCT CASE WHEN stop = 'length' AND purpose = 'agent' THEN round || ' ' || actor END)"
"""Turns that hit a length limit. To tell them apart takes long, and most runs have none."""
_TOKENS = ", ".join(
    f"CASE WHEN count({name}) = count(text) THEN total({name}) END"
    for name in ("input_tokens", "output_tokens", "reasoning_tokens")
)
"""Unknown where one call's are."""
_MESSAGES = "SELECT rollout, count(*) FROM message_rows GROUP BY rollout"
_WEIGHT = "weight"
"""The kind of messages that hold log-weights."""
_KINDS = f"""
SELECT rollout, kind, count(*),
    CASE kind WHEN '{_WEIGHT}' THEN total(CASE kind WHEN '{_WEIGHT}' THEN log_text(content) END) END
FROM (SELECT 1 FROM message_sorts WHERE kind IN ({{kinds}}) LIMIT 1) CROSS JOIN message_spans
WHERE kind IN ({{kinds}}) GROUP BY rollout, kind"""
"""Most runs have no such message, and to look for them takes long."""
_SAMPLED = """
SELECT rollout, total((SELECT total(json_extract(value, '$.logprob')) FROM json_each(log_text(logprobs))))
FROM (SELECT 1 FROM call_rows WHERE logprobs IS NOT NULL LIMIT 1) CROSS JOIN call_spans
WHERE purpose = 'agent' AND text IS NOT NULL AND (logprobs IS NULL OR json_extract(settings, '$.score') IS NULL)
GROUP BY rollout HAVING count(logprobs) = count(*)"""
"""Of rollouts whose every sampled reply has log-probabilities: their sum. Replies that were scored were not sampled."""


def with_use(table: pd.DataFrame, select: Select, kinds: Kinds) -> pd.DataFrame:
    """`table` (`id`, `output` and `cut`, a row per rollout) with what each used, `output_words` and `output_cut`, and
    how probable it was."""
    use = _typed(select(_use(select, "''", "1"), ["id", "", *USED])).set_index("id").drop(columns="")
    every = select(_MESSAGES, ["id", "messages"]).set_index("id")
    counted = [_WEIGHT, *(name for name, kind in kinds.items() if kind.fate != "sent")]
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in counted)
    messages = select(_KINDS.format(kinds=listed), ["id", "kind", "count", "log_weight"])
    counts = every.join(_counts(messages, kinds))
    table = table.join(use, on="id").join(counts, on="id")
    whole = [*(name for name, dtype in USED.items() if dtype == "int64"), *counts.columns]
    tokens = [name for name, dtype in USED.items() if dtype == "Int64"]
    table[whole] = table[whole].fillna(0).astype("int64")
    idle = table["calls"] == 0  # nothing was called, so nothing is unknown
    table["cost"] = table["cost"].mask(idle, 0.0)
    table["priced"] = table["cost"].notna()
    table[tokens] = table[tokens].mask(idle, 0).astype("Int64")
    words = [len(text.split()) if isinstance(text, str) else 0 for text in table["output"].to_list()]
    table["output_words"] = pd.Series(words, dtype="int64")
    table = table.rename(columns={"cut": "output_cut"}).astype({"output_cut": "bool"})
    sampled = select(_SAMPLED, ["id", "log_probability"]).set_index("id").astype("float64")
    weights = messages.loc[messages["kind"] == _WEIGHT, ["id", "log_weight"]].set_index("id").astype("float64")
    return table.join(sampled, on="id").join(weights, on="id")


def _use(select: Select, by: str, which: str) -> str:
    some = len(select("SELECT 1 FROM call_sorts WHERE stop = 'length' LIMIT 1", ["some"])) > 0
    cut = _CUT if some else "0"
    return _USE.format(by=by, which=which, cut=cut, seconds=SECONDS, tokens=_TOKENS, particles=PARTICLES)


def _counts(messages: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """By rollout: of its messages that did not arrive, how many by what became of them."""
    fate = fates(messages["kind"], kinds)
    columns = {name: messages["count"].where(fate == name, 0) for name in LOST}
    return pd.DataFrame(columns).astype("int64").groupby(messages["id"]).sum()


def by_agent(select: Select, which: str) -> pd.DataFrame:
    """One row per rollout that `which` (SQL over `rollout`) chooses and agent: `id`, `agent`, and what it used."""
    return _typed(select(_use(select, "actor", which), ["id", "agent", *USED])).drop(columns="rounds")


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Counts as integers, sums as floats; what is unknown is missing."""
    tokens = {name: "float64" for name, dtype in USED.items() if dtype == "Int64"}
    return table.astype(tokens).astype(USED)
