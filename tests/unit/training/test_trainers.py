"""The trainers that need no weights, and the rows that all of them read."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentlab.errors import TrainingError
from agentlab.training.trainer import Trained, TrainingJob
from agentlab.training.trainers import TRAINERS
from agentlab.training.trainers.row import TrainingRow, lines_of, rows_of


def row(reply: str, agent: str = "me", task: str = "t", prompt: str = "Which?") -> TrainingRow:
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
    return TrainingRow(messages=messages, agent=agent, task=task)


def train(folder: Path, kind: str, rows: list[TrainingRow], settings: Mapping[str, Any], **more: Any) -> Trained:
    path = folder / "rows.jsonl"
    path.write_bytes(lines_of(rows))
    job = TrainingJob(folder, "sim/replies", more.pop("start", {}), path, 1, settings, more.pop("options", {}))
    return asyncio.run(TRAINERS[kind].train(job, lambda step: None))


def test_shares_are_those_of_the_rows_and_a_floor_keeps_some_of_the_base(tmp_path: Path) -> None:
    rows = [row("A"), row("A"), row("A"), row("B")]
    base = {"replies": {"*": {"A": 0.5, "C": 0.5}}}
    plain = train(tmp_path, "shares", rows, {}, options=base).serve["options"]["replies"]
    assert plain["me"] == {"A": 0.75, "C": 0.0, "B": 0.25}
    assert plain["*"] == base["replies"]["*"]
    mixed = train(tmp_path, "shares", rows, {"floor": 0.2}, options=base).serve["options"]["replies"]["me"]
    assert mixed == pytest.approx({"A": 0.7, "C": 0.1, "B": 0.2})


def test_the_digest_tells_weights_apart(tmp_path: Path) -> None:
    one, other = (train(tmp_path, "shares", rows, {}).digest for rows in ([row("A")], [row("B")]))
    assert one != other


def test_exemplars_come_from_different_tasks_first_and_respect_their_limits(tmp_path: Path) -> None:
    rows = [row("one", task="a"), row("two", task="a"), row("three", task="b"), row("x" * 50, task="c")]
    made = train(tmp_path, "exemplars", rows, {"examples": 2, "characters": 20})
    assert "three" in made.systems["me"]
    assert made.systems["me"].count("Example ") == 2
    assert "x" * 50 not in made.systems["me"]
    assert made.metrics == {"rows": 4.0, "dropped": 1.0}


@pytest.mark.parametrize("kind", ["shares", "exemplars"])
def test_no_rows_are_an_error(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TrainingError, match="no rows"):
        train(tmp_path, kind, [], {})


@pytest.mark.parametrize("line", ["[]", "{", '{"messages": [{"role": "user", "content": "Hi"}]}'])
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines_of([row("A")]) + line.encode() + b"\n")
    with pytest.raises(TrainingError, match=r"rows\.jsonl:2: "):
        rows_of(path)
