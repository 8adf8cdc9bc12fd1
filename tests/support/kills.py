"""A run, and forks of it, that are killed as `kill -9` does in every phase, beside the same ones undisturbed."""

import json
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from agentlab.runs.frames import load
from tests.support.command import Commands
from tests.support.loopback import Loopback, RecordedRequest
from tests.support.rig import VOLATILE, Change, rows, tables, write

Phase = Literal["opening", "anchors", "rollouts", "judging", "forks"]
PHASES: tuple[Phase, ...] = get_args(Phase)
ANCHORS = {'["4"]': 4, '["5"]': 5}
"""The good and the bad anchor texts, with the number that each names."""
FORKS = ("--every-round", "--by-agent", "-n", "3", "--parents", "3", "--yes")
AT_ONCE = 4
"""Rollouts at once; each has as many calls in flight as a round has agents."""


@dataclass(slots=True)
class Kills:
    """What came of them."""

    by_phase: dict[Phase, int] = field(default_factory=dict[Phase, int])
    repeated: int = 0
    """Requests beyond those of the undisturbed run."""
    in_flight: int = 0
    """Requests that were sent and not committed when a kill came."""
    most: int = 0
    """Of these, the most at one kill."""
    again: int = 0
    """Requests whose answer had been committed before."""
    identical: bool = False
    """Whether all frames are those of the undisturbed run."""


def killed_in_every_phase(
    commands: Commands, server: Loopback, scratch: Path, each: int, draws: int, *changes: Change
) -> Kills:
    """The same run twice in the working directory: `whole` undisturbed, `cut` with so many kills in each phase.

    `changes` are those of the scenario.
    """
    # a kill comes after one to four requests, and those that were answered are not sent again
    texts = [(old, json.dumps([f"Answer {i}: {n}" for i in range(4 * each)])) for old, n in ANCHORS.items()]
    scenario = write(server, *changes, ("draws: 2\njudges", f"draws: {draws}\njudges"), *texts)
    run, forks = ("run", str(scenario), "--out"), ("resample", "whole", *FORKS)
    for command in ((*run, "whole"), forks):
        ended = commands.agentlab(*command)
        assert ended.code == 0, ended.said
    calls = len(server.distinct)
    assert len(server.seen) == calls
    server.seen.clear()
    killing = _Killing(commands, server, scratch)
    for phase in PHASES:
        command = ("resample", "cut", *FORKS) if phase == "forks" else (*run, "cut")
        for _ in range(each):
            killing.kill(phase, (*command, "--concurrency", str(AT_ONCE)))
        if phase == "judging":
            killing.finish((*run, "cut"))
    killing.finish(("resample", "cut", *FORKS))
    killing.tally.repeated = len(server.seen) - calls
    same = [left.equals(right) for left, right in zip(frames("whole"), frames("cut"), strict=True)]
    killing.tally.identical = all(same)
    return killing.tally


def frames(folder: str) -> Iterator[pd.DataFrame]:
    """Of a run and its forks, without times and request ids."""
    run = load(folder)
    for frame in tables(folder).values():
        yield frame.astype("str")
    yield run.forks.drop(columns=VOLATILE, errors="ignore").astype("str").sort_values("rollout", ignore_index=True)
    by = ["rollout", "judge", "judge_draw", "criterion"]
    yield run.fork_scores.astype("str").sort_values(by, ignore_index=True)


@dataclass(slots=True)
class _Killing:
    commands: Commands
    server: Loopback
    scratch: Path
    dice: random.Random = field(default_factory=lambda: random.Random(20))
    spared: set[str] = field(default_factory=set[str])
    """Bodies whose answer is committed."""
    tally: Kills = field(default_factory=Kills)

    def kill(self, phase: Phase, command: Sequence[str]) -> None:
        """Starts the command and kills it in this phase."""
        before = len(self.server.seen)
        running = self.commands.start(*command)
        if phase == "opening":
            time.sleep(self.dice.random() * 0.15)
        else:
            self._wait(phase, before, self.dice.randint(1, 4))
            time.sleep(self.dice.random() * 0.02)
        ended = running.kill()
        assert ended.code == -signal.SIGKILL, f"it ended before it could be killed: {ended.said}"
        self.server.settle()
        sent = self.server.seen[before:]
        self._look(sent)
        open_ = len(sent) - self._committed(sent)
        self.tally.in_flight += open_
        self.tally.most = max(self.tally.most, open_)
        self.tally.by_phase[phase] = self.tally.by_phase.get(phase, 0) + 1

    def finish(self, command: Sequence[str]) -> None:
        """The command to its end."""
        before = len(self.server.seen)
        ended = self.commands.agentlab(*command)
        assert ended.code == 0, ended.said
        self._look(self.server.seen[before:])
        self._committed(self.server.seen[before:])

    def _look(self, sent: Sequence[RecordedRequest]) -> None:
        self.tally.again += sum(one.body in self.spared for one in sent)

    def _committed(self, sent: Sequence[RecordedRequest]) -> int:
        """How many of these have their answer in the run's file, which is read from a copy."""
        kept = committed(Path("cut"), self.scratch)
        found = [one for one in sent if one.id in kept]
        self.spared |= {one.body for one in found}
        return len(found)

    def _wait(self, phase: Phase, before: int, many: int) -> None:
        while sum(_is(phase, one.body) for one in self.server.seen[before:]) < many:
            assert self.server.wait(len(self.server.seen) + 1, 60), f"no request of {phase} came"


def _is(phase: Phase, body: str) -> bool:
    told = json.loads(body)
    if phase in ("forks", "opening"):
        return True
    if told["model"] == "tiny":
        return phase == "rollouts"
    return phase == ("anchors" if "What is 2 and 2?" in body else "judging")


def committed(run: Path, scratch: Path) -> set[str]:
    """Request ids of the stored calls, read from a copy so that the run's own files stay as the kill left them."""
    shutil.rmtree(scratch, ignore_errors=True)
    if not run.exists():  # killed before it made the folder
        return set()
    shutil.copytree(run, scratch)
    if not (scratch / "run.db").exists():
        return set()
    if not rows(scratch, "SELECT 1 FROM sqlite_master WHERE name = 'calls'"):
        return set()
    return {id for (id,) in rows(scratch, "SELECT request_id FROM calls")}
