"""What is missing speaks beside a contrast: refusals of failures are no success, unless declared."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.difference import arm_values
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.analysis.contrasts.table import tabulate
from agentlab.runs.frames import Run, load
from agentlab.types import Measure
from tests.support.numbers import close
from tests.support.scenarios import chain, match, measured, numbered, scenario
from tests.support.tables import only

MODEL = """
from agentlab.models.capabilities import EVERYTHING
from agentlab.types import Completion, Usage

class Taker:
    \"\"\"Is right in half of all draws; when `careful` it declines the others.\"\"\"
    name, capabilities = "taker_here:Taker", EVERYTHING

    def __init__(self, careful): self.careful = careful

    async def complete(self, request):
        right = request.where.stream // 7 % 2
        if self.careful and not right:
            return Completion("", stop="refusal", usage=Usage(1, 1))
        return Completion(str(right), usage=Usage(1, 1))
"""
RIGHT = Measure("right", "right", {"right": (0.0, 1.0)}, (0.0, 1.0))
NAN = float("nan")


def played(**declared: float) -> Run:
    Path("taker_here.py").write_text(MODEL, encoding="utf-8")
    models = {
        name: {"name": "taker_here:Taker", "options": {"careful": name == "careful"}} for name in ("careful", "default")
    }
    text = scenario(
        "refusals",
        seed=2,
        coupling="none",
        models=models,
        tasks=numbered(8, target=1),
        organization=chain(["me"]),
        factors={"team": {"careful": {"organization": {"agents": {"me": {"model": "careful"}}}}, "bold": {}}},
        draws=10,
        judges={"right": match("number")},
        measures={"right": measured("right", 0, 1, **declared)},
    )
    Path("s.yaml").write_text(text, encoding="utf-8")
    ended = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert ended.exit_code == 0, ended.output
    Path("said.txt").write_text(ended.stdout, encoding="utf-8")
    return load("run")


def test_refusals_of_would_be_failures_are_no_success(workdir: Path) -> None:
    (found,) = contrasts(played())
    assert found.p is not None
    assert found.p < 0.01, "of what is there, every answer of the careful arm is right"
    assert found.conclusion == "open: missing data"
    row = tabulate(load("run")).iloc[0]
    assert row["bounds_low"] < 0.1 < row["bounds_high"]
    assert row["worst_low"] < row["bounds_low"]
    assert row["worst_high"] > row["bounds_high"]
    assert row["missing_a"] == row["declined_a"] > 20
    assert 0 < row["tipping"] < 1
    close(row["delivered"], row["difference"])
    said = Path("said.txt").read_text(encoding="utf-8")
    lost = f"({row['missing_a']} of careful, 0 of bold) could reverse this, so nothing is concluded."
    assert said.startswith("right: careful and bold differ among the available scores, ")
    assert lost in said
    assert "Warning: In the worst case, missing scores would reverse these results: right, careful - bold." in said
    beside = CliRunner().invoke(app, ["stats", "run", "contrasts", "--all"]).stdout
    assert f"[{row['worst_low']:.3f}, {row['worst_high']:.3f}]" in beside
    assert f"  {row['tipping']:.3f}  " in beside


def test_nor_are_they_where_two_runs_are_compared(workdir: Path) -> None:
    run = played()
    shutil.copytree("run", "other")
    found = compare_runs(load("other"), run, a="team=bold", b="team=careful")
    row = only(found, "measures", measure="right")
    assert row["new_tasks_low"] > 0, "of what is there, every answer of the careful arm is right"
    assert row["conclusion"] == "open: missing data"


def test_a_declared_value_is_no_missing_value(workdir: Path) -> None:
    run = played(declined=0)
    (found,) = contrasts(run)
    assert found.conclusion == "no difference found"
    row = tabulate(run).iloc[0]
    assert (row["missing_a"], row["missing_b"]) == (0, 0)
    assert pd.isna(row["bounds_low"])
    assert row["delivered"] > 0.3, "of delivered rollouts alone"


Values = list[list[float]]


def rows(values: Values) -> pd.DataFrame:
    """As `run.measures` has them: a task a list."""
    places = [(f"t{i}", draw + 1) for i, own in enumerate(values) for draw in range(len(own))]
    frame = pd.DataFrame(places, columns=["task", "draw"])
    flat = [value for own in values for value in own]
    return frame.assign(right=flat, status=["declined" if np.isnan(value) else "delivered" for value in flat])


@pytest.mark.parametrize("pairs", [True, False])
def test_bounds_by_hand(pairs: bool) -> None:
    arms = arm_values(rows([[1, NAN], [1, 1]]), rows([[0, 0], [NAN, 0]]), RIGHT, pairs, {})
    found = missing_values(arms, arms.difference(0.95), 0.95)
    assert found is not None
    assert (found.count, found.shares, found.width) == ((1, 1), (0.25, 0.25), 1.0)
    close(found.bounds, (0.5, 1.0))
    assert found.delivered is not None
    close(found.delivered.difference, 1.0)
    close(found.tipping(0.2), 0.4)


def test_a_rollout_without_a_partner_is_dropped_and_in_no_bound() -> None:
    arms = arm_values(rows([[1, 1, 0], [1, 0]]), rows([[0, 1], [1, 0]]), RIGHT, True, {})
    result = arms.difference(0.95)
    assert (result.pairs, result.dropped) == (4, 1)
    found = missing_values(arms, result, 0.95)
    assert found is not None
    assert (found.count, found.bounds) == ((0, 0), (0.25, 0.25))
    assert found.delivered is None
    assert not found.contradicts(0.25)


value = st.one_of(st.just(NAN), st.sampled_from([0.0, 0.5, 1.0]))
arm = st.lists(st.lists(value, min_size=3, max_size=3), min_size=7, max_size=7)


@given(arm, arm, st.booleans())
def test_bounds_hold_the_difference_whatever_was_missing(first: Values, second: Values, pairs: bool) -> None:
    arms = arm_values(rows(first), rows(second), RIGHT, pairs, {})
    found = missing_values(arms, arms.difference(0.95), 0.95)
    assert found is not None
    low, high = found.bounds
    assert low <= high + 1e-12
    for fill in (0.0, 0.3, 1.0):
        whole = arms.filled(fill, 1 - fill).difference(0.95).difference
        assert whole is not None
        assert low - 1e-12 <= whole <= high + 1e-12
    if found.interval is not None:
        assert found.interval[0] <= low + 1e-12
        assert found.interval[1] >= high - 1e-12
