"""A process that is killed while the pages of texts fill loses nothing that it acknowledged, however often."""

import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agentlab.runs.frames import log
from agentlab.store import read
from agentlab.store.rescue import examine
from tests.support.page_writer import said, text

pytestmark = pytest.mark.process
ROLLOUTS = 96


def acknowledged(folder: Path, lines: int | None) -> set[tuple[str, int]]:
    """Starts the writer, and kills it after so many lines; None lets it end."""
    command = [sys.executable, "-m", "tests.support.page_writer", str(folder), str(ROLLOUTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [line for _, line in zip(range(lines or 10 * ROLLOUTS), process.stdout, strict=False)]
        if lines is not None:
            process.kill()
        seen += process.stdout.readlines()
    assert lines is not None or process.returncode == 0
    return {(what, int(number)) for what, number in (line.split() for line in seen if line.endswith("\n"))}


def held(folder: Path) -> set[tuple[str, int]]:
    """Calls and messages that the run has, each of which is read as it was written; its pages have no gaps."""
    with closing(read(folder)) as connection:
        keys = {id: int(key) for id, key in connection.execute("SELECT id, key FROM rollouts")}
        pages = connection.execute("SELECT start, start + size FROM pages ORDER BY start").fetchall()
        shown = connection.execute("SELECT rollout, text FROM calls").fetchall()
    assert [start for start, _ in pages] == [0, *(end for _, end in pages)][: len(pages)]
    calls, messages = log.calls(folder), log.messages(folder)
    assert [(keys[id], reply) for id, reply in shown] == [(keys[id], text(keys[id])) for id in calls["id"]]
    assert calls["text"].tolist() == [text(keys[id]) for id in calls["id"]]
    assert messages["content"].tolist() == [said(keys[id]) for id in messages["id"]]
    assert examine(folder).problems == ()
    made = [("call", keys[id]) for id in calls["id"]] + [("end", keys[id]) for id in messages["id"]]
    assert len(set(made)) == len(made)
    return set(made)


@pytest.mark.parametrize(
    ("seed", "kills"), [(1, 2), *(pytest.param(seed, 12, marks=pytest.mark.slow) for seed in (2, 3))]
)
def test_kills_while_pages_fill_lose_and_repeat_nothing_that_was_acknowledged(
    tmp_path: Path, seed: int, kills: int
) -> None:
    rng, run, told = random.Random(seed), tmp_path / "run", set[tuple[str, int]]()
    for _ in range(kills):
        new = acknowledged(run, rng.randrange(1, 2 * 2 * ROLLOUTS // kills))
        assert not new & told
        told |= new
        assert told <= held(run)
    told |= acknowledged(run, None)
    every = {(what, number) for what in ("call", "end") for number in range(ROLLOUTS)}
    assert held(run) == every
    with closing(read(run)) as connection:
        assert connection.execute("SELECT count(*) FROM pages WHERE length(data) = size").fetchone() == (0,)
