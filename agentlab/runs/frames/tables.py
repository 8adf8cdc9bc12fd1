"""Messages, calls and verdicts of a run's file as frames, by the number of their rollout (`id`)."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pandas as pd

from agentlab.columns import ANCHORS, CALLS, MESSAGES, SCORES

Select = Callable[[str, Sequence[str]], pd.DataFrame]
"""The rows of a query under these names."""

OWN = "rollout NOT IN (SELECT id FROM rollouts WHERE kind != 'rollout')"
"""Of the run's rollouts; forks are in `Run.forks` alone."""
ASKED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind IN ('fork', 'redraw'))"
"""Of the run's rollouts, their particles, and all that judges are asked about beside them."""
PLAYED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind NOT IN ('rollout', 'particle'))"
"""Of the run's rollouts and their particles."""
PARTICLES = """(SELECT one.id AS own, whole.id AS whole, one.key AS particle
    FROM rollouts one JOIN rollouts whole ON whole.key = one.population WHERE one.population IS NOT NULL)"""
"""Of each particle, and each draw of a turn that was redrawn: its number, that of its rollout or fork, and its key."""
FINISHED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind != 'rollout' OR status IS NULL)"
"""Of the run's rollouts that are in `Run.rollouts`."""
FORKED = "rollout IN (SELECT id FROM rollouts WHERE kind = 'fork')"


def messages(select: Select) -> pd.DataFrame:
    """In order; `to` as tuples."""
    table = select(f"SELECT * FROM messages WHERE {OWN} ORDER BY rollout, idx", ("id", *MESSAGES))
    decode = msgspec.json.Decoder(tuple[str, ...]).decode
    codes, texts = pd.factorize(table["to"])
    known = np.empty(len(texts), dtype=object)
    for i, text in enumerate(texts):
        known[i] = decode(text)
    table["to"] = pd.Series(known[codes], dtype="object")
    return table


def calls(select: Select) -> pd.DataFrame:
    """As they were committed, those of particles under their rollout; what a failed call lacks is missing."""
    columns = f"coalesce(whole, rollout), {', '.join(CALLS)}"
    sql = f"SELECT {columns} FROM calls LEFT JOIN {PARTICLES} ON own = rollout WHERE {ASKED} ORDER BY calls.rowid"
    table = select(sql, ("id", *CALLS))
    for name, dtype in CALLS.items():
        if dtype in ("Int64", "float64", "bool"):
            table[name] = table[name].astype(dtype)
    table["started"] = pd.to_datetime(table["started"], unit="s", utc=True).dt.as_unit("us")
    return table


def scores(select: Select, which: str) -> pd.DataFrame:
    """The verdicts that `which` (SQL over `rollout`) chooses, as they were committed."""
    return _typed(select(f"SELECT * FROM verdicts WHERE {which} ORDER BY rowid", ("id", *SCORES)))


def anchors(select: Select) -> pd.DataFrame:
    """The verdicts on anchors, whose keys are JUDGE/anchor/FAMILY/ROLE/PLACE, as they were committed."""
    sql = (
        "SELECT r.key, r.output, v.* FROM verdicts v JOIN rollouts r ON r.id = v.rollout WHERE r.kind = 'anchor' "
        "ORDER BY v.rowid"
    )
    table = _typed(select(sql, ("anchor", "text", "id", *SCORES)))
    parts = table["anchor"].astype("str").str.extract(r"/anchor/(?P<family>.*)/(?P<role>[^/]*)/[^/]*$").astype("str")
    return table.join(parts)[[*ANCHORS]]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    table[["value", "mass"]] = table[["value", "mass"]].astype("float64")
    table["call"] = table["call"].astype("Int64")
    return table
