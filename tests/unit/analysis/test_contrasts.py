"""Preregistered contrasts and planned interim analyses, from the scenario to what is printed; analyses; plans."""

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.components.judge_noise import noise
from agentlab.analysis.contrasts.compared import contrasts as compared
from agentlab.analysis.contrasts.compared import reported
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.mixed import fit, mixed
from agentlab.analysis.contrasts.mixed_fit import Fit
from agentlab.analysis.contrasts.notes import scope
from agentlab.analysis.contrasts.pilot import piloted
from agentlab.analysis.contrasts.table import contrasts, tabulate
from agentlab.analysis.headline import headline
from agentlab.analysis.results import results
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, MismatchError, ScenarioError
from agentlab.experiment.power import Sample, assumed, prospects
from agentlab.experiment.preregistration import Preregistration, register
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from agentlab.stats.contrasts.holm import holm
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.pilot import JudgeVariance, pilot
from agentlab.stats.contrasts.sequential import level, repeated_p
from agentlab.store import look, looks
from tests.support.numbers import close
from tests.support.planted import PRIMARY, TASKS, play, scenario
from tests.support.tables import assert_alike


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with two primary contrasts of three p-values."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tone = "tone: {tone: [curt, plain], within: {team: solo}, measures: [utility]}"
        structure = "structure: {team: [firm, solo], measures: [utility]}"
        scenario(f"compare: {{primary: {{{structure}, {tone}}}}}\n", ("{utility: 0.1,", "{utility: 0.13,"))
        play()
        return load((folder / "run").resolve())


def named(found: list[Contrast], name: str) -> list[Contrast]:
    return [c for c in found if c.name == name]


# --- what is declared -------------------------------------------------------------------------------------------------


def test_primary_contrasts_come_first_and_share_one_family(made: Run) -> None:
    found = list(summarize(made).contrasts)
    primary = [c for c in found if c.primary]
    assert found[:3] == primary
    assert [(c.name, c.a, c.b, c.within) for c in primary] == [
        ("structure", "firm", "solo", "tone=plain"),
        ("structure", "firm", "solo", "tone=curt"),
        ("tone", "curt", "plain", "team=solo"),
    ]
    ps = [c.p for c in primary]
    assert [c.holm for c in primary] == pytest.approx(holm(ps))
    assert primary[0].conclusion == "firm better"
    assert all(c.holm is None for c in found[3:])
    assert {(c.factor, frozenset((c.a, c.b)), c.within, c.measure) for c in found} == {
        (factor, frozenset(levels), within, measure)
        for factor, levels, within in (
            ("team", ("firm", "solo"), "tone=plain"),
            ("team", ("firm", "solo"), "tone=curt"),
            ("tone", ("plain", "curt"), "team=firm"),
            ("tone", ("plain", "curt"), "team=solo"),
        )
        for measure in ("utility", "harm")
    }
    assert scope(found)[0].startswith("Each conclusion is about")


def test_a_run_without_declarations_says_so(workdir: Path) -> None:
    scenario()
    found = summarize(play(draws=2)).contrasts
    assert not any(c.primary for c in found)


def test_a_headline_is_the_same_from_the_contrasts_that_it_reports_alone(made: Run, workdir: Path) -> None:
    every = compared(made)
    assert reported(made) == every[:3], "the primary ones"
    assert headline(results(made, reported)) == headline(results(made))
    hidden = load(made.folder)
    hidden.meta["anchors"] = {"quality": {"suppressed": ["it cannot tell"], "anchors": 1}}
    assert len(reported(hidden)) == len(every), "no primary one has a difference that may be shown"
    assert headline(results(hidden, reported)) == headline(results(hidden))
    scenario()
    run = play(draws=1)
    assert reported(run) == compared(run) != ()


def test_only_what_is_listed_is_exploratory(workdir: Path) -> None:
    scenario("compare: {exploratory: {x: {tone: [plain, curt], within: {team: firm}, measures: [utility]}}}\n")
    found = summarize(play(draws=1)).contrasts
    assert [(c.name, c.a, c.b, c.measure) for c in found] == [("x", "plain", "curt", "utility")]


def test_what_is_declared_late_or_given_up_late_is_told(workdir: Path) -> None:
    scenario()
    play(draws=1)
    scenario(PRIMARY)
    run = play(draws=1)
    (late,) = register(run.meta).primary
    assert (late.after, late.withdrawn) == (1, None)
    assert "structure (utility): declared primary after interim analysis 1." in summarize(run).notes
    other = PRIMARY.replace("structure", "other").replace("plain", "curt")
    scenario(other)
    run = play(draws=1)
    assert [(one.contrast.name, one.after, one.withdrawn) for one in register(run.meta).primary] == [
        ("other", 1, None),
        ("structure", 1, 1),
    ]
    assert (
        "structure (utility): withdrawn after interim analysis 1, but still counted as primary." in summarize(run).notes
    )
    assert len([c for c in summarize(run).contrasts if c.primary]) == 2


def test_what_nobody_analysed_may_be_withdrawn(workdir: Path) -> None:
    scenario(PRIMARY)
    play(draws=1, only={"team": "firm"})
    run = load("run")
    assert [one.after for one in register(run.meta).primary] == [0]
    assert (
        "structure (utility): declared primary, but the run has no rollouts of both arms yet." in summarize(run).notes
    )
    scenario(PRIMARY.replace("plain", "curt"))
    run = play(draws=1, only={"team": "firm"})
    assert [one.contrast.within for one in register(run.meta).primary] == ["tone=curt"]


# --- interim analyses -------------------------------------------------------------------------------------------------


def test_interim_analyses_are_counted_where_there_are_new_pairs(workdir: Path) -> None:
    for finished in ({"a": 2}, {"a": 2, "b": 2}, {"a": 2, "b": 2}, {"a": 4, "b": 2}, {"a": 4, "b": 4}):
        look(Path(), finished)
    assert [one["rollouts"] for one in looks(Path())] == [2, 4, 6, 8]
    told = Preregistration(looks=looks(Path()))
    assert told.interim(("a", "b"), 4, 8).number == 2
    assert told.interim(("a", "b"), 2, 6).number == 1
    assert told.interim(("a", "b"), 5, 10).number == 3
    assert told.interim(("a", "c"), 5, 10).number == 1


def test_alpha_is_spent_at_the_first_analysis_past_a_planned_share() -> None:
    planned = {"shares": (1 / 3, 2 / 3, 1.0), "spend": "pocock", "pairs": 30}

    def at(*pairs: int) -> tuple[float, ...]:
        looks = [{"rollouts": 2 * n, "finished": {"a": n, "b": n}} for n in pairs]
        return Preregistration(looks=looks, planned=planned).interim(("a", "b"), pairs[-1], 2 * pairs[-1]).spent

    assert at(10) == pytest.approx((1 / 3,))
    assert at(5) == ()
    assert at(5, 15) == (0.5,)
    assert at(15, 18) == ()
    assert at(15, 18, 30) == (0.5, 1.0)
    assert at(10, 20, 40) == pytest.approx((1 / 3, 2 / 3, 1.0))
    assert at(10, 30, 45) == ()


def test_a_planned_analysis_widens_the_intervals_and_an_unplanned_one_has_no_p(workdir: Path) -> None:
    plan = PRIMARY + "looks: {planned: [0.5, 1]}\n"
    scenario(plan)
    run = play(draws=1)
    (first,) = [c for c in summarize(run).contrasts if c.primary]
    assert (first.interim.share, first.interim.planned, first.p, first.holm) == (0.25, False, None, None)
    assert first.conclusion == "open: unplanned look"
    assert any("was not planned: it spends no alpha" in note for note in summarize(run).notes)
    run = play(draws=2)
    (second,) = [c for c in summarize(run).contrasts if c.primary]
    assert (second.interim.number, second.interim.spent) == (2, (0.5,))
    table = run.measures[run.measures["tone"] == "plain"]
    values = table.pivot_table(index=["task", "draw"], columns="team", values="utility", observed=True)
    tasks, draws = (values.index.get_level_values(name).tolist() for name in ("task", "draw"))
    alpha = level([0.5], "obrien_fleming")
    expected = paired(tasks, draws, values["firm"].to_numpy(), values["solo"].to_numpy(), 1 - alpha, most=1.0)
    assert_alike(second.result, expected)
    assert expected.new_tasks is not None
    close(second.p, repeated_p(expected.new_tasks.p, [0.5], "obrien_fleming"))
    assert any(f"{100 * (1 - alpha):.4g}% intervals" in note for note in summarize(run).notes)
    run = play()
    (third,) = [c for c in summarize(run).contrasts if c.primary]
    assert (third.interim.number, third.interim.spent) == (3, (0.5, 1.0))
    scenario(plan.replace("[0.5, 1]", "3"))
    with pytest.raises(MismatchError, match=r"looks\.planned"):
        play()
    scenario(plan, ("draws: 4", "draws: 6"))
    run = play()
    (after,) = [c for c in summarize(run).contrasts if c.primary]
    assert (after.interim.share, after.conclusion) == (1.5, "open: unplanned look")


# --- the judge's part -------------------------------------------------------------------------------------------------


def test_the_judges_share_is_that_of_its_repeated_draws(made: Run) -> None:
    utility, harm = (next(m for m in made.measured if m.name == name) for name in ("utility", "harm"))
    arms = ("team=firm,tone=plain", "team=solo,tone=plain")
    scores = made.scores[made.scores["judge"].eq("quality") & made.scores["condition"].isin(arms)]
    per_draw = scores.astype({"rollout": "str"}).groupby(["rollout", "judge_draw"])["value"].mean().unstack()
    low, high = utility.scales["good"]
    per_draw = (per_draw - low) / (high - low)
    rows = made.measures[made.measures["condition"].isin(arms)]
    total = rows.groupby(["condition", "task"], observed=True)["utility"].var().mean()
    close(noise(made, utility).share(arms), per_draw.var(axis=1).mean() / 2 / total, rtol=1e-9)
    close(noise(made, utility).variance(arms), per_draw.var(axis=1).mean() / 2, rtol=1e-9)
    assert noise(made, harm).share(arms) is None


@pytest.mark.parametrize("fields", ["draws: 1\n    scoring: logprobs", "draws: 2\n    settings: {temperature: 0}"])
def test_draws_that_only_repeat_are_not_separable(made: Run, fields: str, workdir: Path) -> None:
    utility, run = next(m for m in made.measured if m.name == "utility"), load(made.folder)
    design = load_design(scenario("", ("draws: 2", fields)))
    run.meta["traits"] = {name: asdict(traits) for name, traits in design.traits.items()}
    assert noise(run, utility).share(["team=firm,tone=plain"]) is None
    run.meta["judges"] = {"quality": None}
    assert noise(run, utility).share(["team=firm,tone=plain"]) == 0


# --- what is printed --------------------------------------------------------------------------------------------------


def test_the_ending_is_one_screen(made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.folder.parent)
    monkeypatch.setenv("COLUMNS", "80")
    text = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"]).stdout
    lines = [line.rstrip() for line in text.split("\n")]
    assert max(map(len, lines)) <= 80
    assert " ".join(text.split()).startswith(" ".join(headline(summarize(made))))
    head = next(i for i, line in enumerate(lines) if line.startswith(" condition"))
    assert lines[head].split() == ["condition", "n", "utility", "harm"]
    assert re.fullmatch(r" firm, plain +28 +0\.\d\d \[0\.\d\d, 0\.\d\d\] +suppressed", lines[head + 2])
    at = next(i for i, line in enumerate(lines) if line.startswith(" measure"))
    assert lines[at].split() == "measure contrast difference [95% CI] p conclusion".split()
    block = " ".join(lines[at + 2 : at + 8])
    number = r"[+-]0\.\d+"
    assert re.search(
        rf"utility +firm - solo \(tone=plain\) +{number} \[{number}, {number}\] +(<\.001|0\.\d+) +firm better", block
    )
    rest = len(summarize(made).contrasts) - 3
    assert f" {rest} more exploratory contrasts: agentlab stats run contrasts" in lines
    following = lines[next(i for i, line in enumerate(lines) if line.startswith("Next:")) :]
    assert following.index("") <= 4


def test_what_stands_beside_a_contrast_is_in_its_analysis(made: Run) -> None:
    said = CliRunner().invoke(app, ["stats", str(made.folder), "contrasts", "--all"]).stdout
    for heading in ("judge share", "auc", "r within", "output tokens", "identical calls", "confounds", "bias"):
        assert heading in said
    assert "structure, system prompts (ann, bob, lone)" in said


# --- analyses ---------------------------------------------------------------------------------------------------------


def test_every_contrast_with_effects_and_arms(made: Run, tmp_path: Path) -> None:
    found = contrasts(made)
    main, effects, missing, arms = (found.tables[name] for name in ("differences", "effects", "missing", "arms"))
    assert list(main["role"]) == ["primary"] * 3 + ["exploratory"] * 5
    first = main.iloc[0]
    assert first["new_tasks_low"] < first["difference"] < first["new_tasks_high"]
    assert first["p"] <= first["holm"]
    suppressed = main[main["measure"] == "harm"]
    assert suppressed["difference"].isna().all()
    own = effects.iloc[0]
    assert own["d_z_low"] < own["d_z"] < own["d_z_high"]
    assert own["in_draw_sd_low"] < own["in_draw_sd"] < own["in_draw_sd_high"]
    assert (missing.iloc[0][["missing_a", "missing_b"]] == 0).all()
    assert missing[["bounds_low", "worst_high", "delivered", "tipping"]].isna().all(axis=None)
    close(first["bias"], first["new_tasks_low"])
    assert own["sign_flip"] == 2 / 2**TASKS
    assert len(arms) == 4
    assert set(arms["matched"]) == {False, True}
    assert "3 primary and 5 exploratory contrasts" in found.says
    table = tabulate(made)
    assert all(set(view.columns) <= set(table.columns) for name, view in found.tables.items() if name != "contrasts"), (
        "views select"
    )
    assert summarize(made).table is table
    assert [path.name for path in found.write(tmp_path)] == [
        "contrasts.csv",
        "contrasts_differences.csv",
        "contrasts_effects.csv",
        "contrasts_arms.csv",
        "contrasts_missing.csv",
    ]
    with pytest.raises(AnalysisError, match="only one arm"):
        contrasts(made, measure="nothing")


def synthetic(tasks: int, draws: int, slope: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(tasks, 1, 1)) * 0.5 + rng.normal(size=(tasks, draws, 1)) * 0.3
    arm = np.array([0.5, -0.5])
    values = base + (0.2 + slope * rng.normal(size=(tasks, 1, 1))) * arm + 0.4 * rng.normal(size=(tasks, draws, 2))
    index = pd.MultiIndex.from_product(
        [[f"t{i:02}" for i in range(tasks)], range(draws), arm], names=["task", "draw", "arm"]
    )
    return pd.Series(values.ravel(), index, name="value").reset_index()


@pytest.mark.parametrize("seed", range(3))
def test_the_mixed_model_is_the_task_level_t_in_a_balanced_design(seed: int) -> None:
    table = synthetic(9, 4, slope=0.8, seed=seed)
    wide = table.pivot_table(index=["task", "draw"], columns="arm", values="value")
    tasks, draws = (wide.index.get_level_values(name).tolist() for name in ("task", "draw"))
    known = paired(tasks, draws, wide[0.5].to_numpy(), wide[-0.5].to_numpy())
    found, without = fit(table), fit(table, slopes=False)
    assert known.new_tasks is not None
    close(found.estimate, known.difference, rtol=1e-6)
    close(found.se, known.new_tasks.se, rtol=5e-3)
    assert found.converged
    assert not found.singular
    assert without.se < 0.9 * found.se, "without slopes it claims too much"
    assert without.slope_sd == 0


def test_a_singular_fit_is_told_and_rows_in_any_order_give_the_same() -> None:
    table = synthetic(8, 4, slope=0.0)
    table["value"] = np.random.default_rng(3).normal(size=len(table))
    found = fit(table)
    assert found.singular
    assert found.doubted
    close(fit(table.sample(frac=1, random_state=1)).se, found.se, rtol=1e-3)
    moved = fit(table.assign(value=table["value"] / 1000 + 7))
    close([1000 * moved.se, 1000 * moved.estimate], [found.se, found.estimate], rtol=1e-3)
    with pytest.raises(AnalysisError, match="do not vary"):
        fit(table.assign(value=1.0))


def test_mixed_of_a_run(made: Run) -> None:
    found = mixed(made)
    row = found.tables["mixed"].iloc[0]
    close(row["estimate"], contrasts(made).tables["contrasts"].iloc[0]["difference"], rtol=1e-6)
    assert len(found.tables["mixed"]) == 2
    told = "every pair of a task differs by the same amount, so there is nothing to fit"
    assert f"{told} (utility, curt - plain (team=solo))" in found.notes
    assert set(found.tables["mixed"]["fit"]) <= {"regular", "singular", "not converged"}
    known = [row for row in found.tables["mixed"].to_dict("records") if row["p"] == row["p"]]
    assert all(row["low"] < row["estimate"] < row["high"] for row in known)
    with pytest.raises(AnalysisError, match="suppressed"):
        mixed(load(made.folder), measure="harm")


@pytest.mark.parametrize(
    ("se", "singular", "converged", "shown"),
    [
        (1.0, False, True, True),
        (1.01, True, True, True),
        (0.7, True, True, False),
        (1e6, True, True, False),
        (0.7, False, True, True),
        (1.0, False, False, False),
    ],
)
def test_a_fit_that_fails_is_no_result(
    made: Run, monkeypatch: pytest.MonkeyPatch, se: float, singular: bool, converged: bool, shown: bool
) -> None:
    """The standard error is that of the paired t, times `se`."""
    paired_se = {c.pair: c.result.new_tasks.se for c in compared(made) if c.primary and c.result.new_tasks}
    known = iter([value for value in paired_se.values() for _ in range(2)])

    def fitted(*_: Any) -> Fit:
        return Fit(0.3, se * next(known), 0, 0, 0, 0.1, converged=converged, singular=singular, doubted=False)

    monkeypatch.setattr("agentlab.analysis.contrasts.mixed.fit", fitted)
    found = mixed(made, measure="utility")
    for row in found.tables["mixed"].to_dict("records"):
        assert (pd.notna(row["low"]) and row["low"] < 0.3 < row["high"] and row["p"] < 1) is shown
        assert row["paired_difference_low"] < row["paired_difference"] < row["paired_difference_high"]
    assert ("see the paired difference in `contrasts`" in found.headline) is not shown
    assert ("0.300 [" in found.headline) is shown


def test_mixed_takes_tasks_and_draws(workdir: Path) -> None:
    scenario(PRIMARY)
    with pytest.raises(AnalysisError, match="6 tasks with 2 draws"):
        mixed(play(draws=1))


def test_mixed_is_not_fitted_to_more_rollouts_of_a_task_than_it_can_be(
    made: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentlab.analysis.contrasts.mixed.LARGEST", 3)
    with pytest.raises(AnalysisError, match="rollouts of a task, as its time grows faster"):
        mixed(made)


# --- plans ------------------------------------------------------------------------------------------------------------


def test_a_pilot_is_read_without_bias_and_its_limits_hold_four_times_in_five() -> None:
    rng, found, below = np.random.default_rng(5), list[Any](), np.zeros(2)
    names = [t for t in range(6) for _ in range(4)]
    for _ in range(600):
        common, noise_of = rng.normal(size=(6, 4)) * 0.3, rng.normal(size=(2, 6, 4)) * 0.4
        a, b = common + noise_of[0] + 0.2 * rng.normal(size=(6, 1)), common + noise_of[1]
        one = pilot(names, a.ravel(), b.ravel())
        found.append((one.noise.within**2, one.noise.correlation))
        below += [one.upper.variance(1) - one.upper.between**2 >= 0.32, one.upper.between >= 0.2]
    close(np.mean(found, axis=0), [0.25, 0.36], rtol=0.06)
    assert np.all(np.abs(below / 600 - 0.8) < 0.05), below / 600


def test_more_judge_draws_are_planned_for() -> None:
    a, b = [0, 1, 2, 3], [0, 2, 3, 5]
    plain, fewer = (pilot([0, 0, 1, 1], a, b, judge) for judge in (None, JudgeVariance(0.2, 1.0, 0.25)))
    close(plain.noise.within**2 - fewer.noise.within**2, 0.15)
    close(plain.noise.variance(1) - fewer.noise.variance(1), 0.3)
    assert fewer.judge_sd == pytest.approx(0.05**0.5)
    with pytest.raises(ValueError, match="2 tasks"):
        pilot([0, 0], [1, 2], [1, 3])


def test_the_pilot_of_a_run_finds_what_was_planted(made: Run) -> None:
    design = load_design(made.folder.parent / "s.yaml")
    blurs, remarks = piloted(made, design)
    assert [(blur.of, blur.source) for blur in blurs[:2]] == [
        ("firm - solo (tone=plain)", "pilot"),
        ("firm - solo (tone=plain)", "pilot, at most"),
    ]
    assert blurs[0].noise.within < blurs[1].noise.within
    assert blurs[0].noise.between < blurs[1].noise.between
    assert any("the judge's noise is" in remark for remark in remarks)
    shown = prospects(design, Sample(TASKS, TASKS, 4), blurs, 0.1)
    close(shown[0].alpha, 0.05 / 3)
    assert shown[0].new_tasks is not None
    assert shown[1].new_tasks is not None
    assert shown[0].new_tasks > shown[1].new_tasks
    with pytest.raises(ScenarioError, match="above 0"):
        prospects(design, Sample(TASKS, TASKS, 4), blurs, -1)
    close(assumed(design)[0].noise.within, 0.25)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_plan_prints_what_a_design_can_find(made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.folder.parent)
    run = CliRunner()
    text = run.invoke(app, ["plan", "s.yaml", "--pilot", "run", "--effect", "0.1"]).stdout
    assert "found at p ≤ 0.017 instead of 0.05, because 3 primary contrasts are tested" in text
    assert "at best, 80%: how many do with any number of draws" in flat(text)
    assert "This is for the smallest p; larger ones are tested less strictly (Holm)." in flat(text)
    text = run.invoke(app, ["plan", "s.yaml", "--within", "0.1"]).stdout
    assert re.search(r"utility\s+assumed\s+0\.100\s+0\.100", text)
    for options, said in (
        (["--pilot", "run", "--within", "0.1"], "either assumed or measured"),
        (["--between", "-1"], "at least 0"),
        (["--effect", "0"], "above 0"),
    ):
        result = run.invoke(app, ["plan", "s.yaml", *options])
        assert isinstance(result.exception, ScenarioError)
        assert said in str(result.exception)


@pytest.mark.process
def test_a_plan_without_a_pilot_waits_for_no_pandas() -> None:
    code = "import sys, agentlab_cli.planned; print('pandas' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
