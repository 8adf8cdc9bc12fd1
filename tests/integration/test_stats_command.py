"""`agentlab stats` prints what applies to a run, says why the rest does not, and writes the same tables as CSV."""

import asyncio
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.main import app
from agentlab_cli.stats import app as stats
from typer.testing import CliRunner

from agentlab.analysis.analyse import analyse, attempts
from agentlab.analysis.cells import columns, text
from agentlab.analysis.headline import headline
from agentlab.analysis.registry import ANALYSES, OPTIONS
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, StoreError
from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import Run, load
from tests.support.firm import design
from tests.support.loops import trained

SCORES = (("{name: sim/replies}", "{name: sim/chatter}"), ("spec: 1", "spec: 1\nseed: 7"))


def played(*changes: tuple[str, str]) -> Run:
    asyncio.run(session.run(design(*SCORES, *changes), Path("run"), Selection(), Progress()))
    return load("run")


def says(*argv: str) -> str:
    result = CliRunner().invoke(app, ["stats", "run", *argv])
    if result.exception is not None:
        raise result.exception
    return result.stdout


# --- cells ----------------------------------------------------------------------------------------------------------


def shown(**data: Any) -> dict[str, list[str]]:
    return {column.heading: list(column.cells) for column in columns(pd.DataFrame(data))}


def test_an_interval_stands_in_the_cell_of_its_estimate() -> None:
    assert shown(value=[0.1234], low=[0.1], high=[0.1459]) == {"value": ["0.123 [0.100, 0.146]"]}
    assert shown(mean=[0.5], n=[3], mean_low=[0.4], mean_high=[0.6]) == {"mean": ["0.500 [0.400, 0.600]"], "n": ["3"]}
    assert shown(share=[0.833, 0.0055], low=[9.4e-8, 0.0026], high=[1.0, 0.017]) == {
        "share": ["0.833 [0.000, 1.000]", "0.0055 [0.0026, 0.0170]"]
    }
    assert shown(difference=[0.5], these_low=[0.4], these_high=[None]) == {
        "difference": ["+0.500"],
        "these": ["[0.400, none]"],
    }
    assert shown(value=[1.5, None], low=[None, None], high=[None, None]) == {"value": ["1.500", ""]}


def test_a_column_that_is_missing_everywhere_is_left_out() -> None:
    assert shown(a=["x", ""], b=[None, None], c=["", ""], d=[float("nan"), 1.0]) == {"a": ["x", ""], "d": ["", "1.000"]}


def test_a_column_that_only_sounds_like_an_end_is_a_column() -> None:
    assert shown(low=[1.0], follow=[2.0]) == {"low": ["1.000"], "follow": ["2.000"]}
    assert shown(a_high=[1.0]) == {"a high": ["1.000"]}


@pytest.mark.parametrize(
    ("value", "heading", "cell"),
    [
        (True, "", "yes"),
        (12345, "", "12,345"),
        (12345.6, "", "12,346"),
        (0.00001234, "p", "<.001"),
        (0.0004, "holm_p", "<.001"),
        (0.04, "p", "0.040"),
        (-0.25, "difference", "-0.250"),
        (0.0, "", "0.000"),
        (float("inf"), "", "∞"),
        (("ann", "ben"), "", "ann, ben"),
        (pd.NA, "", ""),
        (None, "", ""),
        ("a\nb\x1b", "", "a⏎b␛"),
        (3.7e-17, "difference", "+0.000"),
    ],
)
def test_a_value_as_text(value: Any, heading: str, cell: str) -> None:
    assert text(value, heading) == cell


# --- the registry ---------------------------------------------------------------------------------------------------


def test_every_analysis_has_a_command_of_its_name_and_takes_what_it_says() -> None:
    commands = {command.name: command.callback for command in stats.registered_commands}
    for name, entry in ANALYSES.items():
        options = inspect.signature(commands[name] or stats).parameters
        known = inspect.signature(entry.load()).parameters
        assert {*entry.takes, *filter(None, [entry.value])} <= known.keys()
        assert next(iter(known)) == "run"
        assert bool(entry.value) == bool(entry.metavar)
        assert {*entry.takes, *filter(None, [entry.value])} <= options.keys(), "what it takes can be given"
    assert {taken for entry in ANALYSES.values() for taken in entry.takes} == OPTIONS.keys()


@pytest.mark.process
def test_help_imports_no_pandas() -> None:
    code = (
        "import sys; from agentlab_cli.main import app; app(['stats', '--help'], standalone_mode=False); "
        "print([name for name in ('pandas', 'numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n"), done.stderr


def test_what_a_run_does_not_hold_is_a_reason(workdir: Path) -> None:
    run = played()
    found = dict(attempts(run, {}))
    assert found.keys() == ANALYSES.keys()
    why = found["attribution"]
    assert isinstance(why, AnalysisError)
    assert "agentlab resample" in str(why), "the command that makes what is missing"
    assert dict(attempts(run, {}, without=["mixed"])).keys() == ANALYSES.keys() - {"mixed"}
    with pytest.raises(AnalysisError, match="has no measure 'utilty'; it has utility"):
        analyse(run, "components", {"measure": "utilty"})
    with pytest.raises(AnalysisError, match=r"agentlab stats run path ROLLOUT \(the beginning of a key, or task="):
        analyse(run, "path", {})


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_overview_has_the_result_a_line_on_each_analysis_and_what_the_others_need(workdir: Path) -> None:
    run = played()
    out = says()
    assert out.startswith("\n".join(headline(summarize(run))))
    for name, found in attempts(run, {}):
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        reason = str(found).partition("\n")[0].removeprefix("run: ").removeprefix("run ")
        assert line.endswith(reason if isinstance(found, AnalysisError) else found.headline)


def test_the_overview_of_a_loop_says_each_sentence_once(workdir: Path) -> None:
    run = trained(workdir)
    out = says()
    assert [out.count(sentence) for sentence in headline(summarize(run))[:2]] == [1, 1]
    assert "\ngenerations    see the first lines; its tables are generations, gains, parting" in out


def test_one_analysis_is_printed_with_its_tables_as_csv(workdir: Path) -> None:
    run = played()
    found = analyse(run, "components", {"measure": "utility"})
    for words in (
        ["components", "--csv", "tables", "--measure", "utility"],
        ["--csv", "tables", "--measure", "utility", "components"],
    ):
        out = says(*words)
        files = sorted(path.name for path in Path("tables").iterdir())
        assert len(files) == len(found.tables)
        assert "wrote into tables: components.csv" in out
        first = pd.read_csv("tables/components.csv")
        pd.testing.assert_frame_equal(first, found.tables["components"], check_dtype=False)
        assert "Contrasts" not in out
    assert says("components", "--quiet", "--csv", "more") == ""
    assert Path("more/components.csv").exists()


def test_programs_read_the_same_as_json(workdir: Path) -> None:
    run = played()
    every = json.loads(says("--json"))
    assert every["headline"] == list(headline(summarize(run)))
    assert every["analyses"].keys() | every["lacking"].keys() == ANALYSES.keys()
    one = json.loads(says("components", "--json"))
    assert one == every["analyses"]["components"]
    assert len(one["tables"]["components"]) == len(analyse(run, "components", {}).tables["components"])


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_folded(
    width: int, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = played()
    monkeypatch.setenv("COLUMNS", str(width))
    for words in ([], ["contrasts"], ["components"], ["labels"], ["judges"]):
        out = says(*words)
        assert max(map(len, out.splitlines())) <= width
        known = out.split()
        for analysis in words:
            for table in list(analyse(run, analysis, {}).tables.values())[:1]:
                assert all(word in known for one in columns(table, 240) for word in " ".join(one.cells).split())


def test_what_is_asked_for_and_not_there_ends_with_its_reason(workdir: Path) -> None:
    played()
    with pytest.raises(AnalysisError, match="no forks"):
        says("attribution")
    with pytest.raises(AnalysisError, match="has no measure 'utilty'; it has utility"):
        says("--measure", "utilty")
    with pytest.raises(AnalysisError, match="has no measure 'x'"):
        says("components", "--measure", "x")
    with pytest.raises(StoreError, match="no run 'nothing', neither as a folder nor under runs/"):
        CliRunner().invoke(app, ["stats", "nothing"], catch_exceptions=False)
    Path("file").write_text("")
    with pytest.raises(StoreError, match="give another folder with --csv"):
        says("components", "--csv", "file")


def test_help_names_every_analysis(workdir: Path) -> None:
    out = CliRunner().invoke(app, ["stats", "--help"]).stdout
    assert all(f" {name} " in out for name in ANALYSES)
    assert "--embeddings" in CliRunner().invoke(app, ["stats", "any", "decompose", "--help"]).stdout


def test_a_judge_that_fails_its_anchors_is_doubted_wherever_its_scores_are_described(workdir: Path) -> None:
    run = played()
    judged = {m.judge: m.name for m in run.measured if run.meta["judges"][m.judge] is not None}
    fine = analyse(run, "components", {}).notes
    run.meta["anchors"] = {judge: {"suppressed": ["AUC 0.50"]} for judge in judged}
    doubts = [note for note in analyse(run, "components", {}).notes if note not in fine]
    assert judged
    assert doubts == [f"{m}: these are the judge's scores, which may be wrong: AUC 0.50" for m in judged.values()]
