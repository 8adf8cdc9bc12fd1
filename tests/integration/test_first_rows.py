"""A loop whose first generation is trained on rows that were made elsewhere."""

import json
from pathlib import Path

import pytest

from agentlab.errors import MismatchError, ScenarioError
from agentlab.runs.frames import load
from agentlab.scenario.loading import load as load_design
from agentlab.scenario.remarks import remarks
from tests.support.loops import improve, play, tasks, written

ROWS = [{"prompt": "Which letter?", "completion": text} for text in ("A", "A", "B")]


def rows(folder: Path, told: list[dict[str, str]]) -> None:
    (folder / "elsewhere").mkdir(exist_ok=True)
    (folder / "elsewhere" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))


def test_the_first_generation_learns_them_and_the_next_what_was_kept(tmp_path: Path) -> None:
    rows(tmp_path, ROWS)
    path = written(tmp_path, improve=improve(first={"rows": "elsewhere"}))
    play(path, tmp_path / "run")
    run = load(tmp_path / "run")
    (first,) = run.folder.glob("weights/1-*/rows.jsonl")
    learned = [json.loads(line) for line in first.read_text().splitlines()]
    assert [(row["agent"], row["messages"][-1]["content"]) for row in learned] == [
        ("me", "A"),
        ("me", "A"),
        ("me", "B"),
    ]
    assert set(run.rollouts.loc[run.rollouts["generation"] == "1", "output"]) == {"A", "B"}
    assert set(run.rows["generation"].astype("str")) == {"1"}
    assert run.rollouts.groupby("generation", observed=True).size().to_dict() == {"0": 12, "1": 36, "2": 12}
    assert play(path, tmp_path / "run").made.calls == 0
    rows(tmp_path, ROWS[1:])
    with pytest.raises(MismatchError, match="Undo the change"):
        play(path, tmp_path / "run")


def test_only_rows_of_tasks_that_are_learned_from_are_remembered(tmp_path: Path) -> None:
    told = [{"task": "train_0", **ROWS[0]}, {"task": "another", **ROWS[1]}, ROWS[2]]
    rows(tmp_path, told)
    keep = {"measure": "right", "at_least": 1, "memory": True}
    fails = {"default": {"name": "sim/replies", "options": {"replies": {"*": {"C": 1.0}}}}}
    learns = improve(keep=keep, watch=None, by={"kind": "exemplars"}, first={"rows": "elsewhere"})
    play(written(tmp_path, models=fails, improve=learns), tmp_path / "run")
    learned = {
        path.parent.name[0]: [json.loads(line).get("task") for line in path.read_text().splitlines()]
        for path in (tmp_path / "run").glob("weights/*/rows.jsonl")
    }
    assert learned == {"1": [None, "another", "train_0"], "2": ["train_0"]}


def test_rows_that_are_none_are_found_before_the_first_call(tmp_path: Path) -> None:
    path = written(tmp_path, improve=improve(first={"rows": "elsewhere"}))
    with pytest.raises(ScenarioError, match=r"improve\.first\.rows: .*no file of rows"):
        load_design(path)


def test_a_row_with_a_held_out_prompt_is_a_mistake_and_a_shared_passage_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, improve=improve(first={"rows": "elsewhere"}))
    rows(tmp_path, [{"prompt": "TEST question 1", "completion": "A"}])
    with pytest.raises(ScenarioError, match=r"improve\.first\.rows: .*the prompt of task 'test_1'"):
        load_design(path)
    passage = "one two three four five six seven eight nine ten eleven twelve thirteen"
    rows(tmp_path, [{"prompt": f"Now say {passage}", "completion": "A"}])
    held = tasks() | {"test_9": {"prompt": f"What comes after {passage}?", "target": "A", "split": "test"}}
    path = written(tmp_path, tasks=held, improve=improve(first={"rows": "elsewhere"}))
    assert [said for said in remarks(load_design(path)) if "13 words in a row" in said and "'test_9'" in said]
