"""A disk that is full, a folder that cannot be written, a file that is no run: a clear error, and nothing lost."""

import asyncio
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from pathlib import Path

import pytest

from agentlab.errors import StoreError
from agentlab.store import Store
from agentlab.types import Rollout
from tests.support.command import Commands, Ended
from tests.support.loopback import Loopback
from tests.support.rig import assert_equal, rows, tables, write

pytestmark = pytest.mark.usefixtures("workdir")


def assert_clear(ended: Ended, *parts: str) -> None:
    """One message that holds `parts`, exit code 1, no traceback."""
    assert ended.code == 1, ended.said
    assert "Traceback" not in ended.said
    assert not [part for part in parts if part not in ended.err], ended.err


@pytest.fixture(scope="module")
def sound(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a scenario whose server answers, its finished run `whole`, and `long`, that of 20 draws."""
    folder = tmp_path_factory.mktemp("sound")
    with Loopback() as server:
        with chdir(folder):
            for out, draws in (("long", 20), ("whole", 2)):
                scenario = write(server, ("draws: 2\njudges", f"draws: {draws}\njudges"))
                assert commands.agentlab("run", scenario, "--out", out).code == 0
        yield folder


@pytest.mark.parametrize(("size", "draws"), [(1_000, 2), (40_000, 2), (120_000, 8)])
def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room(commands: Commands, size: int, draws: int) -> None:
    """No file may grow beyond `size` bytes, which SQLite meets as a failed write."""
    with Loopback() as server:
        scenario = write(server, ("draws: 2\njudges", f"draws: {draws}\njudges"))
        assert commands.agentlab("run", scenario, "--out", "whole").code == 0
        assert Path("whole/run.db").stat().st_size > size, "however the writes are grouped, they do not fit"
        ended = commands.agentlab("run", scenario, "--out", "run", file_size=size)
        assert_clear(ended, "run: cannot be used" if size < 50_000 else "run/run.db: cannot write the run")
        if size > 50_000:
            with closing(sqlite3.connect("run/run.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            halves = "SELECT * FROM calls WHERE prompt_hash IS NULL OR (text IS NULL AND error IS NULL)"
            assert rows("run", halves) == []
            unfinished = "SELECT * FROM messages JOIN rollouts r ON r.id = rollout WHERE r.status IS NULL"
            assert rows("run", unfinished) == []
            kept = {id for (id,) in rows("run", "SELECT request_id FROM calls")}
            paid = {one.body for one in server.seen if one.id in kept}
        else:
            paid = set[str]()
        before = len(server.seen)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert not [one for one in server.seen[before:] if one.body in paid]
        assert_equal(tables("run"), tables("whole"))


@pytest.mark.parametrize("harm", ["deleted", "replaced"])
def test_a_run_whose_file_goes_away_stops_at_the_next_commit(commands: Commands, harm: str) -> None:
    with Loopback() as server:
        scenario = write(server)
        server.pause(after=6)
        running = commands.start("run", scenario, "--out", "run", "--concurrency", "2")
        assert server.wait(7)
        file = Path("run/run.db")
        if harm == "replaced":
            Path("other.db").write_bytes(file.read_bytes())
            Path("other.db").replace(file)
        else:
            file.unlink()
        server.go_on()
        assert_clear(running.end(), "run/run.db: the run's file was deleted, moved or replaced", "use --out")
        assert len(server.seen) < 16, "what could not be kept was not paid for"


def test_a_second_rollout_of_one_place_is_refused_by_the_store() -> None:
    async def twice() -> None:
        store = Store.open(Path("run"))
        try:
            for key in ("a", "b"):
                await store.finish(Rollout(key, "s", "t", "all", 1, 0, "delivered", "x", "protocol"))
        finally:
            store.close()

    with pytest.raises(StoreError, match="already has a rollout of this condition, task and draw"):
        asyncio.run(twice())
    assert rows("run", "SELECT key FROM rollouts") == [("a",)]


@pytest.fixture
def archive() -> Iterator[Path]:
    """A folder that also somebody without rights may enter, which a folder of pytest's is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "run"


def test_a_finished_run_is_one_file_which_a_read_only_disk_can_hold(
    commands: Commands, sound: Path, archive: Path
) -> None:
    shutil.copytree(sound / "whole", archive)
    assert [path.name for path in archive.iterdir()] == ["run.db"]
    archive.chmod(0o555)
    read = commands.agentlab("stats", archive, nobody=True)
    assert (read.code, read.err) == (0, "")


def test_a_run_in_the_mode_of_a_log_reads_from_a_read_only_disk_too(
    commands: Commands, sound: Path, archive: Path
) -> None:
    """SQLite wants to make files beside it, and cannot."""
    shutil.copytree(sound / "whole", archive)
    with closing(sqlite3.connect(archive / "run.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE meta SET value = value")
        connection.commit()
    archive.chmod(0o555)
    shown = commands.agentlab("show", archive, nobody=True)
    assert shown.code == 0
    assert "was not closed" in shown.err, "a log that is not there may have held something"


def test_a_killed_run_without_its_log_says_what_is_missing(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        server.pause(after=9)
        running = commands.start("run", scenario, "--out", "run", "--concurrency", "2")
        assert server.wait(10)
        running.kill()
        server.go_on()
    Path("run/run.db-wal").unlink()
    told = commands.agentlab("stats", "run")
    assert "its write-ahead log run.db-wal is missing beside run.db" in told.err
    assert "Traceback" not in told.said


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    """Its last quarter is lost: the first pages, of a small file the first half, hold the tables' beginnings."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])


def noise(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(50_000))


def scratched(file: Path) -> None:
    """A page in the middle is overwritten."""
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 8192] = b"\xab" * 8192
    file.write_bytes(bytes(whole))


def misrecorded(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE meta SET value = '{' WHERE key = 'tree'")
        connection.commit()


def no_text(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE rollouts SET output = CAST(x'fffe41' AS TEXT)")
        connection.execute("UPDATE pages SET data = CAST(replace(hex(zeroblob(size)), '00', 'ÿ') AS BLOB)")
        connection.commit()


COMMANDS = [
    ("stats", "run"),
    ("show", "run"),
    ("show", "run", "--rollout", "task=loan,team=solo,draw=1"),
    ("report", "run"),
    ("judge", "run", "--with", "business"),
    ("export", "parquet", "run"),
    ("resample", "run", "--rollout", "task=loan,team=solo,draw=1", "-n", "2"),
    ("run", "s.yaml", "--out", "run"),
]


@pytest.mark.parametrize("harm", [emptied, cut, noise, scratched, misrecorded, no_text])
def test_a_damaged_file_ends_every_command_in_one_message(
    commands: Commands, sound: Path, harm: Callable[[Path], None]
) -> None:
    shutil.copy(sound / "s.yaml", ".")
    for command in COMMANDS:
        shutil.rmtree("run", ignore_errors=True)
        shutil.copytree(sound / "whole", "run")
        harm(Path("run/run.db"))
        ended = commands.agentlab(*command)
        assert "Traceback" not in ended.said, command
        assert ended.code in (0, 1, 2, 3), command  # what is damaged is not always what a command reads
        told = [line for line in ended.err.splitlines() if " running" not in line]  # progress, on a slow machine
        assert len(told) <= 4 or ended.code == 0, ended.err


@pytest.mark.parametrize("harm", [scratched, cut, no_text])
def test_doctor_says_what_can_be_read_and_copies_it(
    commands: Commands, sound: Path, harm: Callable[[Path], None]
) -> None:
    shutil.copytree(sound / "long", "run")
    before = commands.agentlab("doctor", "run")
    assert before.code == 0
    assert "the file is sound" in before.out
    count = rows("run", "SELECT count(*) FROM calls")[0][0]
    harm(Path("run/run.db"))
    told = commands.agentlab("doctor", "run", "--out", "saved")
    assert "Traceback" not in told.said
    if harm is not no_text:
        assert "the file is damaged" in told.out
    if told.code == 0:
        kept = rows("saved", "SELECT count(*) FROM calls")[0][0]
        assert 0 < kept <= count
        assert commands.agentlab("doctor", "saved").code == 0
        assert commands.agentlab("stats", "saved").code in (0, 2)


def test_doctor_keeps_a_run_that_is_there(commands: Commands, sound: Path) -> None:
    shutil.copytree(sound / "whole", "run")
    ended = commands.agentlab("doctor", "run", "--out", "run")
    assert_clear(ended, "a run already exists here")


def test_a_folder_that_cannot_be_written_is_named_before_the_first_call(commands: Commands, workdir: Path) -> None:
    with Loopback() as server:
        scenario = write(server)
        Path("taken").write_text("a file")
        Path("broken").mkdir()
        Path("broken/run.db").write_text("this is no database, and it is longer than the header of one " * 20)
        for place in ("taken", "taken/below", "broken"):
            ended = commands.agentlab("run", scenario, "--out", place)
            assert_clear(ended, f"{place}: cannot be used as a run folder", "choose another with --out")
        assert Path("taken").read_text() == "a file"
        workdir.chmod(0o755)
        Path("closed").mkdir(mode=0o555)
        ended = commands.agentlab("run", scenario, "--out", "closed/run", nobody=True)
        assert_clear(ended, "closed/run: cannot be used as a run folder", "ermission denied")
        assert server.seen == []


def test_a_run_that_became_read_only_says_so_and_goes_on_when_it_is_not(commands: Commands, workdir: Path) -> None:
    with Loopback() as server:
        scenario = write(server)
        assert commands.agentlab("run", scenario, "--out", "run", "--draws", "1").code == 0
        before, files = len(server.seen), list(Path("run").iterdir())
        for path in files:
            path.chmod(0o444)
        Path("run").chmod(0o555)
        workdir.chmod(0o755)
        ended = commands.agentlab("run", scenario, "--out", "run", nobody=True)
        assert_clear(ended, "run: cannot be used as a run folder")
        assert len(server.seen) == before
        for path in files:
            path.chmod(0o644)
        Path("run").chmod(0o755)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) == len(server.distinct)


def test_the_lock_of_a_dead_process_holds_nobody_up(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        Path("run").mkdir()
        Path("run/run.lock").write_text(str(os.getpid()))
        assert commands.agentlab("run", scenario, "--out", "run").code == 0


def test_doctor_reads_a_file_that_was_cut_short_up_to_the_cut(commands: Commands, sound: Path) -> None:
    shutil.copytree(sound / "long", "run")
    file = Path("run/run.db")
    os.truncate(file, file.stat().st_size * 9 // 10 // 4096 * 4096)
    told = commands.agentlab("doctor", "run", "--out", "saved")
    assert told.code == 0, told.said
    assert rows("saved", "SELECT count(*) FROM rollouts")[0][0] > 0
    assert_clear(commands.agentlab("doctor", "run", "--out", "/proc/none"), "name another folder")
