"""Contrasts of self-training loops are about arms: the last generation, with replicates taken together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agentlab.analysis.analyse import analyse
from agentlab.analysis.headline import headline
from agentlab.analysis.summary import summarize
from agentlab.errors import ScenarioError
from agentlab.report.report import write
from agentlab.runs.frames import Run
from agentlab.runs.frames.splits import without_replicates
from agentlab.scenario.loading import load as load_design
from agentlab.stats.interval import t_interval
from tests.support.loops import improve, tasks, trained, written

ARMS = {"style": {"plain": {}, "warm": {"addendum": {"kind": {"text": "Be kind.", "to": "task"}}}}}
LOOP = improve(generations=2, replicates=3)
DECLARED = {"style": {"style": ["plain", "warm"], "measures": ["right"]}}


def looped(folder: Path, **sections: Any) -> Run:
    compare = {"primary": DECLARED}
    return trained(folder, tasks=tasks(4, 6), factors=ARMS, improve=LOOP, compare=compare, coupling="none", **sections)


def declared(folder: Path, **primary: Any) -> list[tuple[str, str, str, str]]:
    design = load_design(written(folder, factors=ARMS, improve=LOOP, compare={"primary": primary}))
    return [(c.name, c.a, c.b, c.within) for c in design.compare.primary]


def test_arms_are_compared_in_the_last_generation_unless_a_contrast_names_another(tmp_path: Path) -> None:
    contrast = DECLARED["style"]
    assert declared(tmp_path, style=contrast, first={**contrast, "within": {"generation": "0"}}) == [
        ("style", "plain", "warm", "generation=2"),
        ("first", "plain", "warm", "generation=0"),
    ]
    gain = {"generation": ["2", "0"], "measures": ["right"]}
    assert declared(tmp_path, gain=gain) == [("gain", "2", "0", f"style={style}") for style in ARMS["style"]]


def test_replicates_are_no_arms(tmp_path: Path) -> None:
    for contrast in ({"replicate": ["1", "2"]}, {**DECLARED["style"], "within": {"replicate": "1"}}):
        with pytest.raises(ScenarioError, match="no factor 'replicate'"):
            declared(tmp_path, style=contrast)


def loop_means(run: Run, style: str, generation: int) -> "pd.Series[float]":
    """The mean of every loop on held-out tasks."""
    rows = run.held_out.measures
    rows = rows[(rows["style"] == style) & (rows["generation"].astype(int) == generation)]
    return rows.groupby(["replicate", "task"], observed=True)["right"].mean().groupby(level="replicate").mean()


def test_a_contrast_takes_replicates_together_and_has_an_interval_over_loops(tmp_path: Path) -> None:
    run = looped(tmp_path)
    found = analyse(run, "contrasts", {})
    every = found.tables["differences"]
    primary = every[every["role"] == "primary"]
    plain, warm = (loop_means(run, style, 2) for style in ARMS["style"])
    assert primary["contrast"].tolist() == ["plain - warm (generation=2)"]
    assert primary["pairs"].tolist() == [3 * 6 * 2]
    assert primary["difference"].iloc[0] == pytest.approx(plain.mean() - warm.mean())
    assert not every["contrast"].str.contains("replicate").any()
    assert "generation 0 - 1 (style=plain)" in every["contrast"].tolist()
    (row,) = found.tables["loops"].to_dict("records")
    a, b = (side.var(ddof=1) / 3 for side in (plain, warm))
    df = (a + b) ** 2 / (a**2 / 2 + b**2 / 2)
    expected = t_interval(float(plain.mean() - warm.mean()), float(np.sqrt(a + b)), float(df))
    assert (row["loops_a"], row["loops_b"], row["df"]) == (3, 3, pytest.approx(df))
    assert (row["low"], row["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_a_headline_is_about_the_last_generation_of_all_replicates(tmp_path: Path) -> None:
    run = looped(tmp_path)
    says = headline(summarize(run))
    told = [sentence for sentence in says if sentence.startswith("right (generation=2): ")]
    assert len(told) == 1
    assert " of 36 right against " in told[0]
    assert "replicate=" not in " ".join(says)
    assert write(run, tmp_path / "report").exists()


def test_a_contrast_of_generations_is_matched_by_loop(tmp_path: Path) -> None:
    compare = {"primary": {"gain": {"generation": ["2", "0"], "within": {"style": "plain"}, "measures": ["right"]}}}
    run = trained(tmp_path, tasks=tasks(4, 6), factors=ARMS, improve=LOOP, compare=compare)
    (row,) = analyse(run, "contrasts", {}).tables["loops"].to_dict("records")
    gains = loop_means(run, "plain", 2) - loop_means(run, "plain", 0)
    expected = t_interval(float(gains.mean()), float(gains.std(ddof=1)) / 3**0.5, 2)
    assert row["contrast"] == "generation 2 - 0 (style=plain)"
    assert (row["df"], row["low"]) == (2, pytest.approx(max(-1, expected.low)))


def test_looks_are_shares_of_the_pairs_of_all_replicates(tmp_path: Path) -> None:
    run = looped(tmp_path, looks="any")
    assert run.meta["compare"]["planned"]["pairs"] == 3 * 6 * 2
    (look,) = {c.interim.share for c in summarize(run).contrasts if c.primary}
    assert look == 1


def test_a_run_that_recorded_a_contrast_for_each_replicate_has_one_of_them(tmp_path: Path) -> None:
    run = looped(tmp_path)
    (entry,) = run.meta["compare"]["primary"]
    several = [
        {**entry, "contrast": {**entry["contrast"], "others": {**entry["contrast"]["others"], "replicate": number}}}
        for number in "123"
    ]
    meta = without_replicates({**run.meta, "compare": {**run.meta["compare"], "primary": several}})
    assert meta["compare"]["primary"] == [entry]
    assert meta["pooled"] == 3
