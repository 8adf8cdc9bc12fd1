"""A run goes through named phases, which it records; rollouts belong to a generation."""

import asyncio
from pathlib import Path

import pytest

from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.runs.frames import load
from tests.support.firm import design

pytestmark = pytest.mark.usefixtures("workdir")
SAID = ("{name: sim/replies}", "{name: sim/chatter}")
ANCHORS, SAMPLE = "judge anchors", "sample and judge"


def phases() -> list[tuple[int, str, bool]]:
    return [(phase["generation"], phase["name"], phase["ended"]) for phase in load(Path("run")).meta["phases"]]


def test_phases_are_shown_and_recorded_and_an_unended_one_is_taken_up_again() -> None:
    progress = Progress()
    tight = design(SAID, ("{rollout: {tokens: 200k}}", "{run: {tokens: 4}}"))
    asyncio.run(run(tight, Path("run"), Selection(), progress, concurrency=1))
    assert progress.limited
    assert phases() == [(0, ANCHORS, True), (0, SAMPLE, False)]
    asyncio.run(run(design(SAID), Path("run"), Selection(), progress := Progress()))
    assert progress.phase == SAMPLE
    assert progress.done == 4
    assert phases() == [(0, ANCHORS, True), (0, SAMPLE, True)]


def test_a_command_that_is_stopped_begins_no_phase() -> None:
    progress = Progress(stopping=True)
    asyncio.run(run(design(SAID), Path("run"), Selection(), progress))
    assert (progress.phase, progress.done) == ("", 0)
    assert "phases" not in load(Path("run")).meta


def test_generations_share_neither_keys_nor_random_streams() -> None:
    firm = design(SAID)
    first, second = ([spec for spec, _ in rollout_specs(firm, 7, Selection(), g)] for g in (0, 1))
    assert [spec.generation for spec in second] == [1] * len(first)
    assert not {spec.key for spec in first} & {spec.key for spec in second}
    assert not {spec.lineage for spec in first} & {spec.lineage for spec in second}
    assert [(spec.condition, spec.task.id, spec.draw) for spec in first] == [
        (spec.condition, spec.task.id, spec.draw) for spec in second
    ]
