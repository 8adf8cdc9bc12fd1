"""Length: a model whose long replies scatter more, in ways that are known, is run, split, grouped and averaged."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from known_truth.planted import gaussian, uniform
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.analysis.incoherence.effort import budgets
from agentlab.analysis.incoherence.length import length
from agentlab.analysis.remarks import Remarks
from agentlab.errors import AnalysisError
from agentlab.models.capabilities import EVERYTHING
from agentlab.models.simulated import chatter
from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.runs.frames import Run
from agentlab.stats.jackknife import ALIKE
from agentlab.stats.task_mean import task_mean
from agentlab.types import Capabilities, Completion, Request, Usage
from tests.support.scenarios import chain, match, measured, rubric, scenario
from tests.support.tables import column, only, rows

SHORT, LONG, SURE = (0.6, 0.4, 0.0, 0.0), (0.6, 0.15, 0.15, 0.1), (0.8, 0.2, 0.0, 0.0)
"""Chances of A to D, A being right: equal accuracy and Brier error (.8) of the first two, incoherence .600 and .731."""
WRONG = (0.2, 0.7, 0.1, 0.0)
"""In short tasks: mostly the same wrong answer."""
JUDGE_SD, SHORT_SD, LONG_SD = 0.04, 0.02, 0.10


@dataclass(frozen=True, slots=True)
class Thinker:
    """Thinks long or short, as a coin falls; `flat` makes its answers the same either way.

    A task of size n takes n times as long. Who reasons `high` takes three times as long and is right more often.
    """

    flat: bool = False
    name: str = "thinker"
    capabilities: Capabilities = EVERYTHING

    async def complete(self, request: Request) -> Completion:
        at, last = request.where.stream, request.chat[-1].content
        if request.where.purpose == "judge":
            return self._judged(last, at)
        long, size = uniform("coin", at) < 0.5, int(last.partition("Size ")[2].split()[0])
        chances = SURE if request.settings.reasoning == "high" else LONG if long and not self.flat else SHORT
        chances = WRONG if "always" in last else chances
        edges, point = np.cumsum(chances), uniform("answer", at)
        worth = 0.6 + (LONG_SD if long and not self.flat else SHORT_SD) * gaussian("worth", at)
        tokens = (
            size * (3 if request.settings.reasoning == "high" else 1) * (40 + 40 * long + int(30 * uniform("x", at)))
        )
        letter = "ABCD"[int(np.searchsorted(edges, point, side="right"))]
        usage = Usage(input=20, output=tokens + 5, reasoning=tokens)
        return Completion(f"It is worth {worth:.4f}.\nAnswer: {letter}", usage=usage)

    def _judged(self, last: str, at: int) -> Completion:
        worth = float(last.rpartition("It is worth ")[2].split("\n")[0].rstrip("."))
        score = round(100 * (worth + JUDGE_SD * gaussian("judge", at)))
        return Completion(
            "\n".join(chatter.verdict(name, str(score), RandomNumbers(at)) for name, _, _ in chatter.FORM.findall(last))
        )


TASKS = {
    f"t{i:02}": {"prompt": f"Size {i} {'always' if i <= 6 else 'seldom'}.", "target": "A", "fields": {"n": i}}
    for i in range(1, 13)
}


def written(tasks: int, draws: int, *, flat: bool = False) -> str:
    """The first so many of the tasks."""
    thinker = "tests.unit.analysis.test_length:Thinker"
    return scenario(
        "lengthy",
        seed=3,
        models={"default": {"name": thinker, "options": {"flat": flat}}, "judge": {"name": thinker}},
        tasks=dict([*TASKS.items()][:tasks]),
        organization=chain(["me"], says="You think."),
        factors={"effort": {level: {"models": {"default": {"reasoning": level}}} for level in ("low", "high")}},
        draws=draws,
        judges={
            "answer": match("choice", choices=["A", "B", "C", "D"]),
            "value": rubric({"worth": "What is it worth?"}, draws=2),
        },
        measures={"correct": measured("answer"), "worth": measured("value", 0, 1, target=1)},
    )


async def play(folder: Path, draws: int, *, flat: bool = False, tasks: int = 12) -> Run:
    path = folder / "s.yaml"
    path.write_text(written(tasks, draws, flat=flat), encoding="utf-8")
    return await agentlab.run(path, folder / "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Twelve tasks of 24 draws in two arms."""
    return asyncio.run(play(tmp_path_factory.mktemp("length"), 24))


@pytest.fixture(scope="module")
def found(run: Run) -> Analysis:
    return length(run, reference="effort=low")


def told(run: Run, arm: str) -> pd.DataFrame:
    """Of every rollout of an arm: its task, length, one-hot answer, mean score and the noise of that mean."""
    scores = run.scores.astype({"rollout": "str"})
    answers = scores[scores["judge"] == "answer"].set_index("rollout")["label"]
    judged = scores[scores["judge"] == "value"].groupby("rollout")["value"].agg(["mean", "var"]) / [100, 100**2]
    own = run.rollouts[run.rollouts["condition"] == arm].sort_values(["task", "draw"]).astype({"rollout": "str"})
    hot = np.eye(4)[[("ABCD").index(answers[key]) for key in own["rollout"]]]
    by = own["rollout"]
    kept = own[["task", "output_tokens"]].assign(mean=by.map(judged["mean"]), noise=by.map(judged["var"]) / 2)
    return kept.assign(hot=list(hot)).reset_index(drop=True)


def test_halves_are_the_short_and_long_draws_of_each_task(run: Run, found: Analysis) -> None:
    arm = "effort=low"
    variances: dict[tuple[str, str], list[float]] = {}
    errors: dict[tuple[str, str], list[float]] = {}
    for _, task in told(run, arm).groupby("task", observed=True):
        ordered = task.sort_values("output_tokens", kind="stable")
        for half, part in (("short", ordered.iloc[:12]), ("long", ordered.iloc[12:])):
            hot, noise = np.array(part["hot"].tolist()), float(part["noise"].mean())
            variances.setdefault(("correct", half), []).append(float(hot.var(axis=0, ddof=1).sum()))
            errors.setdefault(("correct", half), []).append(float(((hot - np.eye(4)[0]) ** 2).sum(axis=1).mean()))
            variances.setdefault(("worth", half), []).append(float(part["mean"].var(ddof=1)) - noise)
            errors.setdefault(("worth", half), []).append(float(((part["mean"] - 1) ** 2).mean()) - noise)
    for (measure, half), values in variances.items():
        one = only(found, "parts", measure=measure, condition=arm, half=half)
        mean, error = float(np.mean(values)), float(np.mean(errors[measure, half]))
        assert one["variance"] == pytest.approx(mean, abs=0.02 if measure == "correct" else 1e-3)  # ties fall by lot
        assert one["error"] == pytest.approx(error, rel=0.02)
        assert one["incoherence"] == pytest.approx(one["variance"] / one["error"])
        assert one["bias2"] == pytest.approx(one["error"] - one["variance"])
        assert one["tasks"] == 12
    first = only(found, "halves", measure="worth", condition=arm)
    parts = [only(found, "parts", measure="worth", condition=arm, half=half) for half in ("short", "long")]
    assert first["difference_in_variance"] == pytest.approx(parts[1]["variance"] - parts[0]["variance"])
    assert (first["short"], first["long"]) == (parts[0]["length"], parts[1]["length"])
    assert only(found, "parts", measure="correct", condition=arm, half="long")["accuracy"] == pytest.approx(
        0.4, abs=0.1
    )


def test_what_was_planted_shows_and_the_judges_error_does_not(found: Analysis) -> None:
    one = only(found, "halves", measure="worth", condition="effort=low")
    assert one["variance_p"] == pytest.approx(1 / 2001)
    assert one["incoherence_p"] == pytest.approx(1 / 2001)
    assert one["loss"] == "score"
    short, long = (only(found, "parts", measure="worth", condition="effort=low", half=h) for h in ("short", "long"))
    # a coin seldom falls evenly, so a half has some of the other's draws
    assert SHORT_SD**2 * 0.5 < short["variance"] < JUDGE_SD**2
    assert long["variance"] == pytest.approx(LONG_SD**2, rel=0.25)
    answers = only(found, "halves", measure="correct", condition="effort=low")
    assert answers["loss"] == "brier"
    assert answers["difference_in_variance"] > 0


def test_where_length_makes_no_difference_none_is_found(tmp_path: Path) -> None:
    flat = length(asyncio.run(play(tmp_path, 12, flat=True, tasks=8)))
    assert (flat.tables["halves"]["variance_p"] > 0.05).all()
    assert (flat.tables["halves"]["incoherence_p"] > 0.05).all()


def test_the_same_run_gives_the_same_numbers(run: Run, found: Analysis) -> None:
    again = length(agentlab.load(run.folder), reference="effort=low")
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert found.notes == again.notes
    assert found.says == "Short against long draws of the same tasks, by output tokens: 2 arms, at most 12 tasks."
    assert found.notes[0].startswith("Length was not randomized")
    assert "its estimates are less precise than those of the whole" in found.notes[1]


def test_buckets_hold_tasks_of_like_length_and_show_the_planted_bias(found: Analysis) -> None:
    short, long = rows(found, "buckets", measure="correct", condition="effort=low", by="own")
    assert [short["tasks"], long["tasks"]] == [6, 6]
    assert short["longest"] < long["shortest"]
    assert [short["error"], long["error"]] == pytest.approx([2 - 2 * WRONG[0], 0.8], abs=0.15)
    truth = 1 - sum(p * p for p in WRONG), 1 - sum(np.square(SHORT) + np.square(LONG)) / 2
    assert [short["variance"], long["variance"]] == pytest.approx(truth, abs=0.07)
    assert short["incoherence"] < short["incoherence_high"] < long["incoherence"]
    assert short["error"] == pytest.approx(short["bias2"] + short["variance"])
    slope = only(found, "slopes", measure="correct", condition="effort=low", by="own", of="log-log")
    steepest = np.log(long["incoherence"] / short["incoherence"]) / np.log(long["shortest"] / short["longest"])
    flattest = np.log(long["incoherence"] / short["incoherence"]) / np.log(long["longest"] / short["shortest"])
    assert 0 < flattest < slope["slope"] < steepest
    assert slope["low"] < slope["slope"] < slope["high"]
    assert slope["buckets"] == 2
    told = "correct, groups by own length: a line through two groups fits them whatever they are; its slope only "
    assert f"{told}compares the two" in found.notes


def test_tasks_that_do_not_make_two_groups_of_six_are_in_none(run: Run) -> None:
    fewer = agentlab.load(run.folder)
    few = run.rollouts["task"].astype("str").isin(sorted(run.rollouts["task"].astype("str").unique())[:11])
    fewer.__dict__["rollouts"] = run.rollouts[few]
    fewer.__dict__["scores"] = run.scores[
        run.scores["task"].astype("str").isin(run.rollouts.loc[few, "task"].astype("str"))
    ]
    found = length(fewer, measure="correct")
    assert not {"buckets", "slopes"} & found.tables.keys()
    told = "correct, groups by own length: none, 11 tasks, and at least 12 are needed for two groups of 6"
    assert told in found.notes


def test_by_a_reference_every_arm_has_the_same_tasks_in_a_bucket(found: Analysis) -> None:
    table = rows(found, "buckets", measure="correct", by="effort=low")
    for place in (1, 2):
        assert len({(row["shortest"], row["longest"]) for row in table if row["bucket"] == place}) == 1
    own = rows(found, "buckets", measure="correct", by="own", condition="effort=high")
    assert max(column(own, "longest")) > 2 * max(column(table, "longest"))
    itself = rows(found, "buckets", measure="correct", by="own", condition="effort=low")
    assert [row | {"by": "effort=low"} for row in itself] == [row for row in table if row["condition"] == "effort=low"]


def test_budgets_are_compared_beside_what_length_does_by_itself(run: Run, found: Analysis) -> None:
    table = {row["quantity"]: row for row in rows(found, "effort", measure="correct")}
    assert list(table) == ["length", "error", "bias2", "variance", "incoherence"]
    assert {(row["a"], row["b"], row["within"]) for row in table.values()} == {("effort=low", "effort=high", "")}
    low, high = (run.rollouts.loc[run.rollouts["effort"] == level, "output_tokens"].mean() for level in ("low", "high"))
    gap = table["length"]
    assert [gap["of_a"], gap["of_b"], gap["difference"]] == pytest.approx([low, high, low - high])
    assert gap["low"] < gap["difference"] < gap["high"] < 0
    known = decomposition(run, measure="correct")
    arms = [only(known, "decomposition", loss="brier", condition=f"effort={level}") for level in ("low", "high")]
    for name in ("error", "bias2", "variance", "incoherence"):
        assert table[name]["of_a"] == pytest.approx(arms[0][name])
        assert table[name]["difference"] == pytest.approx(arms[0][name] - arms[1][name])
    assert table["incoherence"]["low"] == pytest.approx(only(known, "differences", loss="brier")["difference_low"])
    tasks = pd.DataFrame(rows(known, "tasks", loss="brier")).pivot_table(
        index="task", columns="condition", values="error"
    )
    like = task_mean((tasks["effort=low"] - tasks["effort=high"]).to_numpy()).interval()
    assert [table["error"][name] for name in ("low", "high", "p")] == pytest.approx([like.low, like.high, like.p])
    halves = only(found, "halves", measure="correct", condition="effort=low")
    assert table["variance"]["halves_a"] == pytest.approx(halves["difference_in_variance"])
    assert table["incoherence"]["halves_a"] == pytest.approx(halves["difference_in_incoherence"])
    assert table["length"]["halves_a"] == pytest.approx(halves["long"] - halves["short"])
    assert not any("differ in more than reasoning" in note for note in found.notes)
    assert any(note.startswith("effort: a minus b") for note in found.notes)
    assert (
        f"worth, effort, error, bias2, variance, incoherence: {ALIKE}" in found.notes
    )  # coupled: the two arms draw the same worth


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ({"solver": "None"}, {"solver": "None", "checker": "None"}, False),
        ({"solver": "None"}, {"solver": "high", "checker": "None"}, True),
        ({"solver": "low"}, {"planner": "low"}, False),
        ({"solver": "low"}, {"planner": "high"}, True),
        ({"a": "low", "b": "high"}, {"a": "high", "b": "low"}, True),
    ],
)
def test_other_agents_are_no_other_budget(
    a: dict[str, str], b: dict[str, str], apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    arms = [
        {
            "condition": f"team={i}",
            "team": str(i),
            "facts": {"agents": {n: {"settings": {"reasoning": r}} for n, r in x.items()}},
        }
        for i, x in enumerate((a, b))
    ]
    monkeypatch.setattr("agentlab.analysis.incoherence.effort.confounds", Mock(return_value=[]))
    run = SimpleNamespace(conditions=pd.DataFrame(arms), factors={"team": ["0", "1"]})
    assert bool(budgets(cast("Run", run), Remarks())) == apart


def test_budgets_are_not_compared_in_what_one_judge_draw_adds_to(run: Run) -> None:
    once = agentlab.load(run.folder)
    once.__dict__["scores"] = run.scores[(run.scores["judge_draw"] == 0).to_numpy()]
    found = length(once)
    assert [row["quantity"] for row in rows(found, "effort", measure="worth")] == ["length", "error"]
    assert len(rows(found, "effort", measure="correct")) == 5
    told = "worth, effort: arms are not compared on incoherence or dispersion: judge noise is not separable"
    assert any(note.startswith(told) for note in found.notes)


def test_averages_of_draws_and_changes_of_answers(run: Run, found: Analysis) -> None:
    one, two = rows(found, "ensembles", measure="correct", condition="effort=low")
    assert [one["size"], two["size"], one["ensembles"], two["ensembles"]] == [1, 2, 12, 12]
    assert one["exponent"] == two["exponent"] == pytest.approx(np.log2(two["variance"] / one["variance"]))
    assert one["exponent"] == pytest.approx(-1, abs=0.4)
    assert rows(found, "ensembles", measure="worth") == []
    answers = run.scores[run.scores["judge"] == "answer"]
    for arm in ("effort=low", "effort=high"):
        own = answers[answers["condition"] == arm].groupby("task", observed=True)["label"].nunique()
        change = only(found, "changes", measure="correct", condition=arm)
        assert change["anywhere"] == change["within"] == pytest.approx(float((own > 1).mean()))
        assert change["between"] is None or np.isnan(change["between"])
        assert (change["tasks"], change["draws"]) == (12, 24)


def test_reasoning_tokens_turns_and_messages(run: Run) -> None:
    reasoned = length(run, "reasoning_tokens", measure="worth")
    assert set(reasoned.tables["halves"]["measure"]) == {"worth"}
    one = only(reasoned, "halves", condition="effort=low")
    assert one["long"] == pytest.approx(
        only(length(run, measure="worth"), "halves", condition="effort=low")["long"] - 5, abs=1e-6
    )
    turns = length(run, "turns")
    assert "halves" not in turns.tables
    assert "correct: no halves, no task has 4 draws of different lengths" in turns.notes
    assert "correct, groups by own length: none, every task has the same mean length" in turns.notes


def contexts() -> str:
    replies = [{"Answer: A": 1}, {"Answer: A": None, "Answer: B": 1}]
    model, other = ({"options": {"replies": {"*": chances}}} for chances in replies)
    return scenario(
        "contexts",
        models={"default": {"name": "sim/replies", **model}},
        tasks={
            "one": {"prompt": "Which?", "target": "A", "fields": {"context": "x"}},
            "two": {"prompt": "Which one?", "target": "A", "fields": {"context": "x"}},
            "six": {"prompt": "And now?", "target": "B", "fields": {"context": "y"}},
        },
        factors={
            "context": {"plain": {}, "other": {"models": {"default": other}}},
            "team": {"old": {}, "new": {"organization": {"agents": {"me": {"system": "You reply."}}}}},
        },
        draws=3,
        judges={"answer": match("choice", choices=["A", "B"])},
        measures={"correct": measured("answer")},
    )


async def test_levels_of_a_factor_called_context_are_contexts_of_a_task(workdir: Path) -> None:
    Path("c.yaml").write_text(contexts(), encoding="utf-8")
    run = await agentlab.run("c.yaml", "run")
    found = length(run, reference="team=old")
    table = found.tables["changes"]
    assert table["condition"].tolist() == ["team=old", "team=new"]
    assert table[["within", "between", "anywhere"]].to_numpy(dtype=float).tolist() == [[0, 1, 1]] * 2
    assert table["tasks"].tolist() == [2, 2]  # one and two put one question in two contexts of their own
    assert table["draws"].tolist() == [6, 6]
    assert list(found.tables) == ["changes"]
    assert found.says.startswith("Error, bias² and variance by output tokens; no task could be split")
    with pytest.raises(
        AnalysisError, match=r"no reasoning_tokens in any rollout; it has output_tokens, turns, messages"
    ):
        length(run, "reasoning_tokens")
    with pytest.raises(
        AnalysisError, match=r"no condition 'team=odd'; a level such as team=solo, or one of context=pl"
    ):
        length(run, reference="team=odd")
    with pytest.raises(AnalysisError, match=r"unknown length 'words'; give one of output_tokens, reasoning_tokens"):
        length(run, "words")
    with pytest.raises(AnalysisError, match=r"'nosuch' is not a field of every task"):
        length(run, by="nosuch")


async def test_unequal_draws_short_of_a_split_and_what_else_differs_are_told(workdir: Path) -> None:
    path = Path("s.yaml")
    path.write_text(written(4, 5).replace("reasoning: high}}}", "reasoning: high, max_tokens: 9}}}"), encoding="utf-8")
    await agentlab.run(path, "run", tasks=["t01"])
    run = await agentlab.run(path, "run", draws=3)
    notes = length(run).notes
    assert "correct: 3 to 5 draws per task; every task has the same weight" in notes
    assert "correct: tasks that cannot be split because they have too few draws or only one length: 3" in notes
    assert "correct: no ensembles, because a task has only 3 draws; 10 ensembles of two need 20" in notes
    assert "correct, groups by own length: none, 4 tasks, and at least 12 are needed for two groups of 6" in notes
    told = "effort=low and effort=high differ in more than reasoning: max_tokens unset versus 9"
    assert told in notes


async def test_a_measure_without_target_says_so(workdir: Path) -> None:
    text = written(1, 2).replace("  correct: {judge: answer}\n", "").replace(", target: 1", "")
    text = text.replace("  answer: {kind: match, by: choice, choices: [A, B, C, D]}\n", "")
    Path("s.yaml").write_text(text, encoding="utf-8")
    run = await agentlab.run("s.yaml", "run")
    with pytest.raises(
        AnalysisError, match=r"nothing to compare by length: measures\.worth has no `target`.*target: 1"
    ):
        length(run)


def test_the_command_line_prints_them_and_writes_all_tables(run: Run, workdir: Path) -> None:
    runner = CliRunner()
    words = ["stats", str(run.folder), "length", "output_tokens", "--reference", "effort=low", "--csv", "out"]
    result = runner.invoke(app, words)
    assert result.exit_code == 0, result.output
    heading = next(line for line in result.stdout.splitlines() if "difference in variance" in line)
    assert heading.split() == [
        *("measure", "condition", "loss", "short", "long", "difference", "in", "variance", "variance", "p"),
        *("difference", "in", "incoherence", "incoherence", "p"),
    ]
    assert "By length: output tokens" in result.stdout
    assert max(map(len, result.stdout.split("\n\n  ")[0].splitlines())) <= 140
    names = ["", "_parts", "_effort", "_buckets", "_slopes", "_ensembles", "_changes"]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(f"length{name}.csv" for name in names)
    assert list(pd.read_csv("out/length_slopes.csv")["slope"]) == pytest.approx(
        list(length(run, reference="effort=low").tables["slopes"]["slope"])
    )
    refused = runner.invoke(app, ["stats", str(run.folder), "components", "--reference", "x"])
    assert refused.exit_code == 2, "an analysis takes its own options only"
