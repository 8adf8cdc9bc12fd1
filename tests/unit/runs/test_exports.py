"""What is read back from Parquet is the frame that was written."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.columns import FRAMES
from agentlab.errors import StoreError
from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.runs.exports import parquet
from agentlab.runs.frames import Run, load
from agentlab.runs.imports import Columns, table
from tests.support.firm import design


def played() -> Run:
    asyncio.run(
        session.run(design(("{name: sim/replies}", "{name: sim/chatter}")), Path("run"), Selection(), Progress())
    )
    return load("run")


def read(path: Path) -> pd.DataFrame:
    frame: Any = pd.read_parquet(path)
    if "to" in frame:
        frame["to"] = pd.Series([tuple(names) for names in frame["to"]], dtype="object")
    return frame


def test_every_frame_reads_back_equal(workdir: Path) -> None:
    run = played()
    written = {one.path.stem: one for one in parquet(run.folder)}
    assert [*written] == [*FRAMES]
    for name, one in written.items():
        frame: pd.DataFrame = getattr(run, name)
        assert (one.rows, one.size) == (len(frame), one.path.stat().st_size)
        back = read(one.path)
        if name == "conditions":
            frame, back = frame.drop(columns="facts"), back.drop(columns="facts")
        pd.testing.assert_frame_equal(back, frame, check_categorical=len(frame) > 0, obj=name)


def test_empty_frames_keep_their_types(workdir: Path) -> None:
    Path("t.csv").write_text("task,text\na,one\na,two\n", encoding="utf-8")
    run = load(table("t.csv", "csv", Columns.of("task", "text"), out="imported").folder)
    parquet(run.folder)
    for name in FRAMES:
        frame: pd.DataFrame = getattr(run, name)
        if name != "conditions":
            back = read(run.folder / "parquet" / f"{name}.parquet")
            pd.testing.assert_frame_equal(back, frame, check_categorical=len(frame) > 0, obj=name)
    full = played()
    for name in ("messages", "calls", "scores"):
        assert dict(getattr(run, name).dtypes)["draw"] == dict(getattr(full, name).dtypes)["draw"]
        texts = [at for at, kind in getattr(full, name).dtypes.items() if str(kind) == "str"]
        assert all(str(getattr(run, name)[at].dtype) == "str" for at in texts)


def test_the_command_prints_what_it_wrote(workdir: Path) -> None:
    played()
    result = CliRunner().invoke(app, ["export", "parquet", "run", "--out", "tables"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == len(FRAMES)
    assert "tables/rollouts.parquet  4 rows  " in result.stdout
    assert sorted(path.name for path in Path("tables").iterdir()) == sorted(f"{name}.parquet" for name in FRAMES)


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(workdir: Path) -> None:
    played()
    Path("taken").write_text("")
    with pytest.raises(StoreError, match="cannot write Parquet files"):
        parquet(Path("run"), Path("taken/under"))
    with pytest.raises(StoreError, match="not a run"):
        parquet(Path("nothing"))
