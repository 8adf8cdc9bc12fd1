"""What is written is read again to the letter, whatever the texts are and wherever a process was killed."""

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.runs.frames import log
from agentlab.store import DATABASE, read
from agentlab.store.pages import PAGE
from agentlab.store.rescue import examine, rescue
from agentlab.store.schema import READ_CALLS, READ_MESSAGES, READ_VERDICTS
from tests.support.logs import Group, empty, written

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
texts = st.one_of(words, words.map(lambda word: word * 9000), st.sampled_from(["", "a", "ab", "<mail>ab</mail>"]))
groups = st.lists(st.tuples(texts, st.none() | texts, texts | st.none(), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(groups=groups)
def test_every_way_to_read_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, groups: list[Group]
) -> None:
    folder = empty(tmp_path_factory.mktemp("run"))
    every = written(folder, groups)
    with closing(read(folder)) as connection:
        for table, sql in (("calls", READ_CALLS), ("messages", READ_MESSAGES), ("verdicts", READ_VERDICTS)):
            assert connection.execute(f"{sql} ORDER BY rollout").fetchall() == every[table]
            assert connection.execute(f"SELECT * FROM {table} ORDER BY rollout").fetchall() == every[table]
        sizes = connection.execute("SELECT size, length(data) FROM pages").fetchall()
    assert all(packed <= size + 20 for size, packed in sizes)
    assert log.messages(folder)["content"].tolist() == [row[6] for row in every["messages"]]
    calls = log.calls(folder)
    assert calls["text"].tolist() == [row[11] for row in every["calls"]]
    assert calls["prompt_hash"].tolist() == [row[10] for row in every["calls"]]
    assert calls["reasoning"].astype("object").where(calls["reasoning"].notna(), None).tolist() == [
        row[18] for row in every["calls"]
    ]


def test_texts_are_kept_once_and_full_pages_are_compressed(tmp_path: Path) -> None:
    reply = "We should look at the figures again. " * 40
    written(empty(tmp_path), [(f"{reply}{i}", None, reply, False) for i in range(100)])
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        pages = connection.execute("SELECT start, size, length(data) FROM pages ORDER BY start").fetchall()
    assert sum(size for _, size, _ in pages) < 101 * (len(reply) + 10), "messages are parts of replies"
    assert [start for start, _, _ in pages] == [sum(size for _, size, _ in pages[:i]) for i in range(len(pages))]
    assert all(size >= PAGE for _, size, _ in pages[:-1])
    assert all(packed < size / 4 for _, size, packed in pages)


def shell(data: bytes, size: int) -> bytes:
    return data if len(data) == size else zlib.decompress(data)


def test_the_shell_function_alone_reads_the_views(tmp_path: Path) -> None:
    written(empty(tmp_path), [("<mail>hello</mail>", "hm", None, False)])
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.create_function("sqlar_uncompress", 2, shell)
        found = connection.execute("SELECT text, reasoning, prompt_hash FROM calls WHERE purpose = 'agent'").fetchall()
    assert found == [("<mail>hello</mail>", "hm", f"2:{1:032x}")]


def test_a_call_whose_page_is_lost_counts_as_failed_with_what_it_cost(tmp_path: Path) -> None:
    written(empty(tmp_path / "run"), [("x" * (PAGE + 9), None, "said", False), ("kept", None, "kept", False)])
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE, isolation_level=None)) as connection:
        connection.execute("UPDATE pages SET data = zeroblob(20) WHERE start = 0")
    finding = examine(tmp_path / "run")
    assert finding.lost == ("pages",)
    assert "a page of texts, at byte 0, cannot be read" in finding.problems
    assert rescue(tmp_path / "run", tmp_path / "saved")["calls"] == 4
    calls = log.calls(tmp_path / "saved")
    assert calls["error"].notna().tolist() == [True, False, False, False]
    assert calls["text"].tolist()[1:] == ["said", "kept", "kept"]
    assert calls["output_tokens"].tolist() == [2, 2, 2, 2]
    assert json.loads(json.dumps(examine(tmp_path / "saved").problems)) == []
