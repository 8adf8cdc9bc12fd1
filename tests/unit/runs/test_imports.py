"""Old texts become a run; every mistake of a file is told at its line, and nothing that is there changes."""

import asyncio
import csv
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from agentlab.errors import MismatchError, ScenarioError
from agentlab.experiment import session
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import load
from agentlab.runs.imports import Columns, Imported, table
from agentlab.runs.transcript import transcript
from tests.support.firm import design

ROWS: list[dict[str, Any]] = [
    {"q": "loan", "arm": "firm", "text": "It is 42.", "p": "How much?", "gold": 42},
    {"q": "loan", "arm": "solo", "text": "It is 41.", "p": "How much?", "gold": 42},
    {"q": "loan", "arm": "solo", "text": "", "p": "How much?", "gold": 42},
    {"q": "rent", "arm": "firm", "text": None, "p": "Which rent?", "gold": None},
]
COLUMNS = Columns.of("q", "text", "arm", prompt="p", target="gold")


def write(rows: Iterable[Mapping[str, Any]], name: str = "old.jsonl") -> Path:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Path(name)


def brought(rows: Iterable[Mapping[str, Any]] = ROWS, columns: Columns = COLUMNS) -> Imported:
    return table(write(rows), "jsonl", columns)


def places(folder: Path) -> list[tuple[Any, ...]]:
    frame = load(folder).rollouts
    return list(frame[["task", "arm", "draw", "status", "output_via"]].itertuples(index=False, name=None))


def test_texts_become_a_run(workdir: Path) -> None:
    done = brought()
    assert (done.rows, done.new, done.empty, done.tasks, done.conditions) == (4, 4, 2, 2, 2)
    assert done.folder == Path("runs/old")
    assert places(done.folder) == [
        ("loan", "firm", 1, "delivered", "imported"),
        ("loan", "solo", 1, "delivered", "imported"),
        ("loan", "solo", 2, "incomplete", "imported"),
        ("rent", "firm", 1, "incomplete", "imported"),
    ]
    run = load(done.folder)
    assert run.meta["factors"] == {"arm": ["firm", "solo"]}
    assert run.meta["imported"] == ["old.jsonl"]
    assert "tree" not in run.meta
    tasks = tasks_of(run.meta)
    assert (tasks["loan"].prompt, tasks["loan"].target, tasks["rent"].target) == ("How much?", "42", None)
    assert "It is 41." in transcript(done.folder, "task=loan,arm=solo,draw=1").text()
    assert str(workdir) not in json.dumps(run.meta)


def test_numbers_of_a_file_stay_as_they_are_written(workdir: Path) -> None:
    lines = ['{"q": "a", "arm": "x", "text": 0.10, "p": "?", "gold": 0.10}']
    lines.append('{"q": "b", "arm": "x", "text": "true", "p": "?", "gold": true}')
    lines.append('{"q": "c", "arm": "x", "text": 12345678901234567890123, "p": "?", "gold": 12345678901234567890123}')
    Path("old.jsonl").write_text("\n".join(lines))
    folder = table("old.jsonl", "jsonl", COLUMNS).folder
    Path("same.yaml").write_text("kind: match\nby: exact\n")
    asyncio.run(rejudge(folder, ["same.yaml"], None, Progress()))
    run = load(folder)
    assert [task.target for task in tasks_of(run.meta).values()] == ["0.10", "true", "12345678901234567890123"]
    assert run.measures["same"].tolist() == [1, 1, 1]


def test_imported_texts_are_judged(workdir: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = brought().folder
    Path("right.yaml").write_text("kind: match\nby: number\n", encoding="utf-8")
    asyncio.run(rejudge(folder, ["right.yaml"], None, Progress(), 8))
    assert "tasks.rent.target: the judge finds no target; add another judge, or write the right answer" in caplog.text
    assert load(folder).measures["right"].tolist()[:2] == [1.0, 0.0]


def test_the_same_again_changes_nothing_and_more_extends(workdir: Path) -> None:
    folder = brought().folder
    before = load(folder)
    keys = set(before.rollouts["rollout"])
    assert brought().new == 0
    more = [*ROWS, {"q": "loan", "arm": "team", "text": "new", "p": "How much?", "gold": 42}]
    assert brought(more).new == 1
    after = load(folder)
    assert keys < set(after.rollouts["rollout"])
    assert after.meta["factors"] == {"arm": ["firm", "solo", "team"]}
    assert (after.meta["seed"], after.meta["created"]) == (before.meta["seed"], before.meta["created"])


SCORES = ("{name: sim/replies}", "{name: sim/chatter}")
CHANGES: list[tuple[str, Any, str]] = [
    ("text", "It is 43.", "task loan, arm=firm, draw 1: the text differs"),
    ("p", "Why?", "prompt of task loan: was 'How much?', is 'Why?'"),
    ("gold", 41, "target of task loan: was '42', is '41'"),
]


@pytest.mark.parametrize(("field", "value", "message"), CHANGES)
def test_what_is_there_is_never_changed(workdir: Path, field: str, value: Any, message: str) -> None:
    brought()
    with pytest.raises(MismatchError, match=re.escape(message)):
        brought([{**ROWS[0], field: value}])
    assert len(load("runs/old").rollouts) == 4


def test_another_experiment_is_refused(workdir: Path) -> None:
    brought()
    with pytest.raises(MismatchError, match="the run's factors are arm, but the file's factors are setup"):
        brought(columns=Columns.of("q", "text", factors=["setup=arm"]))
    asyncio.run(session.run(design(SCORES), Path("runs/firm"), Selection(), Progress()))
    with pytest.raises(MismatchError, match="this run was made from a scenario"):
        table("old.jsonl", "jsonl", COLUMNS, out="runs/firm")
    with pytest.raises(MismatchError, match="imported texts"):
        asyncio.run(session.run(design(SCORES), Path("runs/old"), Selection(), Progress()))


def test_several_factors_and_a_column_of_draws(workdir: Path) -> None:
    rows = [{"q": 1, "a": "x", "b": True, "n": str(n), "text": f"{n}"} for n in (7, 3)]
    done = brought(rows, Columns.of("q", "text", factors=["team=a", "warm=b"], draw="n"))
    frame = load(done.folder).rollouts
    assert list(frame[["task", "condition", "team", "warm", "draw"]].itertuples(index=False, name=None)) == [
        ("1", "team=x,warm=true", "x", "true", 7),
        ("1", "team=x,warm=true", "x", "true", 3),
    ]


# --- mistakes -------------------------------------------------------------------------------------------------------

ONE = b'{"q": "a", "text": "one"}\n'
MISTAKES: list[tuple[str, bytes, Sequence[str]]] = [
    ("jsonl", b"", ["there are no rows"]),
    ("csv", b"q,text\n", ["there are no rows"]),
    ("jsonl", ONE + b'{"q": "a", "txet": ""}\n', ["f.jsonl:2:1: text: there is no column 'text'; did you mean 'txet'"]),
    ("csv", b"q,body\na,b\n", ["f.csv:2:1: text: there is no column 'text'; known: q, body"]),
    ("jsonl", ONE + b'{"q": "a", \n', ["f.jsonl:2:12: not JSON: Expecting property name"]),
    ("jsonl", b"[1]\n3\n", ["f.jsonl:1:1: a JSON list", "f.jsonl:2:1: a JSON int; write an object"]),
    ("jsonl", ONE + b'{"q": "\xff", "text": ""}\n', ["f.jsonl:2:8: bytes that are not UTF-8; save the file as UTF-8"]),
    ("csv", b"q,text\na,\xff\n", ["f.csv:2:3: bytes that are not UTF-8"]),
    ("csv", b"q,text\na\nb,c,d\n", ["f.csv:2:1: 1 values under 2 columns", "f.csv:3:1: 3 values under 2 columns"]),
    ("csv", b'q,text\na,"b" c\n', ["f.csv:2:1: not CSV:"]),
    ("csv", b'q,text\na,"b\nc\nd', ["f.csv:2:1: not CSV: unexpected end of data"]),
    ("csv", b"q,q\na,b\n", ["f.csv:1:1: two columns are called 'q'"]),
    ("jsonl", b'{"q": "a", "text": ["x"]}', ["text: the output is a list; text, or null"]),
    ("jsonl", b'{"q": "", "text": "x"}', ["f.jsonl:1:1: q: found nothing; a name, such as loan or 3"]),
    ("jsonl", b'{"q": {}, "text": "x"}', ["q: found an object"]),
    ("jsonl", b'{"q": "a", "text": NaN}', ["not JSON: NaN is not a JSON number"]),
    ("jsonl", b"[" * 100_000, ["f.jsonl:1:1: not JSON:"]),
    ("jsonl", b"\x00\n", ["f.jsonl:1:1: not JSON:"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content", "messages"), MISTAKES)
def test_a_mistake_is_told_at_its_line(workdir: Path, kind: Any, content: bytes, messages: Sequence[str]) -> None:
    file = Path(f"f.{kind}")
    file.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        table(file, kind, Columns.of("q", "text"))
    for message in messages:
        assert message in str(caught.value)
    assert not Path("runs").exists()


def test_rows_that_disagree_are_told(workdir: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**ROWS[0], "n": 1},
        {**ROWS[0], "n": 1},
        {**ROWS[1], "n": 1, "p": "Why?"},
        {**ROWS[1], "n": 2, "gold": 7},
        {**ROWS[1], "n": -1},
        {**ROWS[1], "n": "x", "gold": []},
    ]
    with pytest.raises(ScenarioError) as caught:
        brought(rows, Columns.of("q", "text", "arm", draw="n", prompt="p", target="gold"))
    said = str(caught.value).split("\n")
    assert [at[: at.index(": ")] for at in said] == [f"old.jsonl:{n}:1" for n in (2, 3, 4, 5, 6)]
    assert "draw 1 of loan, arm=firm is already on line 1; each draw only once" in said[0]
    assert "task loan has a different prompt than before: Why?, not How much?" in said[1]
    assert "a different target than before: 7, not 42" in said[2]
    assert "the draw -1; a whole number, such as 1" in said[3]


def test_mistakes_of_one_kind_are_told_once_and_many_kinds_are_counted(workdir: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        brought([{"q": "a"}] * 500)
    assert "there is no column 'text', and 499 more like it, to line 500" in str(caught.value)
    with pytest.raises(ScenarioError) as caught:
        brought([{"q": f"t{n}" * 101, "text": "x", "arm": 1, "p": "", "gold": ""} for n in range(50)])
    said = str(caught.value).split("\n")
    assert len(said) == 5
    assert "and 45 more like these, to line 50" in said[-1]


def test_levels_that_read_alike_are_told(workdir: Path) -> None:
    rows = [{"q": "t", "a": "1,b=2", "b": "3", "text": "x"}, {"q": "t", "a": "1", "b": "2,b=3", "text": "x"}]
    with pytest.raises(ScenarioError, match="matches two combinations of levels"):
        brought(rows, Columns.of("q", "text", factors=["a=a", "b=b"]))


OPTIONS = [
    (["--condition", "arm", "--factor", "a=b"], "cannot be combined"),
    (["--factor", "arm"], "write NAME=COLUMN"),
    (["--factor", "status=arm"], "'status' is a column of every run"),
    (["--factor", "a-b=arm"], "'a-b' is not a plain name"),
    (["--factor", "a=arm", "--factor", "a=p"], "'a' appears twice"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_wrong_options_are_told(workdir: Path, options: list[str], message: str) -> None:
    write(ROWS)
    result = CliRunner().invoke(app, ["import", "jsonl", "old.jsonl", "--task", "q", "--output", "text", *options])
    assert isinstance(result.exception, ScenarioError)
    assert message in str(result.exception)


def test_the_commands(workdir: Path) -> None:
    options = ["--task", "q", "--output", "text", "--condition", "arm", "--prompt", "p", "--name", "mine"]
    write(ROWS)
    result = CliRunner().invoke(app, ["import", "jsonl", "old.jsonl", *options])
    assert result.exit_code == 0
    assert "runs/mine: 4 texts (2 empty) on 2 tasks in 2 conditions; 4 new" in result.stdout
    with Path("old.csv").open("w", newline="", encoding="utf-8-sig") as file:
        out = csv.DictWriter(file, ROWS[0])
        out.writeheader()
        out.writerows(ROWS)
    result = CliRunner().invoke(app, ["import", "csv", "old.csv", *options, "--out", "table"])
    assert result.exit_code == 0
    assert places(Path("table")) == places(Path("runs/mine"))
    result = CliRunner().invoke(app, ["import", "csv", "none.csv", *options])
    assert "none.csv: cannot be read" in str(result.exception)


# --- any text, any size ---------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.text(), min_size=1, max_size=5), st.sampled_from(("jsonl", "csv")))
def test_any_text_comes_in_as_it_is(tmp_path_factory: pytest.TempPathFactory, texts: list[str], kind: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    file = folder / "f"
    with file.open("w", newline="", encoding="utf-8") as out:
        if kind == "csv":
            rows = csv.writer(out)
            rows.writerows([("q", "text"), *(("a", text) for text in texts)])
        else:
            out.writelines(json.dumps({"q": "a", "text": text}) + "\n" for text in texts)
    done = table(file, kind, Columns.of("q", "text"), out=folder / "run")
    kept = [None if output != output else output for output in load(done.folder).rollouts["output"]]
    assert kept == [text if text.strip() else None for text in texts]


def test_lone_surrogates_and_a_megabyte_come_in(workdir: Path) -> None:
    brought([{"q": "a", "text": "\ud800"}, {"q": "a", "text": "x" * 2**20}], Columns.of("q", "text"))
    assert load("runs/old").rollouts["output"].str.len().tolist() == [1, 2**20]


@pytest.mark.process
def test_a_large_file_is_not_kept_in_memory(workdir: Path) -> None:
    with Path("big.jsonl").open("w", encoding="utf-8") as file:
        for n in range(20_000):
            file.write(json.dumps({"q": f"t{n % 50}", "text": f"{n} " + "word " * 600}) + "\n")
    assert Path("big.jsonl").stat().st_size > 60_000_000
    code = (
        "import resource\nfrom agentlab.runs.imports import Columns, table\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "table('big.jsonl', 'jsonl', Columns.of('q', 'text'), out='big')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < 60, "MB more than before"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
