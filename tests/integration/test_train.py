"""A self-training loop from its scenario to its tables, on replies whose truth is known."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from agentlab.analysis.analyse import analyse, attempts
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.headline import headline
from agentlab.analysis.summary import summarize
from agentlab.analysis.unplayed import unjudged
from agentlab.errors import MismatchError, ScenarioError, StoreError
from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample import draw, plan
from agentlab.experiment.resample.request import ForkRequest
from agentlab.experiment.specs import Selection
from agentlab.report.lead import lead
from agentlab.report.report import write
from agentlab.report.section import Material
from agentlab.report.style import arm_styles
from agentlab.runs.exports import training_rows
from agentlab.runs.frames import Run, load
from agentlab.runs.listing import listed
from agentlab.scenario.loading import load as load_design
from agentlab.store import DATABASE
from tests.support.loops import TABLE, improve, play, tasks, text, trained, written
from tests.support.scenarios import Part, chain
from tests.support.tables import rows as rows_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("loop"))


def rows(run: Run) -> dict[int, list[Part]]:
    """The training rows by the generation that they made."""
    files = sorted((run.folder / "weights").glob("*/rows.jsonl"))
    return {int(f.parent.name.split("-")[0]): [json.loads(line) for line in f.read_text().splitlines()] for f in files}


def test_each_generation_serves_the_shares_of_what_was_kept(run: Run) -> None:
    first = rows(run)[1]
    replies = [row["messages"][-1]["content"] for row in first]
    kept = run.rows[(run.rows["reason"] == "kept") & (run.rows["generation"] == "0")]
    outputs = run.rollouts.set_index("rollout").loc[kept["rollout"].tolist(), "output"]
    assert sorted(replies) == sorted(outputs)
    said = set(run.rollouts.loc[run.rollouts["generation"] == "1", "output"])
    assert said <= set(replies)


def test_no_held_out_task_enters_training(run: Run) -> None:
    learned = {row["task"] for made in rows(run).values() for row in made}
    prompts = {row["messages"][-2]["content"] for made in rows(run).values() for row in made}
    assert {name.split("_")[0] for name in learned} == {"train"}
    assert {prompt.split()[0] for prompt in prompts} == {"train"}
    assert set(run.rows["task"].astype("str").str.split("_").str[0]) == {"train"}


def test_generations_are_levels_with_keys_of_their_own(run: Run) -> None:
    assert run.factors == ("generation",)
    assert run.rollouts.groupby("generation", observed=True).size().to_dict() == {"0": 36, "1": 36, "2": 12}
    assert run.rollouts["rollout"].is_unique


def test_the_last_generation_plays_no_task_that_is_only_learned_from(run: Run, tmp_path: Path) -> None:
    last = run.rollouts[run.rollouts["generation"] == "2"]
    assert set(last["task"].astype("str").str.split("_").str[0]) == {"test"}
    splits = {"train": {"role": "learn", "draws": 2}, "test": {"role": "hold_out"}}
    scored = trained(tmp_path, improve=improve(generations=1, splits=splits, kl="train"))
    last = scored.distances[scored.distances["generation"] == "1"]
    assert len(last) == 6 * 2, "its distance from the base is asked for on these tasks"


def test_conclusions_rest_on_held_out_tasks_only(run: Run) -> None:
    summary = summarize(run)
    assert (summary.tasks, summary.unplayed) == (6, 0)
    assert set(run.held_out.scores["task"].astype("str")) == {f"test_{i}" for i in range(6)}


def test_the_analysis_has_every_generation_and_split(run: Run) -> None:
    found = analyse(run, "generations", {})
    table = found.tables["generations"]
    assert [(row.split, row.generation) for row in table.itertuples()] == [
        *(("test", g) for g in range(3)),
        *(("train", g) for g in range(2)),
    ]
    by_hand = run.measures[(run.measures["generation"] == "2") & run.measures["task"].str.startswith("test")]
    assert table["named"].iloc[2] == pytest.approx(by_hand["named"].mean())
    assert set(found.tables) == {"generations", "gains", "parting", "training", "sampled", "answers"}
    assert found.tables["training"]["kept"].isna().tolist() == [False, False, True]
    assert "ran once" in " ".join(found.notes)


def test_the_report_begins_with_what_the_loop_found(run: Run) -> None:
    last = latest(run.held_out)
    first = lead(Material(last, summarize(run), arm_styles(last)))
    assert first.found[0].startswith("2 generations after the base, on 6 held-out tasks")
    assert first.found[1].startswith("From generation 0 to 2, named ")
    assert "named and right" in first.found[1]
    assert first.figure is not None
    assert first.figure.name == "generations"
    assert next(attempts(run, {}))[0] == "generations"


def test_arms_of_a_loop_are_compared_in_their_last_generation(tmp_path: Path) -> None:
    arms = {"kept_by": {"proxy": {}, "truth": {"improve": {"keep": {"measure": "right"}}}}}
    play(written(tmp_path, factors=arms), tmp_path / "run")
    run = load(tmp_path / "run")
    summary = summarize(run)
    assert {arm.condition for arm in summary.arms} == {f"kept_by={arm},generation=2" for arm in arms["kept_by"]}
    assert [c.within for c in summary.contrasts] == ["generation=2", "generation=2"]
    assert {name: measure.word for name, measure in summary.measures.items()} == {"named": "accepted", "right": "right"}
    assert any(said.startswith("named") and " accepted against " in said for said in headline(summary))
    assert latest(latest(run.held_out)) is latest(run.held_out)
    assert summary.unplayed == 0
    declared = {"primary": {"gain": {"generation": ["2", "0"], "measures": ["right"], "within": {"kept_by": "truth"}}}}
    play(written(tmp_path, factors=arms, compare=declared), tmp_path / "declared")
    named = {arm.condition for arm in summarize(load(tmp_path / "declared")).arms}
    assert "kept_by=truth,generation=0" in named
    assert "kept_by=proxy,generation=0" not in named


def test_a_generation_without_a_finished_rollout_hides_none_that_has_some(tmp_path: Path) -> None:
    arms = {"kept_by": {"proxy": {}, "truth": {"improve": {"keep": {"measure": "right"}}}}}
    play(written(tmp_path, factors=arms), tmp_path / "run")
    for condition, left in (
        ("kept_by=proxy,generation=2", {("proxy", 1), ("truth", 1), ("truth", 2)}),
        ("kept_by=truth,generation=2", {("proxy", 1), ("truth", 1)}),
    ):
        with sqlite3.connect(tmp_path / "run" / DATABASE) as connection:
            connection.execute("UPDATE rollouts SET status = 'infrastructure' WHERE condition = ?", (condition,))
        summary = summarize(load(tmp_path / "run"))
        assert {arm.condition for arm in summary.arms} == {f"kept_by={arm},generation={g}" for arm, g in left}
        assert "generation=1" in {c.within for c in summary.contrasts}


def test_generations_are_compared_pair_by_pair_as_arms_are(run: Run) -> None:
    gains, names = analyse(run, "generations", {}).tables["gains"], ["measure", "since", "generation"]
    by_hand = {
        (m, f"generation {since} - {g}"): -gain
        for m, since, g, gain in gains[[*names, "difference"]].itertuples(index=False)
    }
    compared = analyse(run, "contrasts", {}).tables["differences"]
    assert compared["pairs"].tolist() == [12] * 6
    assert compared["difference"].tolist() == pytest.approx(
        [by_hand[str(row.measure), str(row.contrast)] for row in compared.itertuples()]
    )


def test_the_frame_of_generations_counts_what_was_kept(run: Run) -> None:
    first = run.generations.iloc[0]
    counted = run.rows[run.rows["generation"] == "0"]["reason"].value_counts()
    assert (first["split"], first["kept"], first["rows"]) == ("train", counted["kept"], counted["kept"])
    trained_here = run.generations["digest"].notna()
    assert set(run.generations.loc[trained_here, "generation"].astype("str")) == {"1", "2"}


def test_a_second_command_makes_no_call_and_run_plays_generation_0(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert play(path, tmp_path / "run").made.calls == 84
    assert play(path, tmp_path / "run").made.calls == 0
    longer = written(tmp_path, improve=improve(generations=3))
    assert play(longer, tmp_path / "run").made.calls == 36


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    proxy = improve(keep={"measure": "right", "at_least": 1}, watch=None, generations=1)
    play(written(tmp_path, improve=proxy), tmp_path / "run")
    kept = load(tmp_path / "run").rows
    corrected = {**tasks(), "train_0": {"prompt": "train question 0", "target": "B", "split": "train"}}
    for _ in range(2):
        with pytest.raises(MismatchError, match="Undo the change to continue"):
            play(written(tmp_path, improve=proxy, tasks=corrected), tmp_path / "run")
    run = load(tmp_path / "run")
    pd.testing.assert_frame_equal(run.rows, kept)
    noted = "generation=0, train_0: the target or fields changed, but judge right used the old ones in 2 rollouts"
    assert [note for note in analyse(run, "generations", {}).notes if "target or fields" in note] == [
        f"{noted} that decided what generation 1 learned; weights are not made again, so play the scenario in a "
        f"new folder (`--new`)."
    ]
    assert noted in write(run, tmp_path / "report").read_text("utf-8")
    play(written(tmp_path, improve=proxy), tmp_path / "run")
    assert not any("target or fields" in note for note in analyse(load(tmp_path / "run"), "generations", {}).notes)


@pytest.mark.parametrize("name", ["train_0", "train_more", "test_0"])
def test_what_weights_were_trained_on_never_becomes_held_out_or_the_other_way_round(tmp_path: Path, name: str) -> None:
    few = tasks(2, 2)
    play(written(tmp_path, tasks=few, improve=improve(generations=1)), tmp_path / "run")
    before = load(tmp_path / "run").meta
    moved = {"prompt": "One more?", **few.get(name, {}), "target": "A"}
    moved["split"] = "test" if name == "train_0" else "train"
    path = written(tmp_path, tasks={**few, name: moved}, improve=improve(generations=1))
    for play_it in (play, run_it):
        with pytest.raises(MismatchError, match=f"other tasks: {name} "):
            play_it(path, tmp_path / "run")
    assert load(tmp_path / "run").meta == before


def run_it(path: Path, out: Path) -> None:
    asyncio.run(session.run(load_design(path), out, Selection(), Progress()))


def test_a_loop_that_keeps_nothing_ends_with_its_reason(tmp_path: Path) -> None:
    keep = {"measure": "right", "at_least": 1}
    table = {"default": {"name": "sim/replies", "options": {"replies": {"*": {"C": 1.0}}}}}
    path = written(tmp_path, models=table, improve=improve(keep=keep, watch=None))
    assert play(path, tmp_path / "run").failed == 1
    made = load(tmp_path / "run").generations
    assert "no row was kept" in str(made["error"].iloc[-1])
    assert made["condition"].iloc[-1] == "generation=1"


def test_a_loop_that_was_killed_says_first_what_is_missing_and_what_was_declared(tmp_path: Path) -> None:
    teams = {"team": ["one", "two"], "measures": ["right"]}
    compare = {"primary": {f"team{g}": {**teams, "within": {"generation": str(g)}} for g in range(3)}}
    factors = {"team": {"one": {}, "two": {"organization": {"agents": {"me": {"system": "Answer well."}}}}}}
    path = written(tmp_path, compare=compare, factors=factors, coupling="none")
    play(path, tmp_path / "run")
    assert "not played" not in " ".join(headline(summarize(load(tmp_path / "run"))))
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE)) as connection, connection:
        connection.execute("UPDATE rollouts SET status = NULL WHERE condition LIKE '%generation=2%'")
        connection.execute("DELETE FROM meta WHERE key = 'totals'")
    run = load(tmp_path / "run")
    first, second, *_ = headline(summarize(run))
    assert first.startswith(
        "24 of 168 rollouts are not played yet; 1 of 3 primary contrasts has no rollouts of both arms; "
        f"to play the rest: agentlab train {path} --out "
    )
    assert second.startswith("1 of 2 generations after the base")
    told = "team2 (right): declared primary, but the run has no rollouts of both arms yet."
    assert told in summarize(run).warnings
    assert [one.state for one in listed(tmp_path)] == ["stopped"]
    found = [(c.p, c.holm) for c in contrasts(latest(run.held_out)) if c.primary and c.p is not None]
    assert min(found)[1] == min(1.0, 3 * min(found)[0]), "the family is what was declared"


def test_the_base_alone_is_finished_when_it_is_played(tmp_path: Path) -> None:
    run_it(written(tmp_path), tmp_path / "run")
    assert [(one.state, one.done, one.planned) for one in listed(tmp_path)] == [("finished", 36, 36)]
    assert summarize(load(tmp_path / "run")).unplayed == 0
    play(written(tmp_path), tmp_path / "run")
    assert [(one.state, one.done, one.planned) for one in listed(tmp_path)] == [("finished", 84, 84)]


def test_replicates_have_draws_of_their_own_and_an_interval_over_loops(tmp_path: Path) -> None:
    splits = {"train": {"role": "learn", "draws": 2}, "test": {"role": "hold_out"}}
    run = trained(tmp_path, improve=improve(generations=1, replicates=3, splits=splits))
    outputs = run.rollouts.sort_values(["task", "draw"]).groupby("replicate", observed=True)["output"].agg(tuple)
    assert len(set(outputs)) == 3
    found = analyse(run, "generations", {}).tables["replicates"]
    assert found["replicates"].tolist() == [3, 3]


def test_an_organization_is_a_policy(tmp_path: Path) -> None:
    table = {"default": {"name": "sim/replies", "options": {"replies": {"drafter": TABLE, "checker": TABLE}}}}
    team = chain(["drafter"], ["checker"])
    run = trained(tmp_path, models=table, organization=team, improve=improve(generations=1))
    made = rows(run)[1]
    assert {row["agent"] for row in made} == {"drafter", "checker"}
    calls = run.calls[(run.calls["generation"] == "0") & run.calls["rollout"].isin([row["rollout"] for row in made])]
    assert sorted(calls["text"]) == sorted(row["messages"][-1]["content"] for row in made)
    checked = next(row for row in made if row["agent"] == "checker")
    drafted = next(row for row in made if row["agent"] == "drafter" and row["rollout"] == checked["rollout"])
    assert drafted["messages"][-1]["content"] in checked["messages"][-2]["content"]
    assert len(run.rollouts) == 48


TEAMS: dict[str, Part] = {
    "a firm that mails": {
        "agents": {"partner": {}, "analyst": {}, "writer": {"model": "fixed"}},
        "protocol": {
            "kind": "mail",
            "start": ["partner"],
            "contacts": {"partner": ["analyst", "writer"], "analyst": ["writer", "partner"], "writer": ["partner"]},
        },
        "rounds": 4,
        "closing": {"ask": "Write the report.", "agent": "partner"},
    },
    "a team at a board": {
        "agents": {"lead": {}, "ann": {}, "eve": {"model": "fixed"}},
        "protocol": {"kind": "board", "lead": "lead", "workers": ["ann"], "review": {"by": ["eve"]}},
        "rounds": 6,
        "closing": {"ask": "Write the report.", "agent": "lead"},
    },
}


@pytest.mark.parametrize("name", TEAMS)
def test_any_organization_learns_by_its_scenario_alone(tmp_path: Path, name: str) -> None:
    models = {"default": {"name": "sim/chatter"}, "fixed": {"name": "sim/chatter"}}
    judges = {"any": {"kind": "match", "by": "regex", "pattern": "(.)", "where": "any"}}
    told = improve(generations=1, keep={"measure": "any", "at_least": 0}, by={"kind": "exemplars"}, watch=None)
    run = trained(tmp_path, models=models, organization=TEAMS[name], judges=judges, tasks=tasks(2, 2), improve=told)
    learning = [agent for agent, fields in TEAMS[name]["agents"].items() if not fields]
    assert {row["agent"] for row in rows(run)[1]} == set(learning)
    facts = run.conditions.set_index("condition")["facts"]["generation=1"]
    taught = [name for name, agent in facts["agents"].items() if "examples of good replies" in agent["system"]]
    assert taught == learning
    assert set(run.rollouts["generation"].astype("str")) == {"0", "1"}


def test_agents_of_another_model_are_not_learned_from(tmp_path: Path) -> None:
    replies = {"name": "sim/replies", "options": {"replies": {"*": TABLE}}}
    team = chain(["drafter"], ["checker"])
    team["agents"]["checker"] = {"model": "fixed"}
    models = {"default": replies, "fixed": replies}
    run = trained(tmp_path, models=models, organization=team, improve=improve(generations=1))
    assert {row["agent"] for row in rows(run)[1]} == {"drafter"}


def test_preferences_are_pairs_with_one_prompt_and_a_trainer_of_ones_own_gets_them(tmp_path: Path) -> None:
    keep = {"measure": "right", "at_least": 1, "dedupe": "none"}
    by = {"kind": "tests.support.preferring:Trainer"}
    run = trained(tmp_path, improve=improve(generations=1, keep=keep, by=by, negatives={"most": 1}))
    pairs = rows(run)[1]
    assert pairs
    assert all(row["messages"][:-1] == row["rejected"][:-1] for row in pairs)
    targets = {task["id"]: task["target"] for task in run.meta["tasks"]}
    assert all(row["messages"][-1]["content"] == targets[row["task"]] for row in pairs)
    assert all(row["rejected"][-1]["content"] != targets[row["task"]] for row in pairs)
    assert set(run.generations["loss"].dropna()) == {0.5}
    assert play(tmp_path / "loop.yaml", run.folder).failed == 0
    (called,) = run.folder.glob("weights/*/called")
    assert called.read_text() == "x"


def test_settings_of_a_split_reach_its_calls_only(tmp_path: Path) -> None:
    splits = {
        "train": {"role": "learn", "draws": 2},
        "test": {"role": "hold_out", "settings": {"temperature": 0}},
    }
    run = trained(tmp_path, improve=improve(generations=1, splits=splits))
    by_split = run.calls.groupby(run.calls["task"].astype("str").str.split("_").str[0])["settings"].unique()
    assert by_split.map(list).to_dict() == {"train": ["{}"], "test": ['{"temperature":0.0}']}


def test_an_expensive_judge_scores_the_splits_that_it_is_told_and_more_when_they_are_added(tmp_path: Path) -> None:
    keep = {"measure": "named", "at_least": 1}
    told = improve(generations=1, keep=keep, watch=None, judged={"right": ["test"]})
    run = trained(tmp_path, improve=told)
    scored = run.scores.groupby("judge")["task"].agg(lambda tasks: sorted({str(task)[:4] for task in tasks}))
    assert scored.to_dict() == {"named": ["test", "trai"], "right": ["test"]}
    assert analyse(run, "generations", {}).tables["generations"]["right"].isna().tolist() == [False, False, True]
    assert unjudged(run) == 0
    assert [one.state for one in listed(tmp_path)] == ["finished"]
    path = written(tmp_path, improve=improve(generations=1, keep=keep, watch=None))
    assert play(path, tmp_path / "run").made.calls == 0
    assert load(tmp_path / "run").scores["judge"].value_counts().to_dict() == {"named": 48, "right": 48}


def test_nobody_passes_or_fails_where_the_judge_that_decides_does_not_look(tmp_path: Path) -> None:
    keep = {"measure": "named", "at_least": 1}
    run = trained(tmp_path, improve=improve(generations=1, keep=keep, watch=None, judged={"named": ["train"]}))
    found = run.generations.set_index("split")
    assert (found.loc["train", ["passed", "coverage"]] > 0).to_numpy().all()
    assert found.loc["test", ["passed", "coverage"]].isna().to_numpy().all()


def test_scores_that_a_loop_does_not_ask_for_are_not_missing(tmp_path: Path) -> None:
    questions = tasks()
    questions |= {f"far_{i}": {"prompt": f"far question {i}", "target": "A", "split": "far"} for i in range(6)}
    splits = {
        "train": {"role": "learn", "draws": 4},
        "test": {"role": "hold_out", "draws": 2},
        "far": {"role": "hold_out", "draws": 2},
    }
    told = improve(generations=1, splits=splits, keep={"measure": "named", "at_least": 1}, watch=None)
    run = trained(tmp_path, tasks=questions, improve=told | {"judged": {"right": ["test"]}})
    found = {contrast.measure: contrast for contrast in contrasts(run.held_out)}
    for name, pairs in (("right", 12), ("named", 24)):
        assert found[name].scored == (pairs, pairs)
        assert found[name].missing_by_arm == ""
    for arm in summarize(run).arms:
        assert (arm.measures["right"].n, arm.measures["right"].missing) == (12, 0)
        assert (arm.measures["named"].n, arm.measures["named"].missing) == (24, 0)
    assert rows_of(analyse(run, "judges", {}), "bounds", measure="right")[0]["missing"] == 0


SHAPES = {
    "trl": {"prompt", "completion"},
    "verl": {"data_source", "prompt", "ability", "reward_model", "extra_info"},
    "open-instruct": {"messages", "ground_truth", "dataset"},
    "openai": {"messages"},
    "tinker": {"messages"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_go_out_in_the_shapes_of_other_trainers(run: Run, tmp_path: Path, shape: str) -> None:
    count = training_rows(run, tmp_path / "rows.jsonl", shape, 2)
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert count == len(lines) == len(rows(run)[2])
    assert all(set(line) == SHAPES[shape] for line in lines)
    with pytest.raises(StoreError, match="another file"):
        training_rows(run, tmp_path / "rows.jsonl", shape, 2)


def test_train_needs_a_loop(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(text(improve=None).replace("improve: null\n", ""))
    with pytest.raises(ScenarioError, match="agentlab run"):
        play(tmp_path / "plain.yaml", tmp_path / "run")


def test_a_rollout_of_a_later_generation_is_forked_with_its_own_weights(tmp_path: Path) -> None:
    keep = {"measure": "right", "at_least": 1, "dedupe": "none"}
    of_one = {name: {**task, "target": "A"} for name, task in tasks(4, 2).items()}
    team = chain(["drafter"], ["checker"])
    told = improve(generations=1, keep={**keep, "turns": {"of": ["checker"]}}, watch=None)
    path = written(tmp_path, tasks=of_one, organization=team, improve=told)
    play(path, tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "run")
    request = ForkRequest(selection=Selection(levels={"generation": ("1",)}), at="1", n=6)
    asyncio.run(draw(plan(tmp_path / "run", request, path), Progress()))
    forks = load(tmp_path / "run").forks
    assert len(forks) == 6 * 4
    assert set(forks["generation"].astype("str")) == {"1"}
    assert set(forks["output"]) == {"A"}  # by the base, B as often
