"""The texts of a run: one after the other in pages, each page compressed once it is full, and each text kept once.

A row says where its text is by one number, its place: the first byte, counted over all pages, and how many bytes.
Places never change. The part of a text is a place, too, so that a message within a reply takes no bytes of its own.
"""

import sqlite3
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator

from agentlab.errors import StoreError

BITS = 27
"""A place is `first byte << BITS | bytes`."""
LONGEST = (1 << BITS) - 1
"""Bytes of the longest text."""
PAGE = 1 << 15
"""Bytes of a page before it is compressed. A text that is longer has a page of its own."""
_RECENT = 1 << 22
"""Characters of recent texts that are kept in memory to find one that comes again; twice this at most."""
_CACHED = 128
"""Pages that a reader keeps in memory."""
Page = tuple[int, int, bytes]
"""A row of `pages`: first byte, bytes, and what is stored, which is compressed where that is shorter."""


class TextPages:
    """Gives texts their places, for the one thread that writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT start + size FROM pages ORDER BY start DESC LIMIT 1").fetchone()
        self._end = row[0] if row else 0
        self._tail = _open_pages(connection)
        """Texts after the last full page, of which so many are in the file already."""
        self._stored = len(self._tail)
        self._start = self._end - sum(map(len, self._tail))
        self._recent, self._before, self._size = dict[str, int](), dict[str, int](), 0

    def add(self, text: str) -> int:
        """The place of a text. Raises `StoreError` for one of 128 MB or more."""
        place = self._recent.get(text)
        if place is None:
            place = self._before.get(text)
            if place is None:
                place = self._append(text)
            self._remember(text, place)
        return place

    def _append(self, text: str) -> int:
        data = text.encode()
        if len(data) > LONGEST:
            raise StoreError(f"a text has {len(data):,} bytes; a run holds texts of at most {LONGEST:,} bytes")
        if not data:
            return 0
        self._tail.append(data)
        start, self._end = self._end, self._end + len(data)
        return start << BITS | len(data)

    def _remember(self, text: str, place: int) -> None:
        self._size += len(text)
        if self._size > _RECENT:
            self._before, self._recent, self._size = self._recent, {}, len(text)
        self._recent[text] = place

    def rows(self, last: bool = False) -> tuple[int | None, list[Page]]:
        """The rows for what was added since, and from which first byte on the rows before them go, if any go.

        Texts are stored as they are until they fill a page, or, of the `last` rows, as one page less than full.
        """
        if self._end - self._start < PAGE and not (last and self._tail):
            waiting = b"".join(self._tail[self._stored :])
            self._stored = len(self._tail)
            return None, [(self._end - len(waiting), len(waiting), waiting)] if waiting else []
        replaced, made = self._start, list[Page]()
        first, size = 0, 0
        for i, data in enumerate(self._tail):
            size += len(data)
            if size >= PAGE or (last and i == len(self._tail) - 1):
                made.append(page(self._start, b"".join(self._tail[first : i + 1])))
                self._start, size, first = self._start + size, 0, i + 1
        self._tail = self._tail[first:]
        self._stored = len(self._tail)
        rest = [(self._start, size, b"".join(self._tail))] if self._tail else []
        return replaced, [*made, *rest]


def page(start: int, data: bytes) -> Page:
    """The row of a page."""
    packed = zlib.compress(data, 4)
    return start, len(data), packed if len(packed) < len(data) else data


def _open_pages(connection: sqlite3.Connection) -> list[bytes]:
    """What follows the last full page: an earlier command stored it as it was, and was killed before it closed."""
    tail, size = list[bytes](), 0
    for length, data in connection.execute("SELECT size, data FROM pages ORDER BY start DESC"):
        size += length
        if len(data) < length or size >= PAGE:
            break
        tail.insert(0, data)
    return tail


class TextReader:
    """Reads texts by their places, and keeps pages that were read last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cached: OrderedDict[int, bytes] = OrderedDict()
        self._starts = list[int]()

    def text(self, place: int | None) -> str | None:
        """The text at a place; None without one. Raises `sqlite3.DatabaseError` where it cannot be read."""
        if not place:
            return None if place is None else ""
        first, size = place >> BITS, place & LONGEST
        start, data = self._page(first)
        if first + size > start + len(data):
            raise sqlite3.DatabaseError(f"the text at byte {first} is missing")
        return data[first - start : first - start + size].decode()

    def _page(self, first: int) -> tuple[int, bytes]:
        """The page that holds a byte."""
        at = bisect_right(self._starts, first)
        start = self._starts[at - 1] if at else -1
        data = self._cached.get(start)
        if data is None or first >= start + len(data):
            sql = "SELECT start, size, data FROM pages WHERE start <= ? ORDER BY start DESC LIMIT 1"
            row = self._connection.execute(sql, (first,)).fetchone()
            start, data = (row[0], unpacked(row[1], row[2])) if row else (0, b"")
            self._keep(start, data)
        return start, data

    def _keep(self, start: int, data: bytes) -> None:
        self._cached[start] = data
        if len(self._cached) > _CACHED:
            self._cached.popitem(last=False)
        self._starts = sorted(self._cached)


def unpacked(size: int, data: bytes) -> bytes:
    """The bytes of a page. Raises `sqlite3.DatabaseError` where it is damaged."""
    if len(data) == size:
        return data
    try:
        whole = zlib.decompress(data)
    except zlib.error as error:
        raise sqlite3.DatabaseError(f"a page of texts is damaged: {error}") from error
    if len(whole) != size:
        raise sqlite3.DatabaseError("a page of texts is damaged: it has another size")
    return whole


def readable(size: int, data: bytes) -> bool:
    """Whether the texts of a page are what was stored, as far as this can be told."""
    try:
        unpacked(size, data).decode()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
    return True


def pages(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """Every page with its first byte, in order."""
    for start, size, data in connection.execute("SELECT start, size, data FROM pages ORDER BY start"):
        yield start, unpacked(size, data)
