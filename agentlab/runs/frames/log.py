"""Messages, calls and verdicts of a run's file as frames, by the number of their rollout (`id`).

What many rows have in common is read once and repeated by its number. Texts are cut from the pages of the run, all of a
column at once.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.columns import CALLS, MESSAGES, SCORES
from agentlab.runs.frames.snapshot import POOL, Snapshot, reading
from agentlab.runs.frames.tables import ASKED, OWN, PARTICLES
from agentlab.store.pages import BITS, LONGEST, unpacked
from agentlab.store.schema import CALL_SORT, CALL_TEXTS, HASH, MESSAGE_SORT, MESSAGE_TEXTS, PACKED, VERDICT_TEXTS

_arrow: Any = import_module("pyarrow")  # it comes without types
_compute: Any = import_module("pyarrow.compute")
_CALLS = f"FROM call_rows WHERE {ASKED} ORDER BY rowid"
_SHOWN = tuple(name for name in CALL_TEXTS if name in CALLS)
_OWN = tuple(name for name in PACKED["call_rows"] if name in CALLS and name not in ("actor", *CALL_TEXTS))
"""Columns of a call's row that are in the frame as they are."""
_DTYPES = CALLS | {"started": "float64", "seeded": "int64"}
"""As they are stored."""


def messages(folder: Path) -> pd.DataFrame:
    """In order; `to` as tuples."""
    with reading(folder) as snapshot:
        types: dict[str, str] = dict.fromkeys(("id", "index", "round", "sort", *MESSAGE_TEXTS), "int64")
        which = f"FROM message_rows WHERE {OWN} ORDER BY rowid"
        numbers = snapshot.columns(types, which, id="rollout", index="idx", **_places(MESSAGE_TEXTS))
        order = np.lexsort((numbers["index"], numbers["id"]))
        numbers = {name: values[order] for name, values in numbers.items()}
        sorts = snapshot.table({"id": "int64"} | dict.fromkeys(MESSAGE_SORT, "str"), "FROM message_sorts")
        texts = _texts(snapshot, {name: numbers[name] for name in MESSAGE_TEXTS}, len(order))
        rows = _rows(sorts, numbers["sort"])
    decode = msgspec.json.Decoder(tuple[str, ...]).decode
    recipients = np.empty(len(sorts), dtype=object)
    recipients[:] = [decode(text) for text in sorts["recipients"].tolist()]
    sorts["to"] = pd.Series(recipients, dtype="object")
    table = {"id": numbers["id"], "index": numbers["index"], "round": numbers["round"], **texts}
    return pd.DataFrame(table | _repeated(sorts, rows))[["id", *MESSAGES]]


def calls(folder: Path, names: Collection[str] = CALLS) -> pd.DataFrame:
    """As they were committed, those of particles under their rollout; what a failed call lacks is missing.

    Only columns of these `names` are read, which saves most of the time where they are few.
    """
    own, sort_names, shown = ([name for name in some if name in names] for some in (_OWN, CALL_SORT, _SHOWN))
    with reading(folder) as snapshot:
        filled = _filled(snapshot, "call_rows", shown)
        types = dict.fromkeys(("id", "actor", "sort", *filled), "int64") | {name: _DTYPES[name] for name in own}
        rows = snapshot.columns(types, _CALLS, id="rollout", prompt_hash=HASH, **_places(filled))
        populations = snapshot.table({"own": "int64", "whole": "int64", "particle": "str"}, f"FROM {PARTICLES}")
        sorts = snapshot.table({"id": "int64"} | {name: _DTYPES[name] for name in sort_names}, "FROM call_sorts")
        sorts = sorts.astype({name: CALLS[name] for name in sort_names})
        actors = snapshot.table({"id": "int64", "actor": "str"}, "FROM names", actor="name")
        texts = _texts(snapshot, {name: rows.get(name) for name in shown}, len(rows["id"]))
        sort, actor = _rows(sorts, rows["sort"]), _rows(actors, rows["actor"])
        if "started" in rows:
            rows["started"] = pd.to_datetime(pd.Series(rows["started"]), unit="s", utc=True).dt.as_unit("us")
    counted = _populated(rows["id"], populations)
    table = {**rows, **texts, **counted, **_repeated(sorts, sort), **_repeated(actors, actor)}
    return pd.DataFrame({name: table[name] for name in ("id", *CALLS) if name == "id" or name in names})


def scores(folder: Path, which: str) -> pd.DataFrame:
    """The verdicts that `which` (SQL over `rollout`) chooses, as they were committed."""
    types = dict.fromkeys(("id", "sort", "outcome", *VERDICT_TEXTS), "int64")
    types |= {name: SCORES[name] for name in ("value", "mass", "label", "call")}
    with reading(folder) as snapshot:
        which = f"FROM verdict_rows WHERE {which} ORDER BY rowid"
        rows = snapshot.columns(types, which, id="rollout", **_places(VERDICT_TEXTS))
        kinds = {name: SCORES[name] for name in ("judge", "judge_draw", "criterion")}
        sorts = snapshot.table({"id": "int64"} | kinds, "FROM verdict_sorts", judge_draw="draw")
        names = snapshot.table({"id": "int64", "outcome": "str"}, "FROM names", outcome="name")
        texts = _texts(snapshot, {name: rows[name] for name in VERDICT_TEXTS}, len(rows["id"]))
        sort, outcome = _rows(sorts, rows["sort"]), _rows(names, rows["outcome"])
    table = {**rows, **texts, **_repeated(sorts, sort), **_repeated(names, outcome)}
    return pd.DataFrame({name: table[name] for name in ("id", *SCORES)})


def _populated(ids: NDArray[np.int64], populations: pd.DataFrame) -> dict[str, Any]:
    """The number of the rollout that a call counts for, and the key of the particle that made it, if one did."""
    rows = pd.Index(populations["own"]).get_indexer(pd.Index(ids))
    whole, keys = populations["whole"].to_numpy(dtype="int64"), populations["particle"].array
    present = rows >= 0
    counted = ids.copy()
    counted[present] = whole[rows[present]]
    return {"id": counted, "particle": pd.Series(keys.take(rows, allow_fill=True))}


def _filled(snapshot: Snapshot, table: str, names: Sequence[str]) -> list[str]:
    """Those of the columns of places that have a text."""
    if not names:
        return []
    most = snapshot.columns(dict.fromkeys(names, "Int64"), f"FROM {table}", **{name: f"max({name})" for name in names})
    return [name for name in names if not pd.isna(most[name][0])]


def _places(names: Sequence[str]) -> dict[str, str]:
    """SQL for these places, -1 for a missing one."""
    return {name: f"ifnull({name}, -1)" for name in names}


def _rows(sorts: pd.DataFrame, numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    """The row of `sorts` that each number stands for. Raises `sqlite3.DatabaseError` where one is lost."""
    rows = pd.Index(sorts.pop("id")).get_indexer(pd.Index(numbers))
    if (rows < 0).any():
        raise sqlite3.DatabaseError(f"what rows refer to is missing ({', '.join(map(str, sorts))})")
    return rows


def _repeated(sorts: pd.DataFrame, rows: NDArray[np.intp]) -> dict[str, pd.Series]:
    """These rows of `sorts`, by column."""
    return {str(name): _at(sorts[name], rows) for name in sorts}


def _at(values: pd.Series, rows: NDArray[np.intp]) -> pd.Series:
    if values.dtype != "str":
        return values.take(rows).reset_index(drop=True)
    texts = _compute.take(_arrow.array(values.array), _arrow.array(rows), memory_pool=POOL)
    return pd.Series(pd.array(texts, dtype="str"))


def _texts(snapshot: Snapshot, places: Mapping[str, NDArray[np.int64] | None], rows: int) -> dict[str, pd.Series]:
    """The texts at places, by column; None are places of a column that has no texts."""
    whole = _Whole(snapshot) if rows else None
    texts = {
        name: _arrow.nulls(rows, _arrow.large_string()) if of is None or whole is None else _taken(whole, of)
        for name, of in places.items()
    }
    return {name: pd.Series(pd.array(column, dtype="str")) for name, column in texts.items()}


class _Whole:
    """All pages, one after the other."""

    def __init__(self, snapshot: Snapshot) -> None:
        types = {"start": "int64", "size": "int64", "data": "bytes"}
        every = snapshot.columns(types, "FROM pages ORDER BY start")
        pages = [unpacked(size, data) for size, data in zip(every["size"].tolist(), every["data"], strict=True)]
        self.data = b"".join(pages)
        self._first = every["start"]
        """Of each page, counted over all pages of the run, as places are."""
        self._until = np.cumsum([len(page) for page in pages], dtype="int64")
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
    texts = _compute.take(every, rows, memory_pool=POOL)
    texts.validate(full=True)
    return texts
