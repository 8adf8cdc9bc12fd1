"""The consultancy as a command runs it: every arm on a simulated model, two arms on the embedded one."""

import shutil
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from tests.support.embedded import real

SHIPPED = Path(__file__).parents[2] / "scenarios"


def copied(folder: Path, *changes: tuple[str, str]) -> Path:
    """The scenario with its tasks and briefs, changed in a few places."""
    for name in ("tasks", "briefs"):
        shutil.copytree(SHIPPED / name, folder / name)
    text = (SHIPPED / "consultancy.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "consultancy.yaml"
    path.write_text(text)
    return path


def test_every_arm_runs_and_is_compared(tmp_path: Path) -> None:
    path = copied(tmp_path, ("openai/gpt-4.1, max_tokens: 2000", "sim/chatter"))
    sim = ["--model", "sim/chatter", "--judge-model", "sim/chatter"]
    ended = CliRunner().invoke(
        app,
        [
            "run",
            str(path),
            *sim,
            "--tasks",
            "loan_profit,downsizing_company",
            "--draws",
            "2",
            "--out",
            str(tmp_path / "run"),
        ],
    )
    assert ended.exit_code == 0, ended.output
    run = agentlab.load(tmp_path / "run")
    assert set(run.rollouts["status"]) <= {"delivered", "vetoed"}
    assert run.rollouts.groupby("condition", observed=True).size().eq(4).all()
    matched = run.rollouts[run.rollouts["of"].notna()]
    assert set(matched["team"]) == {"solo_matched", "solo_best", "solo_vote"}
    assert (matched["spent"] / matched["budget"]).between(0.5, 1.5).mean() > 0.9
    summary = agentlab.summarize(run)
    assert summary.contrasts[0].arms.baseline


@real
@pytest.mark.local
@pytest.mark.slow
def test_two_arms_run_on_the_embedded_model(tmp_path: Path) -> None:
    path = copied(
        tmp_path,
        ("max_tokens: 2000}\n  judge", "max_tokens: 16}\n  judge"),
        ("{tokens: 2M}", "{tokens: 4k}"),
        ("business_uncoupled, model: default", "business_uncoupled, model: picker"),
        ("  judge: {name:", "  picker: {name: sim/chatter}\n  judge: {name:"),
        ("  business: {draws: 3} ", "  business: {draws: 1, anchors: null, settings: {max_tokens: 16}} "),
        ("  constitution: {draws: 3}", "  constitution: {draws: 1, anchors: null, settings: {max_tokens: 16}}"),
    )
    local = ["--model", "local/smollm2", "--judge-model", "local/smollm2"]
    pilot = ["--only", "team=firm,solo", "--only", "line=plain", "--tasks", "loan_profit,downsizing_company"]
    ended = CliRunner().invoke(app, ["run", str(path), *local, *pilot, "--draws", "1", "--out", str(tmp_path / "run")])
    assert ended.exit_code == 0, ended.output
    run = agentlab.load(tmp_path / "run")
    assert run.rollouts.groupby("team", observed=True).size().to_dict() == {"firm": 2, "solo": 2}
    assert run.rollouts["output"].notna().all()
    assert set(run.rollouts[run.rollouts["team"] == "firm"]["output_via"]) == {"closing"}
    assert set(run.scores["outcome"]) <= {"scored", "unparsed", "truncated"}
