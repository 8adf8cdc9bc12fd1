"""Rows from elsewhere: every shape that goes out comes in again, and what is none is named with its place."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agentlab.errors import TrainingError
from agentlab.runs.exports.rows import SHAPES
from agentlab.training.trainers.row import TrainingRow
from agentlab.training.trainers.shapes import read

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Sky?"}]
REPLY, OTHER = [{"role": "assistant", "content": "Blue."}], [{"role": "assistant", "content": "Green."}]
ROW = TrainingRow(messages=[*CHAT, *REPLY], task="sky", agent="me")
PAIR = TrainingRow(messages=[*CHAT, *REPLY], rejected=[*CHAT, *OTHER])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_what_goes_out_comes_in(tmp_path: Path, shape: str, suffix: str) -> None:
    told = [SHAPES[shape](ROW, "run", {"target": "Blue.", "split": "train"})]
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        pd.DataFrame(told).to_parquet(path)
    else:
        path.write_text(json.dumps(told[0]) + "\n")
    for place in (path, tmp_path):
        (row,) = read(place)
        assert (row.messages, row.rejected) == (ROW.messages, None)


def test_preferences_come_in_with_and_without_the_prompt_repeated(tmp_path: Path) -> None:
    short = SHAPES["trl"](PAIR, "run", {})
    whole = {"chosen": PAIR.messages, "rejected": PAIR.rejected}
    texts = {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, (short, whole, texts))))
    first, second, third = read(tmp_path)
    assert first == second == PAIR
    assert (third.messages[-1:], third.rejected and third.rejected[-1:]) == (REPLY, OTHER)


WRONG: dict[str, Any] = {
    "not JSON": "{",
    "known shapes": {"text": "Blue."},
    "last one is of the assistant": {"messages": CHAT},
    "a number above 0": {"messages": [*CHAT, *REPLY], "weight": -1},
}


@pytest.mark.parametrize("says", WRONG)
def test_what_is_no_row_is_named_with_its_place(tmp_path: Path, says: str) -> None:
    bad = WRONG[says] if isinstance(WRONG[says], str) else json.dumps(WRONG[says])
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "Sky?", "completion": "Blue."}) + "\n" + bad)
    with pytest.raises(TrainingError, match=rf"a\.jsonl:( row)? ?2.*{says}"):
        read(tmp_path)


def test_a_place_without_rows_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no file of rows"):
        read(tmp_path)
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(TrainingError, match="it has no rows"):
        read(tmp_path)
