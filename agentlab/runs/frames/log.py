"""Messages, calls and verdicts of a run's file as frames, by the number of their rollout (`id`).

What many rows have in common is read once and repeated by its number. Texts are cut from the pages of the run, all of a
column at once.
"""

import sqlite3
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.columns import CALLS, MESSAGES, SCORES
from agentlab.runs.frames.select import fetch, typed
from agentlab.runs.frames.tables import ASKED, OWN, PARTICLES
from agentlab.store import read
from agentlab.store.pages import BITS, LONGEST, pages
from agentlab.store.reading import damaged
from agentlab.store.schema import CALL_SORT, CALL_TEXTS, HASH, MESSAGE_TEXTS, VERDICT_TEXTS

_arrow: Any = import_module("pyarrow")  # it comes without types
_CALLS = f"FROM call_rows WHERE {ASKED} ORDER BY rowid"
_SHOWN = tuple(name for name in CALL_TEXTS if name in CALLS)
_WHOLE = ("round", "k", "attempt")
_TOKENS = tuple(name for name in CALLS if name.endswith("_tokens"))
_REST = ("started", "seconds", "cost", "request_id", "error", "prompt_hash")


@contextmanager
def _reading(folder: Path) -> Generator[sqlite3.Connection]:
    """A connection for which a running command writes nothing in between. Raises `StoreError` for a damaged file."""
    with closing(read(folder)) as connection:
        connection.execute("BEGIN")
        try:
            yield connection
        except (sqlite3.Error, _arrow.ArrowException, pd.errors.OutOfBoundsDatetime, UnicodeDecodeError) as error:
            raise damaged(folder, error) from error


def messages(folder: Path) -> pd.DataFrame:
    """In order; `to` as tuples."""
    with _reading(folder) as connection:
        columns = ", ".join(["rollout", "idx", "round", "sort", *map(_or_none, MESSAGE_TEXTS)])
        sql = f"SELECT {columns} FROM message_rows WHERE {OWN} ORDER BY rowid"
        numbers = typed(connection, sql, dict.fromkeys(("id", "index", "round", "sort", *MESSAGE_TEXTS), "int64"))
        order = np.lexsort((numbers["index"], numbers["id"]))
        numbers = {name: values[order] for name, values in numbers.items()}
        sorts = fetch(connection, "SELECT * FROM message_sorts", ("number", "sender", "to", "kind"))
        texts = _texts(connection, {name: numbers[name] for name in MESSAGE_TEXTS}, len(order))
        rows = _rows(sorts, numbers["sort"])
    decode = msgspec.json.Decoder(tuple[str, ...]).decode
    recipients = np.empty(len(sorts), dtype=object)
    recipients[:] = [decode(text) for text in sorts["to"].tolist()]
    sorts["to"] = pd.Series(recipients, dtype="object")
    table = {"id": numbers["id"], "index": numbers["index"], "round": numbers["round"], **texts}
    return pd.DataFrame(table | _repeated(sorts, rows))[["id", *MESSAGES]]


def calls(folder: Path, names: Collection[str] = CALLS) -> pd.DataFrame:
    """As they were committed, those of particles under their rollout; what a failed call lacks is missing.

    Only columns of these `names` are read, which saves most of the time where they are few.
    """
    shown, whole, tokens, rest = ([n for n in some if n in names] for some in (_SHOWN, _WHOLE, _TOKENS, _REST))
    with _reading(folder) as connection:
        places = _present(connection, "call_rows", shown) if shown else {}
        numbers = ("id", "actor", "sort", *whole, *tokens, *places)
        sql = {"prompt_hash": HASH}
        columns = ["rollout", "actor", "sort", *whole, *map(_or_none, tokens), *places.values()]
        columns += [sql.get(name, name) for name in rest]
        types = dict.fromkeys(numbers, "int64") | {n: "float64" if n == "started" else CALLS[n] for n in rest}
        rows = typed(connection, f"SELECT {', '.join(columns)} {_CALLS}", types)
        populations = fetch(connection, f"SELECT * FROM {PARTICLES}", ("number", "id", "particle"))
        sorts = fetch(connection, "SELECT * FROM call_sorts", ("number", *CALL_SORT))
        actors = fetch(connection, "SELECT * FROM names", ("number", "actor"))
        texts = _texts(connection, {name: rows.get(name) for name in shown}, len(rows["id"]))
        sort, actor = _rows(sorts, rows["sort"]), _rows(actors, rows["actor"])
        if "started" in rows:
            rows["started"] = pd.to_datetime(pd.Series(rows["started"]), unit="s", utc=True).dt.as_unit("us")
    sorts = sorts.astype({"judge_draw": "Int64", "seeded": "bool"})[[n for n in CALL_SORT if n in names]]
    counts = {name: pd.arrays.IntegerArray(rows[name], rows[name] < 0) for name in tokens}
    counted = _populated(rows["id"], populations)
    table = {**rows, **counts, **texts, **counted, **_repeated(sorts, sort), **_repeated(actors, actor)}
    return pd.DataFrame({name: table[name] for name in ("id", *CALLS) if name == "id" or name in names})


def scores(folder: Path, which: str) -> pd.DataFrame:
    """The verdicts that `which` (SQL over `rollout`) chooses, as they were committed."""
    types = dict.fromkeys(("id", "sort", "outcome", "call", *VERDICT_TEXTS), "int64")
    types |= {name: SCORES[name] for name in ("value", "mass", "label")}
    columns = ", ".join(["rollout", "sort", "outcome", "ifnull(call, -1)", *map(_or_none, VERDICT_TEXTS)])
    with _reading(folder) as connection:
        sql = f"SELECT {columns}, value, mass, label FROM verdict_rows WHERE {which} ORDER BY rowid"
        rows = typed(connection, sql, types)
        sorts = fetch(connection, "SELECT * FROM verdict_sorts", ("number", "judge", "judge_draw", "criterion"))
        names = fetch(connection, "SELECT * FROM names", ("number", "outcome"))
        texts = _texts(connection, {name: rows[name] for name in VERDICT_TEXTS}, len(rows["id"]))
        sort, outcome = _rows(sorts, rows["sort"]), _rows(names, rows["outcome"])
    call = pd.arrays.IntegerArray(rows["call"], rows["call"] < 0)
    table = {**rows, **texts, **_repeated(sorts, sort), **_repeated(names, outcome), "call": call}
    return pd.DataFrame({name: table[name] for name in ("id", *SCORES)})


def _populated(ids: NDArray[np.int64], populations: pd.DataFrame) -> dict[str, Any]:
    """The number of the rollout that a call counts for, and the key of the particle that made it, if one did."""
    rows = pd.Index(populations["number"]).get_indexer(pd.Index(ids))
    whole, keys = populations["id"].to_numpy(dtype="int64"), populations["particle"].array
    present = rows >= 0
    counted = ids.copy()
    counted[present] = whole[rows[present]]
    return {"id": counted, "particle": pd.Series(keys.take(rows, allow_fill=True))}


def _present(connection: sqlite3.Connection, table: str, names: Sequence[str]) -> dict[str, str]:
    """SQL for the places of texts, -1 for a missing one, without columns that have none."""
    counts = connection.execute(f"SELECT {', '.join(f'max({name})' for name in names)} FROM {table}").fetchone()
    return {name: _or_none(name) for name, most in zip(names, counts, strict=True) if most is not None}


def _or_none(name: str) -> str:
    """SQL: a number that is never negative, -1 for a missing one."""
    return f"ifnull({name}, -1)"


def _rows(sorts: pd.DataFrame, numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    """The row of `sorts` that each number stands for. Raises `sqlite3.DatabaseError` where one is lost."""
    rows = pd.Index(sorts.pop("number")).get_indexer(pd.Index(numbers))
    if (rows < 0).any():
        raise sqlite3.DatabaseError(f"what rows refer to is missing ({', '.join(map(str, sorts))})")
    return rows


def _repeated(sorts: pd.DataFrame, rows: NDArray[np.intp]) -> dict[str, pd.Series]:
    """These rows of `sorts`, by column."""
    return {str(name): sorts[name].take(rows).reset_index(drop=True) for name in sorts}


def _texts(
    connection: sqlite3.Connection, places: Mapping[str, NDArray[np.int64] | None], rows: int
) -> dict[str, pd.Series]:
    """The texts at places, by column; None are places of a column that has no texts."""
    whole = _Whole(connection) if rows else None
    texts = {
        name: _arrow.nulls(rows, _arrow.large_string()) if of is None or whole is None else _taken(whole, of)
        for name, of in places.items()
    }
    return {name: pd.Series(pd.array(column, dtype="str")) for name, column in texts.items()}


class _Whole:
    """All pages, one after the other."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        every = list(pages(connection))
        self.data = b"".join([data for _, data in every])
        self._first = np.array([start for start, _ in every], dtype="int64")
        """Of each page, counted over all pages of the run, as places are."""
        self._until = np.cumsum([len(data) for _, data in every], dtype="int64")
        """Of each page, counted in `data`: it lacks pages that are lost."""

    def spans(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where texts start and end in `data`. Raises `sqlite3.DatabaseError` where one is not in a page."""
        if not len(places):
            return places, places
        page = np.searchsorted(self._first, places >> BITS, side="right") - 1
        if not len(self._first) or (page < 0).any():
            raise sqlite3.DatabaseError("a page of texts is missing")
        before = np.concatenate([np.zeros(1, dtype="int64"), self._until[:-1]])
        starts = (places >> BITS) - self._first[page] + before[page]
        ends = starts + (places & LONGEST)
        if (ends > self._until[page]).any():
            raise sqlite3.DatabaseError("a page of texts is missing")
        return starts, ends


def _taken(whole: _Whole, places: NDArray[np.int64]) -> Any:
    """The texts at these places, missing at -1. An empty text has the place 0, and no page."""
    distinct, which = np.unique(places, return_inverse=True)
    if missing := bool(len(distinct)) and distinct[0] == -1:
        distinct, which = distinct[1:], which - 1
    empty = int(bool(len(distinct)) and distinct[0] == 0)
    starts, ends = whole.spans(distinct[empty:])
    nothing = np.zeros(empty, dtype="int64")
    starts, ends = np.concatenate([nothing, starts]), np.concatenate([nothing, ends])
    if (starts[1:] < ends[:-1]).any():  # a part of a text, and the text or another part of it
        data = b"".join([whole.data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
        ends = np.cumsum(ends - starts)
        starts = np.concatenate([np.zeros(1, dtype="int64"), ends[:-1]])
    else:
        data = whole.data
    between = np.column_stack([starts, ends]).ravel()  # a text, what is between it and the next one, the next one, …
    buffers = [None, _arrow.py_buffer(between.astype("int64")), _arrow.py_buffer(data)]
    every = _arrow.LargeStringArray.from_buffers(max(0, len(between) - 1), buffers[1], buffers[2])
    rows = _arrow.array(2 * which, mask=which < 0) if missing else _arrow.array(2 * which)
    texts = every.take(rows)
    texts.validate(full=True)
    return texts
