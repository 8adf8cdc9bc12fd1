"""What may be concluded is said in the same words by every command, and not before the run is finished."""

import asyncio
import json
import sqlite3
from contextlib import chdir, closing
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.analyse import analyse
from agentlab.errors import AnalysisError, MismatchError, ScenarioError
from agentlab.experiment import session
from agentlab.experiment.specs import Selection
from agentlab.report.report import write
from agentlab.scenario.loading import load as load_design

SCENARIO = (
    """\
spec: 1
name: choices
seed: 1
models:
  default: {name: sim/replies, options: {replies: {good: {'42': 0.95, '41': 0.05}, bad: {'42': 0.05, '41': 0.95}}}}
tasks:
"""
    + "".join(f"  t{i}: {{prompt: Question {i}., target: 42}}\n" for i in range(8))
    + """\
organization:
  agents:
    good: {system: Answer.}
    bad: {system: Answer.}
  cast: [good]
  protocol: {kind: chain, stages: [[good]]}
factors:
  team:
    careful: {}
    hasty: {organization: {cast: [bad], protocol: {kind: chain, stages: [[bad]]}}}
draws: 4
judges: [final_number]
measures: {correct: {judge: final_number}}
"""
)


def command(*words: str) -> str:
    """What the command prints at 80 columns; its error is raised."""
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def killed(folder: Path, key: str, value: int) -> None:
    """Leaves the run as a killed command does that asked for more."""
    with closing(sqlite3.connect(folder / "run.db")) as connection, connection:
        changed = f"json_set(value, '$[0].{key}', {value}, '$[0].options', json('[\"--{key}\", \"{value}\"]'))"
        connection.execute(f"UPDATE meta SET value = {changed} WHERE key = 'asked'")


def listing(*words: str) -> list[tuple[str, str, int, int]]:
    """The runs of a folder: name, state, rollouts that are done, and those that were asked for."""
    runs = json.loads(command("list", *words, "--json"))["runs"]
    return sorted((run["run"], run["state"], run["done"], run["planned"]) for run in runs)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, `runs/choices`, what its ending said, and `runs/part` with one of the ten draws it was to have."""
    folder = tmp_path_factory.mktemp("conclusions")
    with chdir(folder):
        Path("choices.yaml").write_text(SCENARIO, encoding="utf-8")
        Path("said.txt").write_text(command("run", "choices.yaml"), encoding="utf-8")
        command("run", "choices.yaml", "--out", "runs/part", "--draws", "1")
        killed(Path("runs/part"), "draws", 10)
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_every_page_says_the_conclusion_in_the_same_words(here: Path) -> None:
    words = "careful better"
    assert "careful did better than hasty" in flat(Path("said.txt").read_text("utf-8"))
    assert words in flat(command("stats", "choices", "contrasts"))
    run = agentlab.load("choices")
    assert analyse(run, "contrasts", {}).tables["contrasts"]["conclusion"].tolist() == [words]
    assert analyse(run, "contrasts", {}).tables["differences"]["conclusion"].tolist() == [words]
    page = write(run, here / "page")
    assert words in (page.parent / "tables" / "contrasts.csv").read_text("utf-8")


def test_the_contrasts_are_one_table_of_80_columns_and_the_rest_on_request(here: Path) -> None:
    said = command("stats", "choices", "contrasts")
    assert max(map(len, said.splitlines())) <= 80
    assert said.startswith("Result: a difference was found in 1 of 1 exploratory contrast (p not adjusted).")
    assert "correct (exploratory)" in said
    assert flat(said).endswith("agentlab stats runs/choices contrasts --all")
    assert "identical calls" not in said
    assert "identical calls" in command("stats", "choices", "contrasts", "--all")


def test_an_unfinished_run_concludes_nothing_and_says_what_to_type(here: Path) -> None:
    again = "agentlab run choices.yaml --draws 10 --out runs/part"
    said = flat(command("stats", "part"))
    assert said.startswith(f"144 of 160 rollouts are not played yet; to play the rest: {again}. correct: ")
    assert "nothing is concluded yet, because only 16 of their 160 rollouts are played." in said
    assert ("part", "stopped", 16, 160) in listing()
    assert "144 of 160 rollouts of runs/part are not played yet." in flat(command("compare", "choices", "part"))
    assert "16 of 160 rollouts are played." in flat(command("doctor", "part"))
    (contrast,) = agentlab.summarize(agentlab.load("part")).contrasts
    assert (contrast.outcome, contrast.p, contrast.different) == ("unfinished", None, False)
    assert command("stats", "part", "contrasts").startswith("Result: nothing is concluded yet")


@pytest.mark.parametrize(
    ("options", "size"),
    [(["--draws", "1"], 16), (["--draws", "6"], 96), (["--tasks", "t1,t2"], 16), (["--only", "team=hasty"], 32)],
)
def test_a_run_is_finished_when_all_is_played_that_its_commands_asked_for(
    options: list[str], size: int, made: Path, workdir: Path
) -> None:
    (workdir / "choices.yaml").write_text(SCENARIO, encoding="utf-8")
    said = command("run", "choices.yaml", *options)
    assert "not played yet" not in flat(said)
    assert "not finished" not in flat(said)
    assert listing() == [("choices", "finished", size, size)]
    command("run", "choices.yaml", "--tasks", "t0", "--draws", "1")
    asked = agentlab.load("choices").meta["asked"]
    command("run", "choices.yaml")
    assert listing() == [("choices", "finished", max(64, size), max(64, size))]
    assert len(asked) == (2 if options[0] != "--draws" else 1)


def test_a_run_that_is_starting_is_listed_by_its_name_and_what_it_is_to_play(workdir: Path) -> None:
    (workdir / "choices.yaml").write_text(SCENARIO, encoding="utf-8")
    design = load_design("choices.yaml")
    seen = list[tuple[str, str, int, int]]()

    async def begin() -> None:
        async with session.begun(design, Path("runs/choices"), selection=Selection(draws=9)):
            seen.extend(listing())

    asyncio.run(begin())
    assert seen == [("choices", "running", 0, 144)]


def test_commands_that_are_suggested_work_on_the_run_or_say_what_they_need(here: Path) -> None:
    said = flat(command("stats", "choices"))
    assert "agentlab judge runs/choices --with preference --judge-model PROVIDER/NAME`" in said
    assert "--probe" not in said
    assert "the run needs a judge of kind rubric that scores outputs, or one that compares arms" in said


def test_answers_that_could_not_be_read_are_told_where_arms_differ_in_them(workdir: Path) -> None:
    unsure = SCENARIO.replace("'41': 0.95}", "'No idea.': 0.95}").replace("final_number}", "final_number, unparsed: 0}")
    (workdir / "choices.yaml").write_text(unsure, encoding="utf-8")
    told = "correct counts the outcome `unparsed` as 0: 29 of 32 (hasty), 0 of 32 (careful). Conditions differ in this."
    assert f"Warning: {told}" in flat(command("run", "choices.yaml"))
    assert told in flat(command("stats", "choices"))
    assert told in flat(command("stats", "choices", "contrasts"))


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("final_number}}", "final_number, unparsd: 0}}", "unknown field 'unparsd'"),
        ("judges: [final_number]", "judges: [final_numbr]", "no judge 'final_numbr' beside the scenario or shipped"),
        ("judges: [final_number]\n", "", "no judge 'final_number' under judges"),
    ],
)
def test_one_mistake_is_one_message(workdir: Path, old: str, new: str, wrong: str) -> None:
    text = SCENARIO.replace(old, new) + "compare: {primary: {team: {team: [careful, hasty], measures: [correct]}}}\n"
    (workdir / "choices.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_design("choices.yaml")
    (mistake,) = caught.value.mistakes
    assert mistake.wrong.startswith(wrong)
    assert "no names to choose from" not in str(caught.value)


def test_a_message_without_which_nobody_acts_is_said_to_be_why_forks_have_no_score(workdir: Path) -> None:
    two = SCENARIO.replace("cast: [good]", "cast: [good, bad]").replace("[[good]]", "[[good], [bad]]")
    (workdir / "choices.yaml").write_text(two, encoding="utf-8")
    command("run", "choices.yaml", "--draws", "1", "--only", "team=careful")
    told = "drop 1: none of 2 forks has a score: they ended incomplete, because no agent acts after the cut."
    assert told in command("resample", "choices", "--rollout", "task=t0,draw=1", "--drop", "1", "-n", "2", "--yes")
    with pytest.raises(AnalysisError, match="has no changed fork with a score") as caught:
        analyse(agentlab.load("choices"), "interventions", {})
    assert told in str(caught.value)


def test_another_scenario_in_the_folder_is_named_and_values_are_as_in_yaml(here: Path) -> None:
    other = SCENARIO.replace("name: choices", "name: other").replace("target: 42", "target: 43")
    Path("other.yaml").write_text(other.replace("t7: {", "t9: {"), encoding="utf-8")
    with pytest.raises(MismatchError) as caught:
        command("run", "other.yaml", "--out", "runs/choices")
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("runs/choices/run.db: this is a run of 'choices', not of 'other'; ")
    assert "  tasks.t7: was {prompt: Question 7., target: '42'}, is not there" in lines


def test_a_run_without_a_loop_has_no_training_rows(here: Path) -> None:
    with pytest.raises(ScenarioError, match="runs/choices has no self-training loop, so it has no training rows"):
        command("export", "rows", "choices", "rows.jsonl", "--as", "trl")


def test_the_list_and_the_headline_agree_on_what_is_judged(here: Path) -> None:
    command("run", "choices.yaml", "--out", "runs/two", "--draws", "4")
    Path("other.yaml").write_text("kind: match\nby: exact\n", encoding="utf-8")
    command("judge", "runs/two", "--with", "other.yaml")
    with closing(sqlite3.connect("runs/two/run.db")) as connection, connection:
        first = "SELECT min(rollout) FROM verdict_rows"
        connection.execute(
            "DELETE FROM verdict_rows WHERE sort IN (SELECT id FROM verdict_sorts WHERE judge = 'other') "
            f"AND rollout = ({first})"
        )
        connection.execute("DELETE FROM meta WHERE key = 'totals'")
    listed = {run["run"]: run["state"] for run in json.loads(command("list", "--json"))["runs"]}
    assert (listed["two"], listed["choices"]) == ("stopped", "finished")
    assert agentlab.summarize(agentlab.load("two")).unjudged == 1
    assert agentlab.summarize(agentlab.load("choices")).unjudged == 0


def test_a_comparison_says_over_what_a_difference_is_and_that_same_rollouts_test_nothing(here: Path) -> None:
    said = flat(command("compare", "choices", "part"))
    assert "same scores in 8 pairs" in said
    assert "Differences are over the pairs of task and draw that both runs have (8 or more)" in said
    with pytest.raises(AnalysisError, match="summarize takes one run, and this is a group of 2"):
        agentlab.summarize(agentlab.concat(["choices", "part"]))


def test_a_wrong_name_names_the_nearest_and_quiet_commands_say_nothing(here: Path) -> None:
    with pytest.raises(ScenarioError, match=r"^no run 'runs/choises'; did you mean 'choices'\?$"):
        command("show", "runs/choises")
    for words in (("show", "choices"), ("plan", "choices.yaml"), ("compare", "choices", "part")):
        assert command(*words, "--quiet") == ""


def test_judge_and_resample_print_one_object(here: Path) -> None:
    drawn = json.loads(command("resample", "part", "--every-round", "-n", "2", "--tasks", "t1", "--json"))
    assert (drawn["forks"], drawn["cost"], len(drawn["cuts"])) == (4, 0.0, 1)
    judged = json.loads(command("judge", "part", "--with", "same_answer", "--judge-model", "sim/chatter", "--json"))
    assert judged["name"] == "choices"
