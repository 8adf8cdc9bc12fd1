"""Judges for a run that exists, whose models may be modules of one's own."""

from pathlib import Path
from typing import Any

import pytest

from agentlab.scenario.added_judges import added_judges, recorded_judges

PLANTED: dict[str, Any] = {"default": {"name": "sim/known_truth.firm:firm"}}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that has read no scenario, in a folder that holds no module."""
    monkeypatch.setattr("agentlab.own_code._folders", [])
    monkeypatch.chdir(tmp_path)


def test_an_added_judge_finds_the_modules_beside_shipped_scenarios() -> None:
    judges, specs, _ = added_judges(["constitution"], PLANTED | {"judge": PLANTED["default"]}, None)
    assert list(judges.judges) == ["constitution"]
    assert specs["default"].name == "sim/known_truth.firm:firm"


def test_a_recorded_judge_finds_the_modules_beside_shipped_scenarios() -> None:
    _, _, documents = added_judges(["constitution"], {"judge": {"name": "sim/chatter"}}, None)
    judges, _ = recorded_judges(documents, PLANTED | {"judge": PLANTED["default"]}, {}, Path("run"))
    assert list(judges.judges) == ["constitution"]
