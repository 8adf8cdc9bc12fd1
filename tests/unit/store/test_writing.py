"""What a writer does beside others who read, after kills, and where it cannot go on."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.errors import StoreError
from agentlab.runs.frames import log
from agentlab.store import DATABASE, Store, packing, pages, read
from agentlab.store.packing import Packer
from agentlab.store.pages import PAGE, TextPages, TextReader
from agentlab.store.schema import READ_CALLS
from agentlab.store.writer import connect, store
from agentlab.types import Message, Rollout
from tests.support.logs import empty, rows, written

Step = tuple[str, str]
"""What happens, and the text of it: a commit, the last one of a command, or a kill before or after the commit."""
steps = st.lists(
    st.tuples(
        st.sampled_from(["commit", "commit", "end", "kill before", "kill after"]),
        st.text("ab\N{GRINNING FACE}", max_size=4).flatmap(
            lambda text: st.sampled_from([1, 5, 4000, 9000]).map(lambda times: text * times)
        ),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=steps)
def test_one_reader_reads_the_same_texts_however_pages_are_replaced_under_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    folder = empty(tmp_path_factory.mktemp("run"))
    writer = connect(str(folder / DATABASE))
    packer, kept = Packer(writer), list[str]()
    with closing(read(folder)) as reader:
        for number, (what, text) in enumerate(steps, 1):
            writer.execute("BEGIN")
            store(writer, packer, rows(number, (text, None, None, False)), last=what == "end")
            writer.execute("ROLLBACK" if what == "kill before" else "COMMIT")
            if what != "kill before":
                kept.append(text)
            if what not in ("commit", "end"):
                writer.close()
                writer = connect(str(folder / DATABASE))
                packer = Packer(writer)
            sql = f"{READ_CALLS} WHERE purpose = 'agent' ORDER BY rollout"
            assert [row[11] for row in reader.execute(sql)] == kept
            with closing(read(folder)) as other:
                assert [row[11] for row in other.execute(sql)] == kept
    writer.close()
    calls = log.calls(folder)
    assert calls["text"][calls["purpose"] == "agent"].tolist() == kept
    assert contiguous(folder)


def contiguous(folder: Path) -> bool:
    with closing(read(folder)) as connection:
        spans = connection.execute("SELECT start, start + size FROM pages ORDER BY start").fetchall()
    return [start for start, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("letter", ["x", "\N{GRINNING FACE}"])
def test_a_text_that_just_fills_a_page_is_read_beside_its_neighbors(tmp_path: Path, extra: int, letter: str) -> None:
    size = len(letter.encode())
    long = letter * ((PAGE + extra) // size) + "y" * ((PAGE + extra) % size)
    replies = ["before", long, f"{long}z", "after", letter, "\0", f"{long}\0"]
    written(empty(tmp_path), [(reply, None, None, False) for reply in replies])
    with closing(read(tmp_path)) as connection:
        found = connection.execute(f"{READ_CALLS} WHERE purpose = 'agent' ORDER BY rollout").fetchall()
        shown = connection.execute("SELECT text FROM calls WHERE purpose = 'agent' ORDER BY rollout").fetchall()
    assert [row[11] for row in found] == [text for (text,) in shown] == replies
    assert log.messages(tmp_path)["content"].tolist() == [reply[len(reply) // 3 :] for reply in replies]


@given(whole=st.text("ab\N{GRINNING FACE}\0é", min_size=1), span=st.tuples(st.integers(0, 20), st.integers(1, 20)))
def test_a_part_of_a_reply_has_the_place_of_its_bytes(whole: str, span: tuple[int, int]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE pages (start INTEGER PRIMARY KEY, size INTEGER, data BLOB)")
        texts = TextPages(connection)
        said = [(text, texts.add(text)) for text in ("é before", whole)]
        connection.executemany("INSERT INTO pages VALUES (?, ?, ?)", texts.rows(last=True)[1])
        part = whole[span[0] : sum(span)] or whole
        place = packing._part(part, said)  # pyright: ignore[reportPrivateUsage]
        assert place is not None
        assert TextReader(connection).text(place) == part


def test_a_reader_keeps_few_bytes_and_reads_each_joined_page_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[int]()

    def counted(size: int, data: bytes) -> bytes:
        opened.append(size)
        return data

    monkeypatch.setattr(pages, "unpacked", counted)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE pages (start INTEGER PRIMARY KEY, size INTEGER, data BLOB)")
        reader = TextReader(connection)
        for start in (0, 1):
            connection.execute("INSERT INTO pages VALUES (?, 1, x'61')", (start,))
            assert reader.text(start << pages.BITS | 1) == "a"
        connection.execute("DELETE FROM pages")
        connection.execute("INSERT INTO pages VALUES (0, 4, ?)", (b"aabb",))
        for _ in range(3):
            assert reader.text(2 << pages.BITS | 2) == "bb"
        assert opened == [1, 1, 4]
        for start in range(10, 10 + (3 << 20), 1 << 20):
            connection.execute("INSERT INTO pages VALUES (?, ?, ?)", (start, 1 << 20, b"a" * (1 << 20)))
        for start in range(10 + (3 << 20), 10 + (12 << 20), 3 << 20):
            connection.execute("INSERT INTO pages VALUES (?, ?, ?)", (start, 3 << 20, b"a" * (3 << 20)))
        for (start,) in connection.execute("SELECT start FROM pages").fetchall():
            reader.text(start << pages.BITS | 1)
        assert sum(map(len, reader._cached.values())) <= 1 << 22  # pyright: ignore[reportPrivateUsage]


BUSY = sqlite3.OperationalError("database is locked")
BUSY.sqlite_errorcode = sqlite3.SQLITE_BUSY
BUSY.sqlite_errorname = "SQLITE_BUSY"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError("no memory"), r"no memory.*free space"),
        (ValueError("a mistake"), r"a mistake"),
        (BUSY, r"database is locked.*close the other program that writes to it, then run the same command again"),
    ],
)
async def test_whatever_stops_the_writer_those_who_wait_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fails(*_: object) -> Sequence[object]:
        raise error

    monkeypatch.setattr(pages.TextPages, "rows", fails)
    with closing(Store.open(tmp_path / "run")) as opened, pytest.raises(StoreError, match=told):
        async with asyncio.timeout(20):
            await opened.finish(rollout("one"))
    monkeypatch.undo()
    with closing(Store.open(tmp_path / "run")) as again:
        assert again.known == {}
        await again.finish(rollout("one"))
        assert [message.content for message in again.rollout("one").messages] == ["done"]


async def test_a_command_on_a_file_whose_texts_cannot_be_continued_ends_with_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    await asyncio.to_thread(empty, folder)
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        connection.execute("INSERT INTO pages VALUES ('9223372036854775807', 5, x'00')")
    with closing(Store.open(folder)) as opened, pytest.raises(StoreError, match="cannot write the run"):
        async with asyncio.timeout(20):
            await opened.finish(rollout("one"))


async def test_what_a_run_records_of_itself_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "run")) as opened:
        opened.set_meta({"tree": "before"})
        with closing(connect(str(tmp_path / "run" / DATABASE))) as other:
            stop = "WHEN NEW.key = 'added_anchors' BEGIN SELECT RAISE(FAIL, 'no room'); END"
            other.execute(f"CREATE TRIGGER full BEFORE INSERT ON meta {stop}")
        with pytest.raises(StoreError, match="no room"):
            opened.set_meta({"tree": "after", "added_anchors": {"quality": 6}})
        assert (opened.meta()["tree"], "added_anchors" in opened.meta()) == ("before", False)


def rollout(key: str) -> Rollout:
    said = Message("ann", ("@output",), "text", "done", None, 1, 0)
    return Rollout(key, "s", "t", "c", 1, 1, "delivered", "done", "protocol", (said,))
