"""How SQLite stores messages, calls and verdicts: texts in pages, and values that many rows share in rows of their own.

`message_rows`, `call_rows` and `verdict_rows` are written. The views `messages`, `calls` and `verdicts` show them with
every text, also in the `sqlite3` shell. In the views `message_spans`, `call_spans` and
`verdict_spans`, which agentlab reads, a text is a place (see `pages`), and `log_text(place)` gives it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentlab.store.pages import BITS, LONGEST
from agentlab.store.rows import COLUMNS

CALL_TEXTS = ("text", "reasoning", "notice", "tool_calls", "tool_results", "logprobs", "opaque")
MESSAGE_TEXTS = ("content", "ref")
VERDICT_TEXTS = ("reason",)
"""Columns whose texts are in pages."""
CALL_SORT = "purpose judge judge_draw model settings stop served_model seeded tries".split()
MESSAGE_SORT = "sender recipients kind".split()
"""Columns in which a run has few distinct rows."""
PACKED: Mapping[str, Sequence[str]] = {
    "pages": ["start", "size", "data"],
    "names": ["id", "name"],
    "call_sorts": ["id", *CALL_SORT],
    "message_sorts": ["id", *MESSAGE_SORT],
    "call_rows": (
        "rollout round actor k attempt sort prompt_hash text input_tokens output_tokens reasoning_tokens "
        "cache_read_tokens cache_write_tokens reasoning notice tool_calls tool_results logprobs opaque request_id "
        "started seconds cost error"
    ).split(),
    "message_rows": "rollout idx round sort content ref".split(),
    "verdict_sorts": "id judge draw criterion".split(),
    "verdict_rows": "rollout sort outcome value label reason call mass".split(),
}
"""Columns of the tables, in their order."""
HASH = "CASE typeof(prompt_hash) WHEN 'blob' THEN '2:' || lower(hex(prompt_hash)) ELSE prompt_hash END"
"""SQL over `call_rows`: the hash of a prompt as text. One of version 2 is stored as its 16 bytes."""


def _shown(column: str) -> str:
    """SQL: the text at a place, for a reader that has nothing but SQLite and the shell's `sqlar_uncompress`.

    It is NULL where the page is missing.
    """
    start, size = f"({column} >> {BITS})", f"({column} & {LONGEST})"
    part = f"CAST(substr(sqlar_uncompress(data, size), {start} - start + 1, {size}) AS TEXT)"
    there = f"CASE WHEN start + size >= {start} + {size} THEN {part} END"
    page = f"SELECT {there} FROM pages WHERE start <= {start} ORDER BY start DESC LIMIT 1"
    return f"CASE {column} WHEN 0 THEN '' ELSE ({page}) END AS {column}"


def _view(table: str, texts: Sequence[str]) -> str:
    columns = ", ".join(_shown(name) if name in texts else name for name in COLUMNS[table])
    return f"SELECT {columns} FROM {table.removesuffix('s')}_spans"


def _named(table: str, **other: str) -> str:
    return ", ".join(f"{other[name]} AS {name}" if name in other else name for name in COLUMNS[table])


_CALL_SPANS = _named("calls", actor="names.name", prompt_hash=HASH)
_VERDICT_SPANS = _named("verdicts", outcome="names.name")
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS pages (start INTEGER PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS call_sorts (
    id INTEGER PRIMARY KEY, purpose TEXT NOT NULL, judge TEXT, judge_draw INTEGER, model TEXT, settings TEXT,
    stop TEXT, served_model TEXT, seeded INTEGER, tries INTEGER);
CREATE TABLE IF NOT EXISTS message_sorts (id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, kind TEXT);
CREATE TABLE IF NOT EXISTS call_rows (
    rollout INTEGER, round INTEGER, actor INTEGER, k INTEGER, attempt INTEGER, sort INTEGER, prompt_hash BLOB,
    text INTEGER, input_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER, cache_read_tokens INTEGER,
    cache_write_tokens INTEGER, reasoning INTEGER, notice INTEGER, tool_calls INTEGER, tool_results INTEGER,
    logprobs INTEGER, opaque INTEGER, request_id TEXT, started REAL, seconds REAL, cost REAL, error TEXT);
CREATE TABLE IF NOT EXISTS message_rows (
    rollout INTEGER, idx INTEGER, round INTEGER, sort INTEGER, content INTEGER, ref INTEGER);
CREATE TABLE IF NOT EXISTS verdict_sorts (id INTEGER PRIMARY KEY, judge TEXT, draw INTEGER, criterion TEXT);
CREATE TABLE IF NOT EXISTS verdict_rows (
    rollout INTEGER, sort INTEGER, outcome INTEGER, value REAL, label TEXT, reason INTEGER, call INTEGER, mass REAL);
CREATE UNIQUE INDEX IF NOT EXISTS calls_place ON call_rows (rollout, round, actor, k, attempt);
CREATE UNIQUE INDEX IF NOT EXISTS messages_place ON message_rows (rollout, idx);
CREATE UNIQUE INDEX IF NOT EXISTS verdicts_place ON verdict_rows (rollout, sort);
CREATE VIEW IF NOT EXISTS call_spans AS SELECT {_CALL_SPANS}, call_rows.rowid AS number
    FROM call_rows LEFT JOIN call_sorts ON call_sorts.id = sort LEFT JOIN names ON names.id = call_rows.actor;
CREATE VIEW IF NOT EXISTS message_spans AS SELECT {", ".join(COLUMNS["messages"])}
    FROM message_rows LEFT JOIN message_sorts ON message_sorts.id = sort;
CREATE VIEW IF NOT EXISTS verdict_spans AS SELECT {_VERDICT_SPANS}, verdict_rows.rowid AS number
    FROM verdict_rows LEFT JOIN verdict_sorts ON verdict_sorts.id = sort LEFT JOIN names ON names.id = outcome;
CREATE VIEW IF NOT EXISTS calls AS {_view("calls", CALL_TEXTS)};
CREATE VIEW IF NOT EXISTS messages AS {_view("messages", MESSAGE_TEXTS)};
CREATE VIEW IF NOT EXISTS verdicts AS {_view("verdicts", VERDICT_TEXTS)};
"""


def _read(table: str, texts: Sequence[str]) -> str:
    columns = ", ".join(f"log_text({name})" if name in texts else name for name in COLUMNS[table])
    return f"SELECT {columns} FROM {table.removesuffix('s')}_spans"


READ_CALLS, READ_MESSAGES = _read("calls", CALL_TEXTS), _read("messages", MESSAGE_TEXTS)
READ_VERDICTS = _read("verdicts", VERDICT_TEXTS)
"""SQL, to which a WHERE may be added: rows as `rows` makes facts of them."""
SECONDS = (
    "seconds + CASE WHEN tool_results IS NULL THEN 0 "
    "ELSE (SELECT total(json_extract(value, '$.seconds')) FROM json_each(log_text(tool_results))) END"
)
"""SQL over `call_spans`: what a call and the tools it asked for took."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows of a damaged file that lack something they refer to."""

    what: str
    """Said after their number."""
    table: str
    where: str
    """SQL; `log_lost(place)` is whether a text cannot be read."""
    mend: str = ""
    """What is set in them. If empty, they are deleted, because they cannot be used."""

    def count(self) -> str:
        """SQL: how many there are."""
        return f"SELECT count(*) FROM {self.table} WHERE {self.where}"

    def mended(self) -> str:
        """SQL."""
        change = f"UPDATE {self.table} SET {self.mend}" if self.mend else f"DELETE FROM {self.table}"
        return f"{change} WHERE {self.where}"


def _missing(column: str, table: str) -> str:
    return f"{column} IS NULL OR {column} NOT IN (SELECT id FROM {table})"


def _lost(texts: Sequence[str]) -> str:
    return " OR ".join(f"log_lost({name})" for name in texts)


_NO_TEXT = ", ".join(f"{name} = NULL" for name in CALL_TEXTS)
_WHY = "lost: the text of this call was in a damaged part of the file"
_ROLLOUT = _missing("rollout", "rollouts")
LOSSES = (
    Loss("calls without their rollout", "call_rows", _ROLLOUT),
    Loss("messages without their rollout", "message_rows", _ROLLOUT),
    Loss("verdicts without their rollout", "verdict_rows", _ROLLOUT),
    Loss(
        "calls without their agent or settings",
        "call_rows",
        f"{_missing('actor', 'names')} OR {_missing('sort', 'call_sorts')}",
    ),
    Loss("calls without their texts", "call_rows", _lost(CALL_TEXTS), f"{_NO_TEXT}, error = '{_WHY}'"),
    Loss("messages without their sender and recipients", "message_rows", _missing("sort", "message_sorts")),
    Loss("messages without their texts", "message_rows", _lost(MESSAGE_TEXTS)),
    Loss(
        "verdicts without their judge or outcome",
        "verdict_rows",
        f"{_missing('sort', 'verdict_sorts')} OR {_missing('outcome', 'names')}",
    ),
    Loss("verdicts without their reason", "verdict_rows", _lost(VERDICT_TEXTS), "reason = NULL"),
)
"""A call without its texts counts as failed, with what it cost."""
