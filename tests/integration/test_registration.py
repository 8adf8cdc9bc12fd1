"""What was decided before a run, as a file, and whether the run is what the file says."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import agentlab
from agentlab.analysis.summary import summarize
from agentlab.errors import MismatchError, ScenarioError
from agentlab.experiment.decisions import decisions, read, write
from agentlab.runs.frames import load as load_run
from agentlab.scenario.loading import load
from tests.support.command import Commands
from tests.support.planted import PRIMARY, play, scenario

FILE = Path("decided.yaml")
MARGIN = PRIMARY.replace("measures: [utility]", "measures: [utility], margin: 0.05")
PLAN = MARGIN + "looks: any\n"


def test_a_preregistration_comes_back_as_it_was_decided_however_it_is_laid_out(workdir: Path) -> None:
    design = load(scenario(PLAN))
    digest = write(design, FILE)
    registration = read(FILE)
    assert registration.decided == decisions(design)
    assert (registration.digest, registration.file) == (digest, "decided.yaml")
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", document["date"])
    FILE.write_text(json.dumps(document, sort_keys=True, indent=3))
    assert read(FILE).digest == digest


def test_it_says_what_a_referee_asks(workdir: Path) -> None:
    write(load(scenario(PLAN)), FILE)
    decided: dict[str, Any] = yaml.safe_load(FILE.read_text())["decided"]
    contrast = decided["contrasts"]["primary"]["structure, tone=plain, utility"]
    assert contrast == {
        "team": ["firm", "solo"], "within": {"tone": "plain"}, "measure": "utility", "margin": 0.05
    }  # fmt: skip
    assert decided["contrasts"]["exploratory"] == "all"
    assert decided["measures"]["utility"]["declined"] == 0
    assert (decided["looks"], decided["draws"], len(decided["tasks"])) == ("any", 4, 7)
    assert decided["judges"]["quality"]["draws"] == 2
    assert set(decided["analysis"]) == {"test", "adjustment", "missing"}


CHANGES = [
    (("draws: 4", "draws: 5"), "draws: was 4, is 5"),
    (("text: Good?", "text: Good indeed?"), r"judges\.quality\.digest: was '"),
    (("declined: 0", "declined: 0.5"), r"measures\.utility\.declined: was 0, is 0\.5"),
    (("prompt: Plan 3.", "prompt: Plan three."), r"tasks\.t3: was '"),
    (("{system: Lead.}", "{system: Lead them.}"), r"conditions\..*team=firm,tone=plain.*: was '"),
    (("margin: 0.05", "margin: 0.1"), r"contrasts\.primary\..*\.margin: was 0\.05, is 0\.1"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_a_scenario_that_says_otherwise_is_not_run(change: tuple[str, str], told: str, workdir: Path) -> None:
    path = scenario(PLAN)
    write(load(path), FILE)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(MismatchError, match=told):
        asyncio.run(agentlab.run(path, "run", preregistered=FILE))
    assert not Path("run").exists(), "nothing is made, and nothing is spent"


def test_a_run_says_that_it_is_what_was_preregistered_and_where_it_left_it(workdir: Path, commands: Commands) -> None:
    path = scenario(PLAN)
    told = commands.agentlab("plan", path, "--preregister", FILE)
    assert told.code == 0
    assert f"Wrote decided.yaml, digest {read(FILE).digest}" in told.out
    run = commands.agentlab("run", path, "--out", "run", "--draws", "2", "--preregistered", FILE)
    assert run.code == 0
    same = "the scenario matches the preregistration, of which the run has 56 of 112 rollouts."
    line = f"(decided.yaml, digest {read(FILE).digest[:8]}): {same}"
    for out in (run.out, commands.agentlab("stats", "run", "contrasts").out):
        assert line in " ".join(out.split())
    assert "Warning: Preregistered" not in run.out
    scenario(PLAN.replace("0.05", "0.2"), ("draws: 4", "draws: 5"))
    later = play(draws=2)
    (note,) = [note for note in summarize(later).warnings if note.startswith("Preregistered on")]
    assert "changed since: " in note
    assert "draws was 4, is 5" in note
    assert "margin was 0.05, is 0.2" in note
    assert load_run("run").meta["preregistered"]["rollouts"] == 0


def test_a_file_that_is_named_late_or_in_place_of_another_is_told(workdir: Path) -> None:
    path = scenario(PLAN)
    write(load(path), FILE)
    play(draws=1)
    run = asyncio.run(agentlab.run(path, "run", draws=2, preregistered=FILE))
    assert any("a file first given when the run had " in note for note in summarize(run).notes)
    scenario(PLAN, ("draws: 4", "draws: 6"))
    write(load(path), Path("other.yaml"))
    with pytest.raises(MismatchError, match=r"preregistered with another file, decided\.yaml of "):
        asyncio.run(agentlab.run(path, "run", draws=2, preregistered="other.yaml"))


def test_what_is_no_preregistration_is_refused(workdir: Path, commands: Commands) -> None:
    path = scenario(PLAN)
    write(load(path), FILE)
    with pytest.raises(ScenarioError, match="already exists, and a preregistration is never overwritten"):
        write(load(path), FILE)
    FILE.write_text(FILE.read_text().replace("draws: 4", "draws: 40"))
    with pytest.raises(ScenarioError, match="changed after it was written: its content has digest"):
        read(FILE)
    with pytest.raises(ScenarioError, match="not a preregistration; agentlab plan SCENARIO --preregister FILE"):
        read(path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read(Path("nowhere.yaml"))
    told = commands.agentlab("plan", path, "--draws", "2", "--preregister", "part.yaml")
    assert told.code == 2
    assert "leave out --tasks, --only and --draws" in told.err
