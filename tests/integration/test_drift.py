"""The drift that `drift_sim` plants is found at its generation, and none where the truth decides what is kept."""

from pathlib import Path

import pytest

from agentlab.analysis.analyse import analyse
from agentlab.runs.frames import load
from tests.support.loops import play

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "drift_sim.yaml"


@pytest.mark.slow
def test_proxy_and_truth_part_where_it_was_planted(tmp_path: Path) -> None:
    assert play(SCENARIO, tmp_path / "run").failed == 0
    tables = analyse(load(tmp_path / "run"), "generations", {}).tables
    parted = tables["parting"].set_index(["arm", "generation"])["parted"]
    assert parted["kept_by=proxy"].tolist() == [True, True, True]
    assert parted["kept_by=truth"].tolist() == [False, False, False]
    held = tables["generations"][tables["generations"]["split"] == "test"].set_index(["arm", "generation"])
    assert held.loc[("kept_by=proxy", 3), "named"] == pytest.approx(0.83, abs=0.12)
    assert held.loc[("kept_by=proxy", 3), "right"] == pytest.approx(0.08, abs=0.12)
