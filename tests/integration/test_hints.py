"""Tasks of which nothing was kept are sampled again with a hint, and learned from without it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentlab.errors import ScenarioError
from agentlab.experiment.replay import HINTED, ReplayIndex
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from agentlab.store import read
from agentlab.types import Where
from tests.support.loops import improve, play, tasks, written
from tests.support.scenarios import Part, chain

HINT = {"text": "The answer is {{target}}.", "draws": 2}


def part(**changed: Any) -> Part:
    """Of six tasks that are learned from, half have the answer B, which the agent says only with the hint."""
    keep = {"measure": "right", "at_least": 1, "dedupe": "none"}
    told = improve(generations=1, keep=keep, by={"kind": "exemplars"}, hint=HINT, watch=None)
    return {"models": {"default": {"name": "sim/tests.support.hinted:obeys"}}, "improve": told, **changed}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("loop")
    assert play(written(folder, **part()), folder / "run").made.calls == 36 + 6 + 12
    return load(folder / "run")


def rows(run: Run) -> list[Part]:
    (file,) = (run.folder / "weights").glob("1-*/rows.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_what_is_learned_has_the_prompt_without_the_hint(run: Run) -> None:
    made = rows(run)
    assert sorted(row["messages"][-1]["content"] for row in made) == ["A"] * 12 + ["B"] * 6
    assert not any("The answer is" in entry["content"] for row in made for entry in row["messages"])
    prompts = {task["id"]: task["prompt"] for task in run.meta["tasks"]}
    assert all(row["messages"][-2]["content"] == prompts[row["task"]] for row in made)


def test_only_tasks_without_a_kept_rollout_get_one_and_the_run_says_so(run: Run) -> None:
    assert run.rows["reason"].value_counts().to_dict() == {"kept": 12, "not good enough": 12, "with a hint: kept": 6}
    assert run.generations["hinted"].dropna().tolist() == [6]
    assert run.generations["kept"].dropna().tolist() == [12]


def test_rollouts_with_a_hint_count_nowhere(run: Run) -> None:
    assert len(run.rollouts) == len(run.measures) == 48
    assert len(run.scores) == 2 * 48
    first = run.measures[(run.measures["generation"] == "0") & run.measures["task"].str.startswith("train")]
    assert first["right"].mean() == 0.5


def test_a_replayed_run_keeps_rollouts_with_and_without_a_hint_apart(run: Run) -> None:
    with closing(read(run.folder)) as connection:
        rows = connection.execute(
            "SELECT r.kind, r.task, r.condition, r.draw, text FROM rollouts r JOIN calls ON calls.rollout = r.id "
            "WHERE r.generation = 0 AND r.task IN (SELECT task FROM rollouts WHERE kind = 'hint')"
        ).fetchall()
    places = {
        f"{i}": (task, condition, draw, 0, HINTED if kind == "hint" else ())
        for i, (kind, task, condition, draw, _) in enumerate(rows)
    }
    index = ReplayIndex(run.folder, places.get)
    found = [index(Where(key, "me", 1, 0, 1, 0)) for key in places]
    index.close()
    assert [reply and reply.text for reply in found] == [text for *_, text in rows]
    assert len({(kind, text) for kind, *_, text in rows}) > 1


def test_the_same_command_makes_no_call_and_trains_on_the_same_rows(tmp_path: Path) -> None:
    path = written(tmp_path, **part())
    play(path, tmp_path / "run")
    before = rows(load(tmp_path / "run"))
    assert play(path, tmp_path / "run").made.calls == 0
    assert rows(load(tmp_path / "run")) == before


def test_a_turn_that_was_told_the_hint_by_another_agent_gives_no_row(tmp_path: Path) -> None:
    models = {"default": {"name": "sim/tests.support.hinted:repeats"}}
    told = improve(generations=1, by={"kind": "exemplars"}, hint=HINT)
    team = chain(["first"], ["second"])
    play(written(tmp_path, **part(models=models, organization=team, improve=told)), tmp_path / "run")
    made = rows(load(tmp_path / "run"))
    assert {row["agent"] for row in made if row["messages"][-1]["content"].startswith("The answer")} == {"first"}


def test_a_hint_needs_what_it_shows(tmp_path: Path) -> None:
    few = {**tasks(), "train_0": {"prompt": "train question 0", "split": "train"}}
    path = written(tmp_path, **part(tasks=few))
    with pytest.raises(ScenarioError, match="task 'train_0' has none"):
        load_design(path)
    path = written(tmp_path, **part(improve=improve(hint={"text": "Say {{answer}}."})))
    with pytest.raises(ScenarioError, match="answer"):
        load_design(path)
