"""A run at the end of a notebook's cell shows its result, and its numbers where they may be shown."""

import asyncio
from html import unescape
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.headline import headline
from agentlab.analysis.summary import summarize
from agentlab.runs.frames import Run, load
from tests.support.tried import play, written


def html(run: Run) -> str:
    return run._repr_html_() or ""  # pyright: ignore[reportPrivateUsage]


def test_a_run_shows_its_sentences_and_its_conditions(workdir: Path) -> None:
    asyncio.run(play(workdir, 2))
    run = agentlab.load("run")
    sentences = headline(summarize(run))
    text, page = repr(run), unescape(html(run))
    assert text.startswith("\n".join(sentences))
    for shown in (text, page):
        assert all(sentence in shown for sentence in sentences)
        assert "suppressed" in shown
        assert "1.00 [" in shown
    assert page.count("<tr>") == 1 + len(run.conditions)


def test_a_run_that_is_only_read_names_its_folder(workdir: Path) -> None:
    asyncio.run(play(workdir, 1))
    run = load("run")
    assert repr(run) == "Run('run')"
    assert html(run) == ""


def test_a_summary_is_printed_as_the_table_at_the_end_of_a_run(workdir: Path) -> None:
    asyncio.run(play(workdir, 2))
    ended = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"], env={"COLUMNS": "400"})
    assert ended.exit_code == 0, ended.output
    shown = repr(summarize(load("run"))).splitlines()
    assert len(shown) > 8
    assert all(line.strip() in ended.stdout for line in shown)


def test_a_run_is_described_without_its_exploratory_contrasts(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    primary = "compare: {primary: {team: {team: [one, sure], measures: [correct]}}}\n"
    Path("s.yaml").write_text(f"{written(6)}{primary}", encoding="utf-8")
    asyncio.run(agentlab.run("s.yaml", "run"))
    text = repr(agentlab.load("run"))
    monkeypatch.setattr("agentlab.analysis.contrasts.compared._exploratory", None)
    assert repr(agentlab.load("run")) == text
