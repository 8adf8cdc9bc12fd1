"""Replicates of a self-training loop share no random numbers, whoever looks at their rollouts, and when."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd

from agentlab.analysis.analyse import analyse
from agentlab.experiment.judging import probes
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.runs.frames import Run, load
from tests.support.loops import JUDGES, TABLE, improve, tasks, trained
from tests.support.scenarios import flow, rubric

EVEN = {str(score): 0.1 for score in range(10)}
MODELS = {
    "default": {"name": "sim/replies", "options": {"replies": {"*": TABLE}}},
    "judge": {"name": "sim/replies", "options": {"scores": {"good": EVEN, "better": {"A": 0.5, "B": 0.5}}}},
}
ARMS = {"style": {"plain": {}, "warm": {"addendum": {"kind": {"text": "Be kind.", "to": "task"}}}}}
JUDGE = rubric("good", 9)
COMPARE = {"kind": "compare", "arms": {"style": [["plain", "warm"]]}, "criteria": {"better": {"text": "Better?"}}}
WHERE = ["style", "generation", "task", "draw"]


def looped(folder: Path, **judges: Any) -> Run:
    folder.mkdir()
    loop = improve(generations=1, replicates=2)
    return trained(folder, models=MODELS, tasks=tasks(3, 3), factors=ARMS, judges={**JUDGES, **judges}, improve=loop)


def listed(verdicts: pd.DataFrame, value: str) -> list[tuple[str, ...]]:
    columns = [*verdicts.columns.intersection([*WHERE, "replicate", "judge", "within", "order", value])]
    return sorted(verdicts[columns].astype(str).itertuples(index=False, name=None))


def alike(scores: pd.DataFrame, where: list[str], value: str) -> float:
    """The share of places where both replicates have the same value."""
    sides = [rows.set_index(where)[value] for _, rows in scores.groupby("replicate", observed=True)]
    return float((sides[0].sort_index() == sides[1].sort_index()).mean())


def test_a_judge_that_is_added_scores_as_it_does_in_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "noisy.yaml").write_text(flow(JUDGE))
    (tmp_path / "taste.yaml").write_text(flow(COMPARE))
    whole = looped(tmp_path / "whole", noisy=JUDGE, taste=COMPARE)
    bare = looped(tmp_path / "bare").folder
    asyncio.run(rejudge(bare, [str(tmp_path / f"{name}.yaml") for name in ("noisy", "taste")], None, Progress()))
    added = load(bare)
    for frame, value in (("scores", "value"), ("pairs", "winner")):
        assert listed(getattr(added, frame), value) == listed(getattr(whole, frame), value)
    noisy = added.scores[added.scores["judge"] == "noisy"]
    assert alike(noisy, WHERE, "value") < 0.3, "two even draws of ten scores are the same in one of ten"


def test_a_probe_has_the_random_numbers_of_the_output_that_it_changes(tmp_path: Path) -> None:
    run = looped(tmp_path / "loop", noisy=JUDGE)
    asyncio.run(probes.probe(run.folder, ["length"], 1000, Progress()))
    found = analyse(load(run.folder), "probes", {}).tables["probes"].iloc[0]
    assert found["outputs"] > 20
    assert found["effect"] == 0, "this judge does not look at what it scores"


def test_intervals_of_gains_end_at_the_largest_gain_there_can_be(tmp_path: Path) -> None:
    models = {"default": {"name": "sim/replies", "options": {"replies": {"*": {"A": 0.2, "no": 0.8}}}}}
    targets = {f"test_{i}": {"prompt": f"question {i}", "target": "AAAAAB"[i], "split": "test"} for i in range(6)}
    loop = improve(generations=1, replicates=2)
    run = trained(tmp_path, models=models, tasks=tasks(6, 0) | targets, improve=loop)
    tables = analyse(run, "generations", {}).tables
    for name in ("gains", "replicates"):
        lows, highs = (tables[name][f"difference_{end}"].dropna() for end in ("low", "high"))
        assert lows.between(-1, 1).all()
        assert highs.max() == 1, "the interval of Student's t ends beyond it"
