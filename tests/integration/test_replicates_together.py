"""Replicates of a self-training loop are no arms: what compares arms takes them together."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agentlab.analysis.analyse import analyse
from agentlab.analysis.compare_runs import compare_runs
from agentlab.errors import ScenarioError
from agentlab.experiment.cost import plan
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import Run
from agentlab.scenario.loading import load as load_design
from agentlab.scenario.replicates import TOGETHER
from tests.support.loops import JUDGES, TABLE, improve, tasks, trained, written
from tests.support.scenarios import Part, flow

REPLICATES, TASKS, DRAWS = 3, 6, 4
ARMS: Part = {"style": {"plain": {}, "warm": {"addendum": {"kind": {"text": "Be kind.", "to": "task"}}}}}
SPLITS: Part = {"train": {"role": "learn", "draws": 4}, "test": {"role": "hold_out", "draws": DRAWS}}
CHOICE: Part = {"kind": "match", "by": "choice", "choices": ["A", "B"]}
TASTE: Part = {"kind": "compare", "criteria": {"better": {"text": "Better?"}}}
MODELS: Part = {
    "default": {"name": "sim/replies", "options": {"replies": {"*": TABLE}}},
    "judge": {"name": "sim/replies", "options": {"scores": {"better": {"A": 0.5, "B": 0.5}}}},
}


def sections(**judges: Any) -> Part:
    loop = improve(generations=1, replicates=REPLICATES, splits=SPLITS)
    return {
        "models": MODELS,
        "tasks": tasks(4, TASKS),
        "factors": ARMS,
        "improve": loop,
        "judges": {**JUDGES, "choice": CHOICE, **judges},
        "coupling": "none",
    }


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("loop"), **sections(taste=TASTE))


def last(table: pd.DataFrame, style: str) -> pd.DataFrame:
    return table[table["condition"].str.startswith(f"style={style},generation=1")]


def test_decompose_has_one_row_for_an_arm_and_compares_no_replicates(run: Run) -> None:
    tables = analyse(run, "decompose", {"measure": "choice"}).tables
    arms = [f"style={style},generation={generation}" for style in ARMS["style"] for generation in (0, 1)]
    assert sorted(set(tables["decomposition"]["condition"])) == sorted(arms)
    compared = {frozenset(pair) for pair in tables["differences"][["a", "b"]].itertuples(index=False, name=None)}
    assert compared == {frozenset((a, b)) for a in arms for b in arms if a != b}
    assert set(tables["decomposition"]["tasks"]) == {TASKS}
    assert tables["differences"]["tasks"].le(TASKS).all()


def test_parts_of_an_arm_are_means_over_its_replicates(run: Run) -> None:
    tables = analyse(run, "decompose", {"measure": "named"}).tables
    for style in ARMS["style"]:
        arm, each = (
            last(tables[name], style).query("loss == 'brier'")[["error", "bias2", "variance", "incoherence"]]
            for name in ("decomposition", "replicates")
        )
        assert (len(arm), len(each)) == (1, REPLICATES)
        error, bias2, variance, incoherence = arm.to_numpy()[0]
        means = each.to_numpy().mean(axis=0)
        assert (error, bias2, variance) == pytest.approx(tuple(means[:3]))
        assert incoherence == pytest.approx(means[2] / means[0])


def test_judges_of_two_compare_arms_within_a_replicate_only(run: Run) -> None:
    pairs = run.pairs
    assert set(pairs["factor"]) == {"style"}
    assert len(pairs) == (4 * 4 + 2 * TASKS * DRAWS) * REPLICATES * 2, "both orders"
    assert set(pairs["within"]) == {f"generation={g},replicate={r}" for g in (0, 1) for r in (1, 2, 3)}


def test_pairs_of_all_replicates_are_one_comparison(run: Run) -> None:
    table = analyse(run, "pairs", {}).tables["pairs"]
    assert table["within"].tolist() == ["generation=0", "generation=1"]
    assert table["pairs"].tolist() == [TASKS * DRAWS * REPLICATES] * 2
    strengths = analyse(run, "pairs", {}).tables["strengths"]
    assert not strengths["arm"].str.contains("replicate").any()


def test_a_plan_counts_pairs_of_arms_alone(tmp_path: Path) -> None:
    with_judge, without = (
        asyncio.run(plan(load_design(written(tmp_path, **sections(**judges))), Selection())).judges
        for judges in ({"taste": TASTE}, {})
    )
    assert "taste" not in without
    assert with_judge["taste"].calls == (4 * 4 + 2 * TASKS * DRAWS) * REPLICATES * 2


@pytest.mark.parametrize(("factor", "levels"), [("replicate", ["1", "2"]), ("generation", ["0", "1"])])
def test_a_judge_that_is_added_compares_nothing_but_arms(
    run: Run, tmp_path: Path, factor: str, levels: list[str]
) -> None:
    judge = tmp_path / "taste_again.yaml"
    judge.write_text(flow({**TASTE, "arms": {factor: [levels]}}))
    with pytest.raises(ScenarioError, match=f"no factor '{factor}': {factor}s of a loop are not compared; known: sty"):
        asyncio.run(rejudge(run.folder, [str(judge)], None, Progress()))


def test_two_runs_are_compared_arm_by_arm_whatever_their_draws(run: Run, tmp_path: Path) -> None:
    more = improve(generations=1, replicates=2, splits={**SPLITS, "test": {"role": "hold_out", "draws": DRAWS + 2}})
    other = trained(tmp_path, **{**sections(), "improve": more})
    compared = compare_runs(run, other, measure="right")
    rows = compared.tables["measures"]
    assert rows["condition"].tolist() == [f"style={s},generation={g}" for g in (0, 1) for s in ARMS["style"]]
    assert set(rows["first_scored"]) == {TASKS * DRAWS * REPLICATES}
    assert set(rows["second_scored"]) == {TASKS * (DRAWS + 2) * 2}
    assert any(note.startswith("Replicates of an arm are taken together") for note in compared.notes)


def test_analyses_that_compare_arms_say_that_replicates_are_together(run: Run) -> None:
    for name in ("pairs", "mixed"):
        assert f"{TOGETHER}." in analyse(run, name, {}).notes
    fitted = analyse(run, "mixed", {"measure": "right"}).tables["mixed"]
    assert not fitted["contrast"].str.contains("replicate").any()


def test_outputs_of_two_replicates_are_no_group_of_the_same_answer(tmp_path: Path) -> None:
    run = trained(tmp_path, **sections(alike={"kind": "equivalence"}))
    apart, together = run.held_out.groups, run.held_out.pooled.groups
    assert together["group"].notna().tolist() == apart["group"].notna().tolist()
    assert together["size"].tolist() == apart["size"].tolist()
    counts = together.groupby(["task", "condition", "group"], observed=True).size()
    sizes = together.groupby(["task", "condition", "group"], observed=True)["size"].first()
    assert counts.tolist() == sizes.tolist(), "no group has outputs of another replicate"
    assert set(together["condition"]) == set(run.held_out.pooled.rollouts["condition"])
    assert "replicate" not in together
