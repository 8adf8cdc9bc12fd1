"""Tasks from tables whose columns have names of their own: JSONL, CSV, and the files of a dataset."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agentlab import api
from agentlab.errors import ScenarioError
from agentlab.scenario import task_table
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load
from tests.support.scenarios import chain, match, scenario

pytestmark = pytest.mark.usefixtures("workdir")
arrow: Any = import_module("pyarrow")
parquet: Any = import_module("pyarrow.parquet")

ROWS: list[dict[str, Any]] = [
    {"qid": 7, "question": "What is 2 + 2?", "answer": "4", "doc": "sums", "votes": 3},
    {"qid": 8, "question": "What is 2 + 0.50?", "answer": "2.50", "doc": "sums", "votes": 1},
]
COLUMNS = "columns: {id: qid, prompt: question, target: answer, fields: [doc, votes]}"


def design(file: str, columns: str = COLUMNS, organization: dict[str, Any] | None = None) -> Design:
    text = scenario("tables", organization=organization, judges={"number": match("number")})
    at = text.index("tasks:"), text.index("organization:")
    Path("s.yaml").write_text(f"{text[: at[0]]}tasks: {{file: {file}, {columns}}}\n{text[at[1] :]}")
    return load("s.yaml")


def jsonl(rows: Sequence[Mapping[str, Any]], name: str = "t.jsonl") -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def comma(rows: Sequence[Mapping[str, Any]]) -> str:
    with Path("t.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)
    return "t.csv"


def shards(rows: Sequence[Mapping[str, Any]]) -> str:
    """A split of a dataset as the hub keeps it."""
    Path("data").mkdir()
    for i, row in enumerate(rows):
        parquet.write_table(arrow.Table.from_pylist([row]), f"data/train-0000{i}-of-00002.parquet")
    return "data"


def saved(rows: Sequence[Mapping[str, Any]]) -> str:
    """A dataset as the `datasets` library saves it."""
    table = arrow.Table.from_pylist(rows)
    Path("set").mkdir()
    with arrow.OSFile("set/data-00000-of-00001.arrow", "wb") as sink, arrow.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    Path("set/state.json").write_text("{}")
    return "set"


@pytest.mark.parametrize("write", [jsonl, comma, shards, saved])
def test_each_part_of_a_task_comes_from_its_column(write: Callable[[Sequence[Mapping[str, Any]]], str]) -> None:
    tasks = design(write(ROWS)).tasks
    assert list(tasks) == ["7", "8"]
    assert [task.prompt for task in tasks.values()] == [row["question"] for row in ROWS]
    assert [task.target for task in tasks.values()] == ["4", "2.50"]
    assert [str(task.fields["votes"]) for task in tasks.values()] == ["3", "1"]
    assert tasks["7"].fields["doc"] == "sums"


async def test_a_run_records_the_tasks_so_that_it_goes_on_without_the_file() -> None:
    made = design(jsonl(ROWS))
    first = await api.run(made, "run")
    assert len(first.rollouts) == 2
    assert len((await api.run(design(comma(ROWS), COLUMNS.replace(", votes", "")), "run")).rollouts) == 2
    with pytest.raises(ScenarioError, match="file not found"):
        design("gone.jsonl")


@pytest.mark.parametrize("protocol", ["chain", "board"])
async def test_a_column_called_product_is_a_field_and_names_no_program(protocol: str) -> None:
    team = chain(["me"]) if protocol == "chain" else chain(["me"]) | {"protocol": {"kind": "board", "workers": ["me"]}}
    columns = "columns: {prompt: question, target: answer, fields: [product]}"
    rows = [{"question": "What is 2 + 2?", "answer": "4", "product": "annuity"}]
    first = await api.run(design(comma(rows), columns, team), "run")
    assert first.rollouts["status"].tolist() == ["delivered"]
    corrected = design(comma([rows[0] | {"product": "pension"}]), columns, team)
    assert len((await api.run(corrected, "run")).calls) == len(first.calls), "no reply depends on it"


def test_rows_without_an_id_are_numbered_and_a_number_keeps_its_digits() -> None:
    Path("t.jsonl").write_text('{"question": "a", "answer": 0.10}\n{"question": "b", "answer": null}\n')
    with pytest.raises(ScenarioError, match=r"tasks\.row_2\.target: judge 'number' finds no target"):
        design("t.jsonl", "columns: {prompt: question, target: answer}")
    Path("t.jsonl").write_text('{"question": "a", "answer": 0.10}\n')
    tasks = design("t.jsonl", "columns: {prompt: question, target: answer}").tasks
    assert tasks["row_1"].target == "0.10"


WRONG: list[tuple[str, str, str]] = [
    ("t.jsonl", "columns: {prompt: query}", "tasks.columns.prompt: the table has no column 'query'; known: qid, quest"),
    ("t.jsonl", "columns: {prompt: question, fields: [dok]}", "tasks.columns.fields[0]: the table has no column 'dok'"),
    ("t.jsonl", "columns: {}", "no column 'prompt'; write `columns: {prompt: COLUMN}`"),
    ("t.jsonl", "columns: {promt: question}", "did you mean 'prompt'?"),
    ("t.txt", COLUMNS, "write a .jsonl, .csv, .parquet or .arrow file"),
    ("../t.jsonl", COLUMNS, "keep included files in the scenario's folder"),
    ("tt.jsonl", COLUMNS, "did you mean 't.jsonl'?"),
    ("sets", COLUMNS, "name one of its folders: data"),
    ("data", COLUMNS, "several splits: test, train; name one file, such as test-0.parquet"),
    ("bad.parquet", COLUMNS, "this file cannot be read"),
    ("empty.jsonl", COLUMNS, "give at least one task"),
    ("twice.jsonl", COLUMNS, "twice.jsonl:2:1: tasks: the id '7' appears twice; keep one; the first is on line 1"),
    ("odd.jsonl", COLUMNS, "odd.jsonl:1:1: tasks: the prompt is 3; give every row a prompt"),
    ("lists.jsonl", COLUMNS, "lists.jsonl:1:1: tasks: the target is a list; name a column of texts or numbers"),
    ("short.jsonl", COLUMNS, "short.jsonl:2:1: tasks: the row has no 'answer', and 2,999 more like it, to line 3001"),
    ("broken.jsonl", COLUMNS, "broken.jsonl:1:1: tasks: not JSON: Expecting"),
    ("semi.csv", COLUMNS, "one column, 'question;answer'; save the file with commas between values, not semicolons"),
    ("tabs.csv", COLUMNS, "save the file with commas between values, not tabs"),
]


@pytest.mark.parametrize(("file", "columns", "said"), WRONG)
def test_one_message_says_what_is_wrong_with_a_table(file: str, columns: str, said: str) -> None:
    jsonl(ROWS)
    jsonl([ROWS[0], ROWS[0]], "twice.jsonl")
    jsonl([{**ROWS[0], "question": 3}], "odd.jsonl")
    jsonl([{**ROWS[0], "answer": [1]}], "lists.jsonl")
    jsonl([ROWS[0], *[{"qid": str(i), "question": "x", "doc": "", "votes": 0} for i in range(3000)]], "short.jsonl")
    Path("broken.jsonl").write_text("nothing\n" * 3000)
    for name, text in (("t.txt", ""), ("empty.jsonl", ""), ("bad.parquet", "PAR1")):
        Path(name).write_text(text)
    for name, sign in (("semi.csv", ";"), ("tabs.csv", "\t")):
        Path(name).write_text(f"question{sign}answer\nWhat?{sign}1,5\n")
    for folder in ("data", "sets/data"):
        Path(folder).mkdir(parents=True)
    Path("sets/data/train.parquet").touch()
    for split in ("train", "test"):
        Path(f"data/{split}-0.parquet").touch()
    with pytest.raises(ScenarioError) as caught:
        design(file, columns)
    assert len(caught.value.mistakes) == 1, str(caught.value)
    assert said in str(caught.value)


def test_a_link_that_leaves_the_folder_is_refused() -> None:
    parquet.write_table(arrow.Table.from_pylist(ROWS), "outside.parquet")
    Path("data").mkdir()
    Path("data/a.parquet").symlink_to(Path("outside.parquet").resolve())
    with pytest.raises(ScenarioError, match=r"a\.parquet is a link to a file outside this folder; copy the file"):
        design("data")


def test_a_snapshot_of_the_hub_cache_is_read_and_no_link_out_of_its_repository_is() -> None:
    snapshot = Path("hub/datasets--a--b/snapshots/0f3/main")
    snapshot.mkdir(parents=True)
    Path("hub/datasets--a--b/blobs").mkdir()
    parquet.write_table(arrow.Table.from_pylist(ROWS), "hub/datasets--a--b/blobs/9ac")
    (snapshot / "test-0.parquet").symlink_to("../../../blobs/9ac")
    assert len(design(str(snapshot)).tasks) == len(design(f"{snapshot}/test-0.parquet").tasks) == len(ROWS)
    Path("hub/datasets--c--d/blobs").mkdir(parents=True)
    Path("hub/datasets--a--b/blobs/9ac").rename("hub/datasets--c--d/blobs/9ac")
    (snapshot / "test-0.parquet").unlink()
    (snapshot / "test-0.parquet").symlink_to("../../../../datasets--c--d/blobs/9ac")
    with pytest.raises(ScenarioError, match=r"test-0\.parquet is a link to a file outside this folder"):
        design(str(snapshot))


def test_dates_and_decimals_are_read_as_text() -> None:
    row = {**ROWS[0], "answer": Decimal("2.50"), "doc": date(2024, 1, 31), "votes": datetime(2024, 1, 31, 12, 30)}
    parquet.write_table(arrow.Table.from_pylist([row]), "t.parquet")
    (task,) = design("t.parquet").tasks.values()
    assert (task.target, task.fields["doc"], task.fields["votes"]) == ("2.50", "2024-01-31", "2024-01-31T12:30:00")


def test_a_table_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_table, "MOST", 1)
    with pytest.raises(ScenarioError, match=r"t\.jsonl:2:1: tasks: more than 1 row; use part of the file"):
        design(jsonl(ROWS))


def test_an_included_file_with_other_keys_is_told_of_columns() -> None:
    jsonl([{"qid": f"q{i}", "question": "x"} for i in range(3000)])
    text = scenario("tables")
    at = text.index("tasks:"), text.index("organization:")
    Path("s.yaml").write_text(f"{text[: at[0]]}tasks: !file t.jsonl\n{text[at[1] :]}")
    with pytest.raises(ScenarioError) as caught:
        load("s.yaml")
    (told,) = caught.value.mistakes
    assert "'qid' is not a field of a task, and 2,999 more like it" in told.wrong
    assert "tasks: {file: t.jsonl, columns: {prompt: question" in told.right
