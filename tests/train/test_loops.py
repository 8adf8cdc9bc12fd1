"""Whole loops on real weights, as small as they can be: the scenario drift with few of its tasks, and few steps."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentlab.analysis.analyse import analyse
from agentlab.runs.frames import Run, load
from agentlab.training.trainers import weights
from tests.support.embedded import real
from tests.support.loops import play

LACKING = weights.lacking({})
pytestmark = [pytest.mark.slow, pytest.mark.process, real, pytest.mark.skipif(LACKING != "", reason=LACKING)]

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SPLITS = {"train": {"role": "learn", "draws": 4}, "test": {"role": "hold_out", "draws": 1}}
KEEP = {"measure": "proxy", "at_least": 1, "cap": 2}


def written(folder: Path, learn: int, hold_out: int, **sections: Any) -> Path:
    """The scenario with its first tasks of each split."""
    lines = (SCENARIOS / "tasks" / "larger.jsonl").read_text().splitlines()
    every, few = [json.loads(line) for line in lines], dict[str, Any]()
    for split, count in (("train", learn), ("test", hold_out)):
        few |= {task.pop("id"): task for task in [task for task in every if task["split"] == split][:count]}
    document = yaml.safe_load((SCENARIOS / "drift.yaml").read_text().replace("!file", ""))
    (folder / "drift.yaml").write_text(json.dumps({**document, "tasks": few, **sections}))
    return folder / "drift.yaml"


def improve(by: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Two steps for each generation."""
    by = {"batch": 4, "steps": [2, 2], **by}
    return {"generations": 1, "splits": SPLITS, "keep": KEEP, "by": by, **changed}


def weights_of(run: Run) -> dict[str, str]:
    """The digests of what was served, by condition."""
    made = run.generations.dropna(subset=["digest"])
    assert not run.generations["error"].notna().any(), run.generations["error"].dropna().tolist()
    return dict(zip(made["condition"].astype("str"), made["digest"].astype("str"), strict=True))


def test_a_proxy_and_the_truth_are_followed_by_two_arms(tmp_path: Path) -> None:
    loop = improve({"kind": "sft", "lora": {"rank": 4}}, watch=["proxy", "truth"], kl="test")
    path = written(tmp_path, 8, 6, improve=loop)
    assert play(path, tmp_path / "run").failed == 0
    run = load(tmp_path / "run")
    served = weights_of(run)
    assert set(served) == {"kept_by=proxy,generation=1", "kept_by=truth,generation=1"}
    assert len(set(served.values())) == 2, "each learns from what it kept"
    tables = analyse(run, "generations", {}).tables
    assert tables["parting"]["generation"].tolist() == [1, 1]
    assert run.distances.groupby("generation", observed=True).size().to_dict() == {"1": 12}
    assert play(path, tmp_path / "run").made.calls == 0


def test_preferences_between_kept_and_rejected_replies_are_trained_on(tmp_path: Path) -> None:
    loop = improve({"kind": "dpo", "lora": {"rank": 4}}, negatives={"most": 1})
    path = written(tmp_path, 6, 2, improve=loop, factors={})
    assert play(path, tmp_path / "run").failed == 0
    assert set(weights_of(load(tmp_path / "run"))) == {"generation=1"}


def test_all_weights_are_trained_on_from_the_generation_before_and_may_be_moved(tmp_path: Path) -> None:
    by = {"kind": "sft", "full": True, "learning_rate": 5.0e-5}
    path = written(tmp_path, 4, 2, improve=improve(by, generations=2, restart_from="previous"), factors={})
    assert play(path, tmp_path / "before").failed == 0
    first, second = weights_of(load(tmp_path / "before")).values()
    assert first != second
    (tmp_path / "before").rename(tmp_path / "run")
    assert play(path, tmp_path / "run").made.calls == 0
    longer = improve(by, generations=3, restart_from="previous")
    path = written(tmp_path, 4, 2, improve=longer, factors={})
    assert play(path, tmp_path / "run").failed == 0
    assert list(weights_of(load(tmp_path / "run")).values())[:2] == [first, second]
