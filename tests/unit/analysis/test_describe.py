"""A run at the end of a notebook's cell shows its result, and its numbers where they may be shown."""

import asyncio
from html import unescape
from pathlib import Path

import agentlab
from agentlab.analysis.headline import headline
from agentlab.analysis.summary import summarize
from agentlab.runs.frames import Run, load
from tests.support.tried import play


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
