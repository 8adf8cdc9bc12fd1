"""The scenario that the fault tests run against the loopback server, and the tables a run must end with."""

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd

from agentlab.runs.frames import Run, load
from agentlab.store.reading import with_texts
from tests.support.loopback import Loopback

Change = tuple[str, str]

SCENARIO = """\
spec: 1
name: rig
seed: 7
models:
  default: {name: openai/tiny, base_url: "URL", timeout: 600, tries: 1, concurrency: 8, capabilities: {seed: true}}
  judge: {name: openai/judge, base_url: "URL", timeout: 600, tries: 1, concurrency: 8, capabilities: {seed: true}}
tasks:
  loan: {prompt: "A bank lends 40 and asks for 2. How much is due?", target: 42}
  rent: {prompt: "Three rooms cost 5 each. What is the rent?", target: 15}
organization:
  agents:
    boss: {system: You lead.}
    hand: {system: You work.}
    mate: {system: You check.}
    lone: {system: You do it all.}
  protocol:
    kind: mail
    start: [boss, mate]
    contacts: {boss: [hand, mate], hand: [boss], mate: [boss, hand]}
  rounds: 3
  cast: [boss, hand, mate]
  closing: {ask: Report the number., agent: boss}
factors:
  team:
    firm: {}
    solo: {organization: {cast: [lone], protocol: {kind: chain, stages: [[lone]]}, closing: {agent: lone}}}
draws: 2
judges:
  quality:
    kind: rubric
    draws: 2
    criteria: {focus: {text: Is it focused?}, plain: {text: Is it plain?}}
    anchors: {sums: {task: What is 2 and 2?, good: ["4"], bad: ["5"]}}
  number: {kind: match, by: number}
measures:
  utility: {judge: quality, criteria: all, range: [0, 1]}
  correct: {judge: number}
"""

VOLATILE = ["started", "seconds", "request_id"]
"""Columns that two equal runs do not share."""


def write(server: Loopback, *changes: Change, name: str = "s.yaml") -> Path:
    """The scenario in the working directory, with some texts replaced wherever they stand."""
    text = SCENARIO.replace("URL", server.url)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def tables(folder: Path | str) -> dict[str, pd.DataFrame]:
    """The frames of a run without times and request ids, in an order of their own."""
    run = load(folder)
    places = {
        "rollouts": ["rollout"],
        "messages": ["rollout", "index"],
        "calls": ["rollout", "round", "actor", "k", "attempt"],
        "scores": ["rollout", "judge", "judge_draw", "criterion"],
        "anchors": ["anchor", "judge_draw", "criterion"],
        "measures": ["rollout"],
    }
    found: dict[str, pd.DataFrame] = {}
    for name, by in places.items():
        frame: pd.DataFrame = getattr(run, name)
        plain = frame.drop(columns=VOLATILE, errors="ignore").astype({by[0]: "str"})
        assert not plain.duplicated(by).any(), f"{name} holds a row twice"
        found[name] = plain.sort_values(by).sort_index(axis=1).reset_index(drop=True)
    return found


def assert_equal(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> None:
    """That two runs ended alike."""
    for name, frame in left.items():
        pd.testing.assert_frame_equal(frame, right[name], check_categorical=False, obj=name)


def rows(folder: Path | str, sql: str) -> list[Any]:
    """What the run's file holds."""
    connection = sqlite3.connect(Path(folder) / "run.db")
    with_texts(connection)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def answered(run: Run) -> int:
    """Calls that succeeded."""
    return int(run.calls["error"].isna().sum())
