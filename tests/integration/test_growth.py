"""A run folder grows with its scenario or refuses it; what ships is found by name; schemas are current."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentlab.errors import ScenarioError
from agentlab.scenario.changed import differences
from agentlab.scenario.json_schema import judge_schema, scenario_schema, schemas
from agentlab.scenario.library import names
from agentlab.scenario.loading import load
from tests.support.firm import PRESSURE, Change, design

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


GROWTH = [
    ("draws: 2", "draws: 5\nabout: More."),
    ("tokens: 200k", "cost: 5 USD"),
    ("organization:", "  home: {prompt: Build.}\norganization:"),
    ("    firm: {}\n", "    firm: {}\n    long: {organization: {rounds: 9}}\n"),
    ("judges:", "judges:\n  twin: {kind: rubric, criteria: {focus: {text: A?}}}"),
    ("    criteria: {focus", "    anchors: {a: {task: A., good: [B.], bad: [C.]}}\n    criteria: {focus"),
    ("measures:", "measures:\n  second: {judge: quality}"),
    ("[focus]}", "[focus], declined: 0}"),
    ("{name: sim/chatter}", "{name: sim/chatter, tries: 3}"),
]  # fmt: skip


def test_what_only_grows_is_no_difference() -> None:
    before = json.loads(json.dumps(design().tree))
    for change in GROWTH:
        assert differences(before, design(change).tree) == []


CHANGED: list[tuple[Change, tuple[str, object, object]]] = [
    (("Lead.", "Lead!"), ("organization.agents.boss.system", "Lead.", "Lead!")),
    (("rounds: 4", "rounds: 5"), ("organization.rounds", 4, 5)),
    (("start: [boss]", "start: [hand]"), ("organization.protocol.start", ["boss"], ["hand"])),
    (("Is it focused?", "Is it?"), ("judges.quality.criteria.focus.text", "Is it focused?", "Is it?")),
    (("Help {{client}}.", "Help."), ("tasks.loan.prompt", "Help {{client}}.", "Help.")),
    (("[[boss]]", "[[hand]]"), ("factors.team.solo.organization.protocol.stages", [["boss"]], [["hand"]])),
    (("    firm: {}\n", ""), ("factors.team.firm", {}, None)),
    (("draws: 2", "draws: 2\nseed: 7"), ("seed", None, 7)),
    (("name: sim/chatter", "name: sim/replies"), ("models.default.name", "sim/chatter", "sim/replies")),
]


@pytest.mark.parametrize(("change", "expected"), CHANGED)
def test_a_changed_value_is_a_difference(change: Change, expected: tuple[str, object, object]) -> None:
    before = design().tree
    cast = [("cast: [boss]", "cast: [hand]")] if "[[hand]]" in change[1] else []
    assert expected in differences(before, design(change, *cast).tree)


def test_another_order_of_factors_is_a_difference_since_it_names_every_condition_anew() -> None:
    before = design(PRESSURE).tree
    turned = {**before, "factors": dict(reversed(before["factors"].items()))}
    assert [path for path, _, _ in differences(before, turned)] == ["factors"]


def test_a_new_factor_and_a_new_order_of_agents_are_differences() -> None:
    before = design().tree
    assert [path for path, _, _ in differences(before, design(PRESSURE).tree)] == ["factors.pressure"]
    swapped = design(("    boss: {system: Lead.}\n", ""), ("Work.}\n", "Work.}\n    boss: {system: Lead.}\n"))
    assert differences(before, swapped.tree) == [("organization.agents", ["boss", "hand"], ["hand", "boss"])]


def test_the_document_of_a_design_is_plain_and_loads_alike_after_json() -> None:
    made = design()
    assert differences(json.loads(json.dumps(made.tree)), made.tree) == []


@pytest.mark.parametrize("name", names("scenarios"))
def test_every_shipped_scenario_loads_by_name_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(name).name == name


def test_an_unknown_scenario_names_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("nosuch", "folder/nosuch.yaml", "."):
        with pytest.raises(ScenarioError, match=r"not found|no scenario"):
            load(name)


def test_the_committed_schemas_are_the_generated_ones() -> None:
    """`make schemas` writes them anew."""
    for path, text in schemas().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is out of date"
    assert all(field.get("description") for field in scenario_schema()["properties"].values())
    assert {"rubric", "match"} <= {one["properties"]["kind"].get("const") for one in judge_schema()["anyOf"]}


@pytest.mark.process
def test_loading_imports_no_sdk_and_no_pandas() -> None:
    heavy = ["pandas", "scipy", "numpy", "anthropic", "openai", "httpx2", "typer"]
    code = f"import sys, agentlab.scenario; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
