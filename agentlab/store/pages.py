"""The texts of a run, one after the other in pages.

A page is compressed once it is full. A text that comes again soon is stored once. A row names its text by one number,
its place: the first byte, counted over all pages, and the number of bytes. Places never change. A part of a text has a
place, too, so that a message within a reply takes no space of its own.
"""

import sqlite3
import zlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import Any

from agentlab.errors import StoreError

BITS = 27
"""A place is `first byte << BITS | bytes`."""
LONGEST = (1 << BITS) - 1
"""Bytes of the longest text."""
_FARTHEST = (1 << 63 - BITS) - 1
"""The last byte at which a text may start, since SQLite's numbers have 63 bits: 64 GB."""
PAGE = 1 << 15
"""Bytes of a page before it is compressed. A text that is longer has a page of its own."""
_RECENT = 1 << 22
"""Characters of recent texts that are kept in memory to find a text that comes again. Up to twice as many are kept."""
_CACHED = 1 << 22
"""Bytes of pages that a reader keeps in memory, besides the page that it read last."""
Page = tuple[int, int, bytes]
"""A row of `pages`: first byte, bytes of text, stored data. An open page stores its texts as they are. A closed page
stores them compressed with a checksum, so that the length of its data differs."""


class TextPages:
    """Gives texts their places, for the one thread that writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT start + size FROM pages ORDER BY start DESC LIMIT 1").fetchone()
        self._end = row[0] if row else 0
        self._tail = _open_pages(connection)
        """The texts after the last full page."""
        self._stored = len(self._tail)
        """How many of them are in the file already."""
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
        """The rows for texts added since the last call; and the first byte from which stored rows are to be deleted.

        The latter is None if none is to be deleted. Texts are stored as they are until they fill a page. With `last`,
        the remaining texts are closed as a page that is not full.
        """
        if self._end - self._start < PAGE and not (last and self._tail):
            waiting = b"".join(self._tail[self._stored :])
            self._stored = len(self._tail)
            return None, [(self._end - len(waiting), len(waiting), waiting)] if waiting else []
        replaced, pages = self._start, list[Page]()
        first, size = 0, 0
        for i, data in enumerate(self._tail):
            size += len(data)
            if size >= PAGE or (last and i == len(self._tail) - 1):
                pages.append(page(self._start, b"".join(self._tail[first : i + 1])))
                self._start, size, first = self._start + size, 0, i + 1
        self._tail = self._tail[first:]
        self._stored = len(self._tail)
        rest = [(self._start, size, b"".join(self._tail))] if self._tail else []
        return replaced, [*pages, *rest]


def page(start: int, data: bytes) -> Page:
    """The row of a page."""
    packed = zlib.compress(data, 4)
    return start, len(data), packed if len(packed) < len(data) else zlib.compress(data, 0)


def _open_pages(connection: sqlite3.Connection) -> list[bytes]:
    """The texts after the last full page, as a command left them that was killed before it closed the run."""
    tail, size, next_ = list[bytes](), 0, None
    for start, length, data in connection.execute("SELECT start, size, data FROM pages ORDER BY start DESC"):
        size += length
        if not isinstance(data, bytes) or len(data) != length or size >= PAGE or next_ not in (None, start + length):
            break
        tail.insert(0, data)
        next_ = start
    return tail


class TextReader:
    """Reads texts by their places. Keeps the pages that were read last in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cached: OrderedDict[int, bytes] = OrderedDict()
        self._starts, self._size = list[int](), 0

    def text(self, place: Any) -> str | None:
        """The text at a place; None without one. Raises `sqlite3.DatabaseError` where it cannot be read.

        A damaged file may give anything as a place.
        """
        if not place:
            return None if place is None else ""
        if not isinstance(place, int) or place < 0:
            raise sqlite3.DatabaseError(f"{place!r} is not the place of a text")
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
            if row is None:
                raise sqlite3.DatabaseError(f"the text at byte {first} is missing")
            start, data = row[0], unpacked(row[1], row[2])
            self._keep(start, data)
        return start, data

    def _keep(self, start: int, data: bytes) -> None:
        """Keeps a page in memory, and drops pages that a writer has merged into it since they were read."""
        first, after = bisect_left(self._starts, start), bisect_left(self._starts, start + len(data))
        for joined in self._starts[first:after]:
            self._size -= len(self._cached.pop(joined))
        self._cached[start] = data
        self._size += len(data)
        while self._size > _CACHED and len(self._cached) > 1:
            self._size -= len(self._cached.popitem(last=False)[1])
        self._starts = sorted(self._cached)


def unpacked(size: int, data: Any) -> bytes:
    """The bytes of a page. Raises `sqlite3.DatabaseError` where it is damaged, and `data` may be anything."""
    if not isinstance(data, bytes):
        raise sqlite3.DatabaseError("a page of texts is damaged: it has no bytes")
    if len(data) == size:
        return data
    try:
        whole = zlib.decompress(data)
    except zlib.error as error:
        raise sqlite3.DatabaseError(f"a page of texts is damaged: {error}") from error
    if len(whole) != size:
        raise sqlite3.DatabaseError("a page of texts is damaged: it has another size")
    return whole


def readable(start: int, size: int, data: bytes) -> bool:
    """Whether a page starts at a possible byte and its texts can be read."""
    try:
        unpacked(size, data).decode()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
    return 0 <= start <= _FARTHEST
