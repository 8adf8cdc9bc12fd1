"""A loop that is killed while it samples and while it trains ends as if it had never been."""

import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from agentlab.errors import MismatchError
from agentlab.runs.frames import Run, load
from tests.support.command import Commands
from tests.support.loops import TABLE, improve, play, tasks, written

MODULE = """
import os, signal
from pathlib import Path
from agentlab.models.simulated.sim import Replies
from agentlab.training.trainers import shares

HERE = Path(__file__).parent
COUNT = 0


def kill(name):
    if (HERE / "killing").exists() and not (HERE / name).exists():
        (HERE / name).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def table(replies):
    edges = {}
    for actor, chances in replies.items():
        total, ends = 0.0, []
        for chance in chances.values():
            total += chance
            ends.append(total)
        edges[actor] = (tuple(chances), tuple(ends))
    policy = Replies(edges, {})

    def reply(request):
        global COUNT
        COUNT += 1
        for at in (3, 9):
            if COUNT == at:
                kill(f"request-{at}")
        return policy(request)

    return reply


class Trainer:
    async def __call__(self, job, report):
        kill(f"train-{job.folder.name[0]}")
        return await shares.train(job, report)
"""


def scenario(folder: Path) -> Path:
    (folder / "killing_parts.py").write_text(MODULE)
    models = {"default": {"name": "sim/killing_parts:table", "options": {"replies": {"*": TABLE}}}}
    splits = {"train": {"role": "learn", "draws": 2}, "test": {"role": "hold_out"}}
    loop = improve(by={"kind": "killing_parts:Trainer"}, splits=splits)
    return written(folder, models=models, tasks=tasks(4, 4), improve=loop)


def same(one: Run, other: Run) -> None:
    volatile = ["seconds", "seed"]
    for frame in ("rollouts", "rows", "generations"):
        left, right = (getattr(run, frame).drop(columns=volatile, errors="ignore") for run in (one, other))
        by = "rollout" if "rollout" in left else ["condition", "split"]
        left, right = (table.astype("str").sort_values(by, ignore_index=True) for table in (left, right))
        pd.testing.assert_frame_equal(left, right)


@pytest.mark.slow
def test_a_loop_killed_in_every_phase_reaches_the_same_end(commands: Commands, workdir: Path) -> None:
    path = scenario(workdir)
    whole = commands.agentlab("train", path, "--out", "whole", "--quiet")
    assert whole.code == 0, whole.said
    (workdir / "killing").touch()
    codes = [commands.agentlab("train", path, "--out", "cut", "--quiet", "--concurrency", "2").code for _ in range(5)]
    killed = -signal.SIGKILL
    assert (codes.count(killed), codes[-1]) == (4, 0)
    same(load("whole"), load("cut"))


def test_a_kill_in_a_training_and_half_a_file_of_rows_leave_no_trace(commands: Commands, workdir: Path) -> None:
    path = scenario(workdir)
    for name in ("killing", "request-3", "request-9"):
        (workdir / name).touch()
    command = ("train", path, "--out", "run", "--quiet", "--set", "improve.generations=1")
    assert commands.agentlab(*command).code == -signal.SIGKILL
    (file,) = Path("run").glob("weights/1-*/rows.jsonl")
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2])
    again = commands.agentlab(*command)
    assert again.code == 0, again.said
    assert file.read_bytes() == before
    assert load("run").generations["digest"].notna().any()


FLAKY = """
from dataclasses import replace
from agentlab.errors import TrainingError
from agentlab.training.trainers import shares

MOOD = "well"


class Trainer:
    async def __call__(self, job, report):
        if MOOD == "ill":
            raise TrainingError("the server is gone")
        if MOOD == "wrong":
            raise ValueError("a mistake of one's own")
        made = replace(await shares.train(job, report), digest=MOOD)
        return replace(made, serve={"nam": "sim/replies"}) if MOOD == "odd" else made
"""


def test_a_failed_training_does_not_forget_which_weights_were_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flaky_parts.py").write_text(FLAKY)
    path = written(tmp_path, improve=improve(by={"kind": "flaky_parts:Trainer"}, generations=1), tasks=tasks(2, 2))
    play(path, tmp_path / "run")
    before = load(tmp_path / "run").generations["digest"].dropna().tolist()
    monkeypatch.setattr(sys.modules["flaky_parts"], "MOOD", "ill")
    assert play(path, tmp_path / "run").failed == 0  # its end is on record, so it is not asked again
    (record,) = (tmp_path / "run").glob("weights/*/trained.json")
    record.unlink()
    told = {"ill": "the server is gone", "wrong": "a mistake of one's own", "odd": "cannot be served: ValidationError"}
    for mood, why in told.items():
        monkeypatch.setattr(sys.modules["flaky_parts"], "MOOD", mood)
        assert play(path, tmp_path / "run").failed == 1
        assert why in load(tmp_path / "run").generations["error"].iloc[-1]
    monkeypatch.setattr(sys.modules["flaky_parts"], "MOOD", "other")
    with pytest.raises(MismatchError, match="other weights"):
        play(path, tmp_path / "run")
    assert load(tmp_path / "run").generations["digest"].dropna().tolist() == before == ["well"]
