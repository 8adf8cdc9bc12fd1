"""What a run holds in sum: written into it when it is closed, so that a list of many runs reads no rows."""

import sqlite3
from typing import Any

from agentlab.models.cost import Cost
from agentlab.store.rows import dump
from agentlab.store.schema import SECONDS
from agentlab.types import Usage

TOTALS = "totals"
"""The name among what a run records of itself."""
_COST = (
    "SELECT count(*), total(input_tokens), total(output_tokens), total(reasoning_tokens), "
    "total(cache_read_tokens), total(cache_write_tokens), total(cost), "
    f"total(cost IS NULL AND error IS NULL), total({SECONDS}), "
    "total(text IS NOT NULL AND input_tokens IS NULL) FROM call_spans"
)
_JUDGES = (
    "SELECT DISTINCT json_extract(measure.value, '$.judge') AS judge FROM meta, json_each(meta.value) AS measure "
    "WHERE meta.key = 'measures'"
)
_JUDGED = (
    f"WITH judges AS ({_JUDGES}) SELECT count(*) FROM (SELECT 1 FROM verdict_spans AS verdicts "
    "JOIN rollouts ON rollouts.id = verdicts.rollout JOIN judges ON judges.judge = verdicts.judge "
    "WHERE rollouts.kind = 'rollout' AND rollouts.status NOT IN ('cancelled', 'infrastructure') "
    "GROUP BY verdicts.rollout HAVING count(DISTINCT verdicts.judge) = (SELECT count(*) FROM judges))"
)
"""Every measure asks for verdicts of its own judge."""
_SPARED = (
    "SELECT conditions.name AS condition, json_extract(task.value, '$.id') AS task, told.key AS judge "
    "FROM conditions CROSS JOIN json_each(conditions.facts, '$.improve.judged') AS told CROSS JOIN meta CROSS JOIN "
    "json_each(meta.value) AS task "
    "WHERE meta.key = 'tasks' AND json_extract(task.value, '$.split') NOT IN (SELECT value FROM json_each(told.value))"
)
"""What a judge does not look at, because a self-training loop names the splits on which it scores."""
_JUDGED_WHERE_DUE = (
    f"WITH judges AS MATERIALIZED ({_JUDGES}), spared AS MATERIALIZED ({_SPARED}) SELECT count(*) FROM rollouts "
    "WHERE kind = 'rollout' AND status NOT IN ('cancelled', 'infrastructure') AND NOT EXISTS (SELECT 1 FROM judges "
    "WHERE NOT EXISTS (SELECT 1 FROM verdict_spans AS verdicts "
    "WHERE verdicts.rollout = rollouts.id AND verdicts.judge = judges.judge) "
    "AND (rollouts.condition, rollouts.task, judges.judge) NOT IN (SELECT condition, task, judge FROM spared))"
)
_BASIS = (
    "SELECT key, value FROM meta WHERE key IN ('measures', 'tasks', 'versions') "
    "UNION ALL SELECT name, facts FROM conditions ORDER BY 1"
)
_STATUSES = "SELECT status, count(*) FROM rollouts WHERE kind = 'rollout' GROUP BY status"


def cost(connection: sqlite3.Connection) -> Cost:
    """What all calls of the run have taken."""
    calls, *tokens, priced, unpriced, seconds, uncounted = connection.execute(_COST).fetchone()
    return Cost(calls, Usage(*map(int, tokens)), priced, int(unpriced), seconds, int(uncounted))


def totals(connection: sqlite3.Connection) -> dict[str, Any]:
    """`statuses`: rollouts by status, forks left out, where empty is one that is not finished; `judged`: finished ones
    on which the judge of every measure was asked that is to look at them; `calls`; `cost`: US dollars of all calls,
    None where a price is unknown."""
    spent = cost(connection)
    statuses = {status or "": count for status, count in connection.execute(_STATUSES)}
    some = connection.execute(f"SELECT 1 FROM ({_SPARED}) LIMIT 1").fetchone()
    judged: int = connection.execute(_JUDGED if some is None else _JUDGED_WHERE_DUE).fetchone()[0]
    return {"statuses": statuses, "judged": judged, "calls": spent.calls, "cost": spent.cost}


def record(connection: sqlite3.Connection) -> None:
    """Writes them where they changed."""
    text = dump(totals(connection))
    known = connection.execute("SELECT value FROM meta WHERE key = ?", (TOTALS,)).fetchone()
    if known != (text,):
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (TOTALS, text))


def basis(connection: sqlite3.Connection) -> list[tuple[str, str]] | None:
    """What totals rest on besides calls, verdicts and rollouts, with the version that made them; None without any."""
    if connection.execute("SELECT 1 FROM meta WHERE key = ?", (TOTALS,)).fetchone() is None:
        return None
    return connection.execute(_BASIS).fetchall()
