"""The frames of a run: which rows are in which, their columns with dtypes, and the page that lists them."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from msgspec.structs import replace

from agentlab import columns
from agentlab.runs.frames import Run, load
from agentlab.store import Store
from agentlab.store.rescue import examine
from agentlab.types import (
    Call,
    Completion,
    Message,
    Purpose,
    Rollout,
    RolloutKind,
    Settings,
    Task,
    Usage,
    Verdict,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "frames.md"
KINDS: tuple[RolloutKind, ...] = get_args(RolloutKind)
MEASURE = {"name": "worth", "judge": "quality", "scales": {"good": [1, 5]}, "range": [0, 1]}
NAMED = re.compile(r"`(\w+)` (datetime64\[us, UTC\]|\w+)")


def call(actor: str, purpose: Purpose = "agent", judge: str | None = None) -> Call:
    usage = Usage(input=7, output=5, reasoning=3, cache_read=2, cache_write=1)
    place = (actor, 1, 0, 1, "sim/x", Settings(), "")
    return Call(*place, Completion(actor, usage=usage), purpose=purpose, judge=judge, judge_draw=0 if judge else None)


async def planted(folder: Path) -> None:
    """A run with one row of every kind, each with a message, calls of an agent and a judge, and a verdict."""
    store = Store.open(folder)
    store.set_meta({"factors": {"team": ["firm"]}, "tasks": [Task("t", "")], "measures": [MEASURE], "judges": {}})
    store.set_conditions([("firm", {"team": "firm"}, {})])
    for kind in KINDS:
        said = Message("ann", ("@output",), "output", "text", round=1, index=0)
        row = Rollout(kind, "s", "t", "firm", 1, 1, "delivered", "text", "protocol", (said,), kind=kind)
        if kind == "fork":
            row = replace(row, parent="rollout", at="0", fork=1)
        if kind == "particle":
            row = replace(row, weight=0.25, generation=2, population="rollout", parent="rollout", at="-1", fork=1)
        store.begin(row)
        for one in (
            call("ann"),
            call("judge/quality/0", "judge", "quality"),
            call("select/pick/0", "selector", "pick"),
        ):
            await store.record(kind, one)
        await store.finish(row)
        await store.judge([Verdict("good", "scored", 3.0, rollout=kind, judge="quality")])
    store.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    asyncio.run(planted(tmp_path))
    return load(tmp_path)


def keys(frame: pd.DataFrame) -> set[str]:
    return set(frame["rollout"].astype("str"))


def test_every_row_is_in_the_frames_of_its_kind_alone(run: Run) -> None:
    assert keys(run.rollouts) == keys(run.measures) == keys(run.messages) == keys(run.edges) == {"rollout"}
    assert keys(run.forks) == keys(run.fork_scores) == {"fork"}
    assert keys(run.scores) == {"rollout"}
    assert set(run.anchors["anchor"]) == {"anchor"}
    assert keys(run.calls) == set(KINDS) - {"fork", "particle", "redraw"}
    assert keys(run.agents) == {"rollout"}


def test_calls_are_told_apart_by_their_purpose(run: Run) -> None:
    own = run.calls[(run.calls["rollout"] == "rollout") & run.calls["particle"].isna()].set_index("purpose")
    assert own["judge"].dropna().to_dict() == {"judge": "quality", "selector": "pick"}
    assert own["judge_draw"].dropna().to_dict() == {"judge": 0, "selector": 0}
    assert own[["input_tokens", "output_tokens"]].drop_duplicates().to_numpy().tolist() == [[7, 5]]
    row = run.rollouts.iloc[0]
    assert (row["calls"], row["turns"]) == (4, 2)  # a selector's calls are the rollout's own, but no turn
    assert (row["input_tokens"], row["output_tokens"], row["output"]) == (28, 20, "text")


def test_what_a_particle_used_counts_for_its_rollout(run: Run) -> None:
    made = run.calls[run.calls["particle"] == "particle"]
    assert set(made["rollout"].astype("str")) == {"rollout"}
    particle = run.particles.iloc[0]
    assert (particle["particle"], particle["index"], particle["weight"], particle["log_weight"]) == (
        "particle",
        0,
        1,
        0.25,
    )
    assert (run.agents["agent"].tolist(), run.agents["calls"].tolist()) == (["ann", "select/pick/0"], [2, 2])


def test_rows_keep_their_kind_and_weight(tmp_path: Path) -> None:
    asyncio.run(planted(tmp_path))

    async def read() -> dict[str, Rollout]:
        store = Store.open(tmp_path)
        found = {kind: store.rollout(kind) for kind in KINDS if kind != "fork"}
        store.close()
        return found

    found = asyncio.run(read())
    assert {key: row.kind for key, row in found.items()} == {kind: kind for kind in KINDS if kind != "fork"}
    assert (found["particle"].weight, found["particle"].generation) == (0.25, 2)
    assert found["pair"].weight is None


WITHOUT_PLACE = ("conditions", "roles", "generations")
"""Frames whose rows are no part of one rollout."""


def test_rows_of_a_rollout_that_a_damaged_file_lost_count_for_no_other(run: Run) -> None:
    with closing(sqlite3.connect(run.folder / "run.db")) as file, file:
        file.execute("DELETE FROM rollouts WHERE kind = 'rollout'")
    damaged = load(run.folder)
    for name in ("messages", "calls", "scores"):
        before, after = getattr(run, name), getattr(damaged, name)
        assert keys(after) == keys(before) - {"rollout"}
        assert len(after) == len(before) - (before["rollout"] == "rollout").sum()


def test_doctor_names_rows_without_their_rollout(run: Run) -> None:
    with closing(sqlite3.connect(run.folder / "run.db")) as file, file:
        file.execute("DELETE FROM rollouts WHERE kind = 'rollout'")
    problems = " ".join(examine(run.folder).problems)
    for rows in ("calls", "messages", "verdicts"):
        assert f"{rows} without their rollout" in problems


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("name", columns.FRAMES)
def test_a_frame_has_the_columns_that_are_listed(run: Run, name: str) -> None:
    measured = {"worth": "float64", "worth_draws": "int64", "worth_outcome": "str"}
    more = {} if name in ("pairs", "anchors") else {"team": "str" if name in WITHOUT_PLACE else "category"}
    more |= measured if name in ("measures", "forks") else {"worth": "float64"} if name == "generations" else {}
    assert dtypes(getattr(run, name)) == {**columns.FRAMES[name], **more}


def test_a_total_is_missing_where_a_price_is(run: Run) -> None:
    assert not run.rollouts["priced"].any()
    assert run.cost.total is None
    assert run.cost.unpriced["sim/x"] > len(run.calls) - 1  # those of forks are not in the frame
    assert str(run.cost).startswith("unknown: 0.00 USD plus ")


def test_replies_are_some_columns_of_the_calls(run: Run) -> None:
    apart = load(run.folder)
    before = apart.replies
    assert "calls" not in vars(apart)  # or nothing would be saved
    assert set(before) < set(apart.calls)
    pd.testing.assert_frame_equal(before, apart.calls[[*before]])
    pd.testing.assert_frame_equal(before, run.replies)


def test_no_frame_is_unlisted() -> None:
    annotated = {
        name
        for name, value in vars(Run).items()
        if getattr(getattr(value, "func", None), "__annotations__", {}).get("return") is pd.DataFrame
    }
    assert {name for name in annotated if not name.startswith("_")} == set(columns.FRAMES)


@pytest.mark.parametrize("name", columns.FRAMES)
def test_the_page_lists_every_column_with_its_dtype(name: str) -> None:
    rows = dict(re.findall(r"^\| `run\.(\w+)` \|[^|]*\|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    head = {"rollout", "task", "condition", "draw"} if name not in ("pairs", "anchors") else set[str]()
    if name in WITHOUT_PLACE:
        head = set[str]()
    own = {column: dtype for column, dtype in columns.FRAMES[name].items() if column not in head}
    listed = dict(NAMED.findall(rows[name]))
    if name == "forks":
        listed |= dict(NAMED.findall(rows["rollouts"]))
    if name in ("fork_scores", "anchors"):
        listed |= dict(NAMED.findall(rows["scores"]))
    if name == "measures":
        assert [listed.pop(f"NAME{end}") for end in columns.MEASURE] == list(columns.MEASURE.values())
    assert listed == own
