"""Log-probabilities of what trained weights wrote, under these weights and under those of the base."""

from collections.abc import Callable, Sequence

import pandas as pd

from agentlab.columns import DISTANCES
from agentlab.models.scoring import IMPOSSIBLE

_SQL = """
SELECT whole.id, json_extract(row.about, '$.replies') AS replies, total(CASE k WHEN 0 THEN logprob END),
    total(CASE k WHEN 1 THEN logprob END), json_extract(row.about, '$.left_out')
FROM rollouts AS row JOIN rollouts AS whole ON row.key = 'distance/' || whole.key || '/' || whole.attempt
LEFT JOIN (SELECT rollout, k, json_extract(log_text(logprobs), '$[0].logprob') AS logprob FROM call_spans
    WHERE purpose = 'distance' AND error IS NULL) AS scored ON scored.rollout = row.id
WHERE row.kind = 'distance' AND row.status IS NOT NULL GROUP BY whole.id ORDER BY whole.id"""


def distances(select: Callable[[str, Sequence[str]], pd.DataFrame]) -> pd.DataFrame:
    """By the number of the rollout (`id`), the columns of `DISTANCES`; nothing is known of what is left out.

    A reply that the base never writes is infinitely far from it.
    """
    table = select(_SQL, ("id", "replies", "log_probability", "base_log_probability", "left_out"))
    known = table["replies"].astype("int64") > 0
    for name in ("log_probability", "base_log_probability"):
        values = table[name].astype("float64")
        table[name] = values.mask(values <= IMPOSSIBLE / 2, float("-inf")).where(known)
    table.insert(4, "log_ratio", table["log_probability"] - table["base_log_probability"])
    return table[["id", *DISTANCES]].astype(DISTANCES)
