"""Control groups: found where they may be made, with their limits, and gone afterwards. On a tree of plain files."""

import os
import subprocess
from pathlib import Path

import pytest

from agentlab.tools.sandbox import cgroup
from agentlab.tools.sandbox.cgroup import delegated, group
from agentlab.tools.sandbox.ended import MB, Limits


def tree(
    folder: Path, controllers: str = "cpuset cpu io memory pids", own: str = "0::/user/scope"
) -> tuple[Path, Path]:
    """The root of a hierarchy, and the file that says in which group this process is."""
    base = folder / "user" / "scope"
    base.mkdir(parents=True)
    (base / "cgroup.controllers").write_text(controllers)
    (folder / "self").write_text(f"3:pids:/\n{own}\n")
    return folder, folder / "self"


@pytest.fixture(autouse=True)
def afresh() -> None:
    delegated.cache_clear()


def test_a_delegated_group_gets_a_child_for_this_process_and_gives_limits_to_the_others(tmp_path: Path) -> None:
    base = delegated(*tree(tmp_path))
    assert base is not None
    assert base == tmp_path / "user" / "scope"
    assert (base / f"agentlab-{os.getpid()}" / "cgroup.procs").read_text() == str(os.getpid())
    assert (base / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


@pytest.mark.parametrize("told", [("cpu pids", "0::/user/scope"), ("cpu memory pids", "4:memory:/x"), ("", "0::/gone")])
def test_without_every_limit_there_is_no_place_for_groups(tmp_path: Path, told: tuple[str, str]) -> None:
    assert delegated(*tree(tmp_path, *told)) is None


def test_where_others_are_in_the_group_this_process_goes_back(tmp_path: Path) -> None:
    root, own = tree(tmp_path)
    base = root / "user" / "scope"
    (base / "cgroup.subtree_control").mkdir()  # writing to it fails, as it does where a group has members
    assert delegated(root, own) is None
    assert (base / "cgroup.procs").read_text() == str(os.getpid())


@pytest.mark.process
def test_a_command_has_a_group_with_its_limits_that_is_ended_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []
    monkeypatch.setattr(cgroup, "_remove", removed.append)
    with group(Limits(memory=100 * MB, processes=5), tmp_path) as made:
        assert made is not None
        told = {name: (made.folder / name).read_text() for name in ("memory.max", "pids.max", "cpu.max")}
        assert told == {"memory.max": str(164 * MB), "pids.max": "13", "cpu.max": "100000 100000"}
        assert not made.exhausted()
        (made.folder / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
        assert made.exhausted()
        subprocess.run(made.enter(["/bin/sh", "-c", "echo $0 > $1", "run", str(tmp_path / "ran")]), check=True)
        assert (tmp_path / "ran").read_text() == "run\n"
        assert (made.folder / "cgroup.procs").read_text().strip().isdigit()
    assert removed == [made.folder]
    assert (made.folder / "cgroup.kill").read_text() == "1"
    with group(Limits(), None) as nothing:
        assert nothing is None
