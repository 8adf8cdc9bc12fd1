"""What became of a reply, through a run: refused, cut off, not read, and the value that each has."""

import asyncio
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from agentlab_cli.table import ending
from rich.console import Console
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.passes import tries
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, ScenarioError
from agentlab.report.compute import arms as spent
from agentlab.report.design import facts, listed
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_scenario
from agentlab.types import Capabilities, Completion, Request, Stop, Usage
from tests.support.scenarios import chain, match, measured, numbered, rubric, scenario

NAME = "tests.integration.test_answers:Teller"


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the tasks apart by their number: the first so many are refused, cut off, not answered, answered right."""

    refused: int = 0
    cut: int = 0
    silent: int = 0
    right: int = 0
    says: str = "Answer: 7"
    name: str = "teller"
    capabilities: Capabilities = Capabilities(frozenset({"max_tokens"}), seed=True)

    async def complete(self, request: Request) -> Completion:
        usage = Usage(input=1, output=1)
        if request.where.purpose == "judge":
            return Completion('<verdict criterion="good"><reason>r</reason><score>5</score></verdict>', usage=usage)
        asked = re.findall(r"Question (\d+)", " ".join(entry.content for entry in request.chat))
        number = int(asked[-1])
        replies: list[tuple[int, str, Stop]] = [
            (self.refused, "I cannot say that it is 8.", "refusal"),
            (self.cut, "The sum of 3 and 4 co", "length"),
            (self.silent, "I do not know.", "end"),
            (self.right, self.says, "end"),
        ]
        for count, text, stop in replies:
            if number < count:
                return Completion(text, usage=usage, stop=stop)
            number -= count
        return Completion("Answer: 8", usage=usage)


def written(tasks: int, a: dict[str, Any], b: dict[str, Any], more: dict[str, Any], **sections: Any) -> str:
    return scenario(
        "told",
        models={"default": {"name": NAME, "options": a}, "judge": {"name": NAME}},
        tasks=numbered(tasks, target=7),
        organization=chain(["me"], says="You answer."),
        factors={"team": {"a": {}, "b": {"models": {"default": {"options": b}}}}},
        judges={"number": match("number"), **sections.pop("judges", {})},
        measures={"correct": measured("number", **more), **sections.pop("measures", {})},
        **sections,
    )


def run(tasks: int, a: dict[str, Any], b: dict[str, Any], more: dict[str, Any], **sections: Any) -> Run:
    base: dict[str, Any] = {"refused": 0, "cut": 0, "silent": 0, "right": 0}
    Path("s.yaml").write_text(written(tasks, {**base, **a}, {**base, **b}, more, **sections), encoding="utf-8")
    return asyncio.run(agentlab.run("s.yaml", "run"))


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_declared_value_holds_although_the_refusal_has_text(workdir: Path) -> None:
    told = run(60, {"refused": 20, "right": 32}, {"right": 37}, {"declined": 1})
    means = told.measures.groupby("team", observed=True)["correct"].mean()
    assert means.round(3).to_dict() == {"a": 0.867, "b": 0.617}
    (contrast,) = contrasts(told)
    assert contrast.result.difference == pytest.approx(0.25)
    assert contrast.declined == (20, 0)
    refused = told.measures["status"] == "declined"
    assert set(told.measures.loc[refused, "correct_outcome"]) == {"absent"}


def test_refusals_of_would_be_failures_do_not_make_an_arm_better(workdir: Path) -> None:
    """Either arm would answer 30 of 60; one refuses 20 of those that it would not."""
    told = run(60, {"refused": 20, "right": 30}, {"silent": 30, "right": 30}, {"declined": 0, "unparsed": 0})
    (contrast,) = contrasts(told)
    assert contrast.result.difference == pytest.approx(0)
    assert not contrast.different


def test_judges_are_not_asked_about_the_words_of_a_refusal(workdir: Path) -> None:
    told = run(
        8,
        {"refused": 5, "right": 2},
        {"right": 8},
        {},
        judges={"quality": rubric({"good": "Good?"})},
        measures={"utility": measured("quality", 0, 1)},
    )
    asked = told.calls[(told.calls["judge"] == "quality") & told.calls["rollout"].isin(told.rollouts["rollout"])]
    assert len(asked) == 16 - 5
    assert told.measures.loc[told.measures["status"] == "declined", ["correct", "utility"]].isna().all(axis=None)


# --- what was cut off or not read --------------------------------------------------------------------------------


def test_what_was_cut_is_counted_by_arm_and_told(workdir: Path) -> None:
    told = run(18, {"cut": 10, "right": 8}, {"cut": 4, "right": 14}, {})
    assert told.rollouts.groupby("team", observed=True)[["output_cut", "turns_cut"]].sum().to_numpy().tolist() == [
        [10, 10], [4, 4]
    ]  # fmt: skip
    summary = summarize(told)
    assert [arm.cut for arm in summary.arms] == [10, 4]
    (note,) = [note for note in summary.notes if note.startswith("Cut off")]
    assert note == (
        "Cut off by max_tokens: outputs 10 of 18 (team=a), 4 of 18 (team=b); turns 10 of 18 (team=a), 4 of 18 "
        "(team=b). The arms differ in this: raise max_tokens, or a difference between arms may come from length."
    )
    assert (
        "correct has no value for the outcome `truncated`: 10 of 18 (team=a), 4 of 18 (team=b). "
        "The arms differ in this." in summary.notes
    )
    assert set(told.measures.loc[told.rollouts["output_cut"], "correct_outcome"]) == {"truncated"}
    assert [summary.arms[0].measures["correct"].n, summary.arms[1].measures["correct"].n] == [8, 14]


@pytest.mark.parametrize(
    ("more", "mean", "n"), [({}, 1.0, 4), ({"unparsed": 0}, 2 / 3, 6), ({"unparsed": 0.5}, 5 / 6, 6)]
)
def test_no_answer_is_missing_or_worth_what_the_scenario_says(
    workdir: Path, more: dict[str, Any], mean: float, n: int
) -> None:
    told = run(6, {"silent": 2, "right": 4}, {"right": 6}, more)
    summary = summarize(told)
    found = summary.arms[0].measures["correct"]
    assert (found.observed, found.n) == (pytest.approx(mean), n)
    assert summary.arms[0].unread == {"correct": {"unparsed": 2}}
    counts = f"counts the outcome `unparsed` as {more['unparsed']:g}" if more else ""
    worth = counts or "has no value for the outcome `unparsed`"
    assert f"correct {worth}: 2 of 6 (team=a), 0 of 6 (team=b). The arms differ in this." in summary.notes


def test_lower_case_is_no_difference(workdir: Path) -> None:
    """A reader of capitals only made one of such arms better by .667."""
    judges = {"letter": match("choice", choices=["A", "B"])}
    text = written(6, {"right": 6, "says": "answer: b"}, {"right": 6, "says": "**Answer:** B"}, {}, judges=judges)
    text = (
        text.replace("target: 7", "target: B")
        .replace("number: {kind: match, by: number}", "")
        .replace("{judge: number}", "{judge: letter}")
    )
    Path("s.yaml").write_text(text, encoding="utf-8")
    assert asyncio.run(agentlab.run("s.yaml", "run")).measures["correct"].tolist() == [1.0] * 12


def test_what_a_model_judge_cannot_read_has_no_declared_value(workdir: Path) -> None:
    with pytest.raises(ScenarioError, match=r"measures\.utility\.unparsed.*judge 'quality' uses a model"):
        run(
            2,
            {},
            {},
            {},
            judges={"quality": rubric({"good": "Good?"})},
            measures={"utility": measured("quality", 0, 1, unparsed=0)},
        )


def test_the_ending_fits_the_terminal_and_shows_what_was_not_read(workdir: Path) -> None:
    quality = {"quality": rubric({"good": "Good?"})}
    measures = {"utility": measured("quality", 0, 1), "misalignment": measured("quality", 1, 0)}
    a, b = {"cut": 10, "right": 8}, {"refused": 2, "cut": 4, "silent": 3, "right": 9}
    told = run(18, a, b, {"truncated": 0}, judges=quality, measures=measures)
    screen = StringIO()
    ending(Console(width=80, file=screen), summarize(told), Path("run"))
    lines = screen.getvalue().split("Warning")[0].splitlines()
    tables = [line for line in lines if line.startswith(" ")]
    assert max(map(len, tables)) <= 80
    words = " ".join(" ".join(tables).split())
    assert "…" not in words
    for cell in ("cut off", "no score", "misalignment", "10 (10 turns)", "0.44 [0.", "suppressed"):
        assert cell in words, cell
    warned = " ".join(screen.getvalue().split())
    assert "Warning: Outputs cut off: 10 of 18 (a), 4 of 18 (b). Conditions differ in this: raise max_tokens" in warned
    assert "Next: agentlab show run --status" in warned


LETTER = """
class Letter:
    criteria = {"letter": (0, 1)}

    async def __call__(self, judge_input, client):
        raise ValueError("no letter")
"""


def test_a_judge_that_only_failed_leaves_no_measure(workdir: Path) -> None:
    run(2, {"right": 2}, {"right": 1}, {})
    Path("letter_here.py").write_text(LETTER)
    Path("letter.yaml").write_text("kind: letter_here:Letter\n")
    for words in (["judge", "run", "--with", "letter.yaml"], ["stats", "run"]):
        ended = CliRunner().invoke(app, words)
        assert ended.exit_code == (1 if words[0] == "judge" else 0), ended.output
    told = load("run")
    assert set(told.scores.loc[told.scores["judge"] == "letter", "outcome"]) == {"error"}
    assert [m.name for m in told.measured] == ["correct"]
    with pytest.raises(AnalysisError, match="has no 'letter' that one judge draw scores as right or wrong"):
        tries(told, "letter")


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written_as", ["3", "3.0", "0.10", "true", "0x10", "12345678901234567890123", "'3'"])
def test_a_target_stays_as_it_is_written(workdir: Path, written_as: str) -> None:
    text = scenario(
        "exact",
        models={"default": {"name": "sim/replies", "options": {"replies": {"*": {written_as.strip("'"): 1}}}}},
        tasks={"t": {"prompt": "Which?", "target": "WRITTEN"}},
        judges={"same": match("exact"), "found": match("regex", pattern="(.+)")},
    ).replace("WRITTEN", written_as)
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    if len(written_as) > 20:
        with pytest.raises(ScenarioError, match="at most 64 bits, or quote it"):
            asyncio.run(agentlab.run(path, "run"))
        return
    told = asyncio.run(agentlab.run(path, "run"))
    assert told.measures[["same", "found"]].to_numpy().tolist() == [[1, 1]]


def test_a_number_among_the_fields_that_lost_its_spelling_is_a_mistake(workdir: Path) -> None:
    tasks = {"t": {"prompt": "Which?", "fields": {"right": 0.1, "whole": 3}}}
    for field, mistaken in (("right", True), ("whole", False)):
        Path("s.yaml").write_text(scenario("s", tasks=tasks, judges={"same": match("exact", target=field)}))
        if mistaken:
            with pytest.raises(ScenarioError, match=r"tasks\.t\.fields\.right: .* finds the target 0\.1 .*in quotes"):
                load_scenario("s.yaml")
        else:
            load_scenario("s.yaml")


def test_a_target_of_a_level_and_of_a_line_of_json_stays_as_it_is_written(workdir: Path) -> None:
    Path("tasks.jsonl").write_text('{"id": "t", "prompt": "Which?", "target": 0.10}\n')
    text = scenario(
        "lines",
        tasks={"t": {}},
        factors={"how": {"plain": {}, "other": {"tasks": {"t": {"target": "OTHER"}}}}},
    )
    text = re.sub(r"tasks:\n  t: \{\}\n", "tasks: !file tasks.jsonl\n", text).replace("OTHER", "3.50")
    Path("s.yaml").write_text(text)
    design = load_scenario("s.yaml")
    assert [condition.tasks["t"].target for condition in design.conditions] == ["0.10", "3.50"]


# --- what a failed or stopped command leaves --------------------------------------------------------------------------


def recorded(folder: str = "run") -> dict[str, Any]:
    return {name: value for name, value in load(folder).meta.items() if name != "looks"}


def test_a_command_that_cannot_begin_records_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    run(2, {"right": 2}, {"right": 1}, {})
    before, conditions = recorded(), len(load("run").conditions)
    Path("quality.yaml").write_text("kind: rubric\ncriteria: {good: {text: Good?}}\n")
    added = CliRunner().invoke(app, ["judge", "run", "--with", "quality.yaml", "--judge-model", "openai/gpt-4.1"])
    assert isinstance(added.exception, ScenarioError)
    text = Path("s.yaml").read_text(encoding="utf-8")
    text = text.replace("judges:\n", "judges:\n  more: {kind: rubric, model: paid, criteria: {good: {text: Good?}}}\n")
    text = text.replace("models:\n", "models:\n  paid: {name: openai/gpt-4.1}\n")
    Path("s.yaml").write_text(text.replace("  team:\n", "  team:\n    c: {models: {default: {options: {right: 0}}}}\n"))
    longer = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert isinstance(longer.exception, ScenarioError)
    assert recorded() == before
    assert len(load("run").conditions) == conditions


def test_ratios_compare_what_both_arms_finished(workdir: Path) -> None:
    """One arm was stopped in a rollout after the first of its two calls."""
    told = run(4, {"right": 2}, {"right": 1}, {})
    by = ["condition", "task"]
    rollouts, measures = (frame.sort_values(by, ignore_index=True) for frame in (told.rollouts, told.measures))
    rollouts["output_tokens"] = [10, 10, 10, 10, 20, 20, 20, 1]
    for frame in (rollouts, measures):
        frame.loc[7, "status"] = "cancelled"
    copy = load("run")
    copy.__dict__.update(rollouts=rollouts, measures=measures)
    (contrast,) = contrasts(copy)
    assert contrast.arms.compute["output tokens"] == pytest.approx(0.5)
    assert spent(copy)["output_tokens"].tolist() == [10, 20]


def test_what_was_stopped_is_not_counted_as_finished(workdir: Path) -> None:
    told = run(4, {"right": 2}, {"right": 1}, {})
    told.rollouts.loc[:2, "status"] = "cancelled"
    assert facts(told).set_index("what").loc["finished rollouts", "value"] == "5"
    assert listed(told)["rollouts"].sum() == 5
