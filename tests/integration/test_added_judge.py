"""A judge is added to a run by `agentlab judge`, which says what it did."""

from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import load
from tests.support.scenarios import flow, measured, rubric, scenario

pytestmark = pytest.mark.usefixtures("workdir")

NOTHING_NEW = "Nothing was judged: good had judged every output already."


@pytest.fixture
def run(workdir: Path) -> Path:
    """A run whose judge `good` is written in its scenario."""
    scores = {"name": "sim/replies", "options": {"scores": {"useful": {"1": 0.5, "0": 0.5}}}}
    models = {"default": {"name": "sim/chatter"}, "judge": scores}
    judges, measures = {"good": rubric("useful", 1)}, {"useful": measured("good", 0, 1)}
    text = scenario("judged", models=models, judges=judges, measures=measures, draws=2)
    Path("s.yaml").write_text(text, encoding="utf-8")
    assert CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", "--quiet"]).exit_code == 0
    return workdir / "run"


def test_a_judge_that_only_the_runs_scenario_has_is_known_to_have_judged(run: Path) -> None:
    calls = len(load(run).calls)
    ended = CliRunner().invoke(app, ["judge", "run", "--with", "good"])
    assert ended.exit_code == 0, ended.output
    assert NOTHING_NEW in ended.stderr
    assert len(load(run).calls) == calls
    assert CliRunner().invoke(app, ["judge", "run", "--with", "good", "--quiet"]).output == ""


def test_a_copy_of_a_judge_judges_again_as_it_is_told(run: Path) -> None:
    Path("again.yaml").write_text(f"{flow(rubric('useful', 1))}\n", encoding="utf-8")
    ended = CliRunner().invoke(app, ["judge", "run", "--with", "again.yaml"])
    assert ended.exit_code == 0, ended.output
    assert "Nothing was judged" not in ended.stderr
    assert load(run).scores.groupby("judge").size().to_dict() == {"again": 2, "good": 2}


def test_a_judge_that_is_nowhere_is_no_judge(run: Path) -> None:
    ended = CliRunner().invoke(app, ["judge", "run", "--with", "god"])
    assert "no judge 'god' beside the scenario or shipped" in str(ended.exception)
