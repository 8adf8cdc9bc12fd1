"""`keep.memory`: a task of which nothing is kept teaches what it taught before, as in the E-step of TRICE."""

from math import sqrt
from pathlib import Path
from typing import Any

from agentlab.scenario.loading import load
from agentlab.training.trainers.row import rows_of
from tests.support.loops import improve, tasks, text, trained, written

LEARN = 60
KEEP: dict[str, Any] = {"measure": "right", "at_least": 1, "dedupe": "none", "cap": 1, "memory": True}
SPLITS = {"train": {"role": "learn", "draws": 1}, "test": {"role": "hold_out", "draws": 1}}
TRICE = improve(generations=3, keep=KEEP, splits=SPLITS, by={"kind": "shares", "floor": 0.999})


def test_a_task_teaches_what_it_last_got_right(tmp_path: Path) -> None:
    """The model stays almost what it is, so .4 of the proposals are accepted in each generation."""
    run = trained(tmp_path, tasks=tasks(learn=LEARN), improve=TRICE)
    memory: dict[str, str] = {}
    outputs = run.rollouts.set_index("rollout")["output"]
    for generation in range(3):
        kept = run.rows[(run.rows["reason"] == "kept") & (run.rows["generation"].astype("int") == generation)]
        memory |= {str(row["task"]): str(outputs.loc[row["rollout"]]) for row in kept.to_dict("records")}
        (folder,) = (run.folder / "weights").glob(f"{generation + 1}-*")
        assert {row.task: row.reply for row in rows_of(folder / "rows.jsonl")} == memory
        known = 1 - 0.6 ** (generation + 1)
        assert abs(len(memory) / LEARN - known) <= 3.3 * sqrt(known * (1 - known) / LEARN)


def test_only_a_task_that_taught_nothing_yet_gets_a_hint(tmp_path: Path) -> None:
    """The agent says A unless it is told: of six tasks, the three with the answer B are hinted once, and remembered."""
    hint = {"text": "The answer is {{target}}.", "draws": 1}
    told = improve(generations=3, keep=KEEP, splits=SPLITS, by={"kind": "exemplars"}, hint=hint, watch=None)
    models = {"default": {"name": "sim/tests.support.hinted:obeys"}}
    run = trained(tmp_path, models=models, improve=told)
    assert run.generations["hinted"].dropna().tolist() == [3, 0, 0]
    for generation in (1, 2, 3):
        (folder,) = (run.folder / "weights").glob(f"{generation}-*")
        rows = rows_of(folder / "rows.jsonl")
        assert [(row.task, row.reply) for row in rows] == [(f"train_{i}", "AB"[i % 2]) for i in range(6)]


def test_runs_without_memory_keep_their_identity(tmp_path: Path) -> None:
    without = load(written(tmp_path)).loop
    off = improve(keep={**improve()["keep"], "memory": False})
    assert without is not None
    (tmp_path / "loop.yaml").write_text(text(improve=off))
    same = load(tmp_path / "loop.yaml").loop
    (tmp_path / "loop.yaml").write_text(text(improve=improve(keep={**improve()["keep"], "memory": True})))
    other = load(tmp_path / "loop.yaml").loop
    assert same is not None
    assert other is not None
    assert without.identity == same.identity != other.identity
