"""Judges of two outputs: what they are shown, what both orders make of it, what is stored, and what it says of arms."""

import asyncio
import re
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from agentlab_cli.main import app
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.cells import columns
from agentlab.analysis.judges.pairs import pairs
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, MismatchError, ScenarioError
from agentlab.experiment.cost import plan
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.judging.sides import Side
from agentlab.experiment.judging.sorting import Output, answered, sort
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.judges.known_pairs import combined, flipped
from agentlab.runs.frames import Run
from agentlab.runs.frames import load as load_run
from agentlab.scenario.loading import load
from tests.support.command import Commands
from tests.support.duel import SCENARIO, TEXTS, WORTH, Alike, Change, Taster, run, write
from tests.support.loopback import Loopback
from tests.support.proven import proven
from tests.support.rig import SCENARIO as RIG
from tests.support.rig import rows


@pytest.fixture(autouse=True)
def _fresh(workdir: Path) -> None:
    for record in (Taster.asked, Taster.broken, Alike.asked):
        record.clear()
    Alike.first.clear()


def worths(run: Run) -> dict[str, int]:
    texts = zip(run.rollouts["rollout"], run.rollouts["output"], strict=True)
    return {key: int(found[1]) for key, text in texts if (found := WORTH.search(str(text)))}


def test_every_pair_is_shown_in_both_orders_and_the_better_output_wins() -> None:
    made, known = run(), worths(run())
    assert len(made.pairs) == 3 * 4 * 2
    for (one, other), both in made.pairs.groupby(["rollout_a", "rollout_b"]):
        assert sorted(both["order"]) == [0, 1]
        gap = known[str(one)] - known[str(other)]
        assert set(both["winner"]) == {"tie" if gap == 0 else "a" if gap > 0 else "b"}
        assert set(both.sort_values("order")["label"]) == ({"TIE"} if gap == 0 else {"A", "B"})
    tables = pairs(made).tables
    row, beside = tables["pairs"].iloc[0], tables["verdicts"].iloc[0]
    gaps = [known[a] - known[b] for a, b in made.pairs[["rollout_a", "rollout_b"]].drop_duplicates().to_numpy()]
    assert (row["wins"], row["ties"], row["losses"]) == tuple(sum(sign(gap) == s for gap in gaps) for s in (1, 0, -1))
    assert row["win_rate"] == pytest.approx((row["wins"] + row["ties"] / 2) / 12)
    assert row["win_rate_low"] < row["win_rate"] < row["win_rate_high"] <= 1
    assert row["win_rate_low"] == pytest.approx(beside["these_tasks_low"])
    assert row["win_rate_high"] == pytest.approx(beside["these_tasks_high"])
    assert (row["flips"], beside["first_slot"]) == (0, 0.5)
    shown = columns(tables["pairs"])
    widths = [max(map(len, (column.heading, *column.cells))) for column in shown]
    assert sum(widths) + 3 * len(shown) <= 140


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def test_a_scenario_in_short_names_the_judge_that_compares() -> None:
    assert (
        "taste asks tests.support.duel:Taster, shown two outputs at a time: better"
        in CliRunner().invoke(app, ["show", str(write())]).stdout
    )


def test_a_judge_that_was_not_asked_yet_is_waited_for_and_no_other_is_offered() -> None:
    made = run()
    with closing(sqlite3.connect("runs/duel/run.db")) as connection, connection:
        connection.execute("DELETE FROM verdict_rows WHERE rollout IN (SELECT id FROM rollouts WHERE kind = 'pair')")
    with pytest.raises(AnalysisError, match=r"taste has compared no arms yet; .* run the same command again"):
        pairs(load_run(made.folder))


def test_each_line_names_the_levels_of_other_factors_in_which_two_arms_were_compared() -> None:
    place = "factors:\n  place: {home: {}, away: {addendum: {far: {text: Far away., to: task}}}}\n"
    found = pairs(proven(run(("factors:\n", place), ('Taster"}', 'Taster", options: {muddled: worth 5}}'))))
    lost = [note for note in found.notes if "verdicts without a winner" in note]
    for level in ("place=home", "place=away"):
        assert f"strong against weak ({level}): " in found.headline
        assert any(f"strong - weak ({level}): " in note for note in lost)


def test_pure_position_bias_gives_ties_only_and_every_pair_flips() -> None:
    tables = pairs(proven(run(('Taster"}', 'Taster", options: {place: A}}')))).tables
    row = tables["pairs"].iloc[0]
    assert (row["wins"], row["ties"], row["losses"], row["win_rate"]) == (0, 12, 0, 0.5)
    assert (row["flips"], tables["verdicts"]["first_slot"].iloc[0]) == (1.0, 1.0)


def test_an_arm_that_wins_every_pair_is_preferred_by_sign_flips() -> None:
    found = pairs(proven(run(("{low: 3, high: 9}", "{low: 8, high: 9}"), ("{low: 0, high: 6}", "{low: 0, high: 1}"))))
    row = found.tables["pairs"].iloc[0]
    assert (row["wins"], row["win_rate"], row["conclusion"]) == (12, 1.0, "strong preferred")
    assert row[["win_rate_low", "win_rate_high"]].isna().all()
    assert any("the sign-flip test decides" in note for note in found.notes)


def test_ties_that_are_said_are_no_flips_and_strengths_come_with_their_order_term() -> None:
    made = pairs(
        run(('Taster"}', 'Taster", options: {near: 2}}'), ("[[strong, weak]]", "[[strong, weak], [lazy, weak]]"))
    )
    table, strengths = made.tables["pairs"], made.tables["strengths"].set_index("arm")
    assert (table["flips"] == 0).all()
    assert table["ties"].sum() > 0
    assert set(strengths.index) == {"team=strong", "team=weak", "team=lazy"}
    assert strengths["strength"].sum() == pytest.approx(0, abs=1e-9)
    assert strengths["strength"].idxmin() == "team=weak"
    assert strengths["order"].abs().max() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("straight", "swapped", "worth", "flip"),
    [(1.0, 0.0, 1.0, False), (0.0, 1.0, 0.0, False), (1.0, 1.0, 0.5, True), (0.0, 0.0, 0.5, True),
     (0.5, 0.5, 0.5, False), (1.0, 0.5, 0.5, False), (None, 1.0, None, False), (0.0, None, None, False)],
)  # fmt: skip
def test_both_orders_together(straight: float | None, swapped: float | None, worth: float | None, flip: bool) -> None:
    assert combined(straight, swapped) == worth
    assert flipped(straight, swapped) is flip


def test_the_judge_is_blind_and_quoted_tags_are_inert() -> None:
    run()
    asked = [prompt for prompt in Taster.asked if "Help the" in prompt]
    assert len(asked) == 24
    for prompt in asked:
        assert not re.search(r"strong|weak|team|ann|bob|draw|firm", prompt)
        assert prompt.count("</output>") == 2
        assert prompt.count("&lt;/output>") == 2
    both = Counter(frozenset(TEXTS.findall(prompt)) for prompt in asked)
    swapped = Counter(frozenset({("A" if n == "B" else "B", t) for n, t in TEXTS.findall(p)}) for p in asked)
    assert both == swapped


def test_a_run_that_is_there_is_asked_nothing_again_and_grows_by_its_pairs() -> None:
    run(draws=2)
    first = len(Taster.asked)
    run(draws=2)
    assert len(Taster.asked) == first
    run()
    grown = Taster.asked.copy()
    assert len(grown) == 24 + 34
    assert len(Counter(grown)) == len(set(grown))
    run(("[[strong, weak]]", "[[strong, weak]]"), tasks=["loan"])
    assert len(Taster.asked) == len(grown)


def test_a_pilot_compares_only_what_it_played() -> None:
    assert set(run(tasks=["loan"], draws=1).pairs["task"]) == {"loan"}
    assert run(only={"team": "strong"}, tasks=["rent"]).pairs["task"].unique().tolist() == ["loan"]


def test_nothing_leaks_into_other_frames() -> None:
    made = run()
    assert len(made.rollouts) == len(made.measures) == 36
    assert made.forks.empty
    assert made.scores.empty
    assert made.measured == []
    assert made.meta["looks"][-1]["rollouts"] == 36
    assert made.meta["judges"] == {"taste": "tests.support.duel:Taster"}


def test_failed_calls_are_tried_again_by_the_same_command_and_no_other_is() -> None:
    run(draws=1)
    Taster.broken.append(5)
    before = len(Taster.asked)
    broken = run()
    assert (broken.pairs["outcome"] == "error").sum() == 5
    assert pairs(broken).tables["verdicts"]["error"].tolist() == [5]
    mended = run()
    assert (mended.pairs["outcome"] == "scored").all()
    assert len(Taster.asked) - before == 18


def test_what_cannot_be_read_or_is_not_there_is_no_tie_and_no_loss() -> None:
    made = run(
        ('Taster"}', 'Taster", options: {muddled: worth 6}}'), ("low: 0, high: 6}", "low: 0, high: 6, refuses: 1}")
    )
    found = pairs(made)
    row, beside = found.tables["pairs"].iloc[0], found.tables["verdicts"].iloc[0]
    absent, unparsed = ((made.pairs["outcome"] == name).sum() for name in ("absent", "unparsed"))
    assert absent > 0
    assert unparsed > 0
    assert (beside["absent"], beside["unparsed"]) == (absent, unparsed)
    assert any(f"neither as ties nor as losses: {absent} absent, {unparsed} unparsed" in note for note in found.notes)
    assert 2 * (row["wins"] + row["ties"] + row["losses"]) == 24 - absent - unparsed
    assert made.pairs.loc[made.pairs["outcome"] != "scored", "winner"].isna().all()
    refused = made.rollouts.loc[made.rollouts["status"] == "declined", "rollout"]
    assert set(made.pairs.loc[made.pairs["outcome"] == "absent", "rollout_b"]) == set(
        refused[refused.isin(made.pairs["rollout_b"])]
    )


def test_structured_answers_several_draws_and_criteria() -> None:
    kind = ("kind: compare\n", "kind: compare\n    scoring: structured\n    draws: 2\n    normalise: true\n")
    made = run(kind, ("worth more?}", "worth more?}, plainer: {text: Which is plainer?, count: false}"))
    assert len(made.pairs) == 3 * 4 * 2 * 2 * 2
    assert set(made.pairs["judge_draw"]) == {0, 1}
    table = pairs(made).tables["pairs"]
    assert table["criterion"].tolist() == ["better", "plainer"]
    assert (table["wins"] + table["ties"] + table["losses"]).tolist() == [24, 24]
    assert table["pairs"].tolist() == [12, 12]


def test_without_arms_every_pair_of_levels_is_compared() -> None:
    made = run(("    arms: {team: [[strong, weak]]}\n", ""), draws=1)
    assert made.pairs[["a", "b"]].drop_duplicates().to_numpy().tolist() == [
        ["strong", "weak"], ["strong", "lazy"], ["weak", "lazy"]
    ]  # fmt: skip


def test_a_judge_that_fails_its_anchors_says_nothing() -> None:
    good = run(draws=1)
    assert good.meta["anchors"]["taste"]["auc"] == 1.0
    assert good.meta["anchors"]["taste"]["padding"] == 0.0
    assert pairs(good).tables["pairs"]["conclusion"].tolist() != ["suppressed"]
    bad = run(('Taster"}', 'Taster", options: {place: B}}'), out="bad", draws=1)
    assert bad.meta["anchors"]["taste"]["auc"] == 0.5
    assert bad.meta["anchors"]["taste"]["flips"] == 1.0
    found = pairs(bad)
    row = found.tables["pairs"].iloc[0]
    assert row["conclusion"] == "suppressed"
    assert row[["wins", "ties", "losses", "win_rate", "win_rate_low"]].isna().all()
    assert found.tables["strengths"].empty
    assert found.notes[0].startswith("taste: suppressed: ")
    assert "AUC 0.50" in found.notes[0]
    assert found.says == "1 comparison of arms, all suppressed."


def test_a_judge_is_added_to_a_run_that_is_there() -> None:
    text = SCENARIO[: SCENARIO.index("judges:")]
    bare = asyncio.run(agentlab.run(write(text=text)))
    with pytest.raises(AnalysisError, match="agentlab judge runs/duel --with preference"):
        pairs(bare)
    judge = SCENARIO[SCENARIO.index("    kind: compare") :].replace("\n    ", "\n").strip()
    Path("taste.yaml").write_text(judge)
    for _ in range(2):
        asyncio.run(rejudge(Path("runs/duel"), ["taste.yaml"], None, Progress()))
    assert len(Taster.asked) == 24 + 34
    added, whole = load_run("runs/duel").pairs, run(out="whole").pairs
    shown = ["a", "b", "task", "draw", "order", "winner"]
    pd.testing.assert_frame_equal(added[shown], whole[shown])
    Path("taste.yaml").write_text(judge.replace("strong", "stronk"))
    with pytest.raises(ScenarioError, match=r"factor 'team' has no level 'stronk'; did you mean 'strong'"):
        asyncio.run(rejudge(Path("runs/duel"), ["taste.yaml"], None, Progress()))
    Path("taste.yaml").write_text(judge.replace("worth more", "worth most"))
    with pytest.raises(MismatchError, match="already has a different judge named 'taste'"):
        asyncio.run(rejudge(Path("runs/duel"), ["taste.yaml"], None, Progress()))


BEST = "{of: strong, by: best_of_n, match: calls, agent: ann, select: taste}"
MISTAKES: list[tuple[Change, str]] = [
    (("{team: [[strong", "{tame: [[strong"), r"s.yaml:26:12: judges.taste.arms.tame: no factor 'tame'; .*'team'"),
    (("weak]]", "week]]"), r"arms.team\[0\]\[1\]: factor 'team' has no level 'week'; .*'weak'"),
    (("[strong, weak]]", "[strong, strong]]"), "'strong' is compared with itself"),
    (("[[strong, weak]]", "[]"), r"arms\.team"),
    (("weak]]", "weak], [weak, strong]]"), "weak and strong appear twice"),
    (("weak]]", "weak], [weak]]"), "found a list of 1; write at least 2 values"),
    (("text: Which is worth more?", "text: Which?, count: false"), "no question counts"),
    (("    kind: compare\n", "    kind: compare\n    scoring: logprobs\n"), "write text or structured"),
    (("draws: 4\n", "draws: 4\nmeasures: {best: {judge: taste}}\n"), "judge 'taste' is of kind compare"),
    (("    weak: {", f"    tried: {{baseline: {BEST}}}\n    weak: {{"), "judge 'taste' compares arms and does not "
                                                                        "score"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), MISTAKES)
def test_mistakes_have_a_place(change: Change, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        load(write(change))


def test_a_plan_counts_both_orders_of_every_pair() -> None:
    same = "judges:\n  alike: {kind: equivalence}\n"
    found = asyncio.run(plan(load(write(("judges:\n", same))), Selection()))
    assert found.judges["taste"].calls == 3 * 4 * 2
    assert found.judges["alike"].calls == 3 * 3 * (3 * 2)


VERDICTS = "SELECT key, judge, v.draw, criterion, label FROM verdicts v JOIN rollouts r ON r.id = v.rollout"
RIG_PAIRS = (
    "  number: {kind: match, by: number}\n",
    "  number: {kind: match, by: number}\n"
    "  taste: {kind: compare, draws: 2, criteria: {better: {text: Better?}, plainer: {text: Plainer?}}}\n"
    "  alike: {kind: equivalence}\n",
)


@pytest.mark.slow
def test_kills_while_pairs_are_judged_change_nothing_and_pay_nothing_twice(commands: Commands) -> None:
    with Loopback() as server:
        text = RIG.replace(*RIG_PAIRS, 1).replace("URL", server.url)
        path = write(text=text)
        assert commands.agentlab("run", path, "--out", "whole").code == 0
        calls = len(server.distinct)
        whole = rows("whole", VERDICTS)
        server.seen.clear()
        for kill in range(3):
            running = commands.start("run", path, "--out", "cut", "--concurrency", "2")
            server.wait(calls * (kill + 3) // 6, 3)
            time.sleep(0.003 * kill)
            running.send(signal.SIGINT if kill == 1 else signal.SIGKILL)
            running.end()
        assert commands.agentlab("run", path, "--out", "cut").code == 0
        assert len(server.distinct) <= calls
        cut = rows("cut", VERDICTS)
        assert sorted(map(repr, cut)) == sorted(map(repr, whole))
        assert len(load_run("cut").pairs) == 2 * 2 * 4 * 2


def test_a_rollout_that_is_played_further_is_compared_again() -> None:
    first = run(draws=1)
    one = str(first.pairs["rollout_a"].iloc[0])
    before = len(Taster.asked)
    rows_before = len(first.pairs)
    with closing(sqlite3.connect("runs/duel/run.db", isolation_level=None)) as connection:
        connection.execute("UPDATE rollouts SET attempt = 2, output = 'worth 0' WHERE key = ?", (one,))
    assert len(load_run("runs/duel").pairs) == rows_before - 2
    again = run(draws=1)
    assert len(again.pairs) == rows_before
    assert len(Taster.asked) - before == 2
    assert set(again.pairs.loc[again.pairs["rollout_a"] == one, "winner"]) <= {"b", "tie"}


# --- groups of the same answer ----------------------------------------------------------------------------------------

ALIKE: list[Change] = [
    ('judge: {name: "tests.support.duel:Taster"}', 'judge: {name: "tests.support.duel:Alike"}'),
    ("{low: 3, high: 9}", "{low: 3, high: 5, wordy: true}"),
    ("{low: 0, high: 6}", "{low: 0, high: 2, wordy: true}"),
    (SCENARIO[SCENARIO.index("  taste:") :], "  alike: {kind: equivalence}\n"),
]


def test_outputs_of_a_task_and_condition_are_sorted_by_what_they_say() -> None:
    made = run(*ALIKE, draws=6)
    known, groups = worths(made), made.groups
    assert len(groups) == len(made.rollouts)
    for _, cell in groups.groupby(["task", "condition"], observed=True):
        said = cell["rollout"].map(known)
        assert cell.groupby("group")["rollout"].apply(lambda keys: keys.map(known).nunique()).eq(1).all()
        assert cell["group"].nunique() == said.nunique()
        assert cell["size"].tolist() == said.map(said.value_counts()).tolist()
    assert not made.groups["group"].isna().any()
    every = groups.groupby(["task", "condition"], observed=True)["group"].nunique().sum()
    (told,) = summarize(made).unmeasured
    assert told.startswith(f"Judge alike: {len(made.rollouts)} outputs in {every} groups of the same answer.")
    assert min(Alike.first.values()) > 0.2 * len(Alike.asked)
    before = len(Alike.asked)
    run(*ALIKE, draws=6)
    assert len(Alike.asked) == before
    run(*ALIKE, draws=8)
    assert all(count == 1 for count in Counter(Alike.asked[before:]).values())
    assert len(made.scores) == 0
    assert len(made.measures) == len(made.rollouts)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.booleans())
def test_groups_are_the_classes_of_any_relation_of_equality(worths: list[int], blank: bool) -> None:
    outputs = [
        Output(Side(str(i), "t", i, "c", {}), "" if blank and i == 0 else f"{i} is worth {worth}")
        for i, worth in enumerate(worths)
    ]
    asked = list[tuple[str, str]]()

    def answer(first: Side, second: Side) -> bool:
        asked.append((first.key, second.key))
        return worths[int(first.key)] == worths[int(second.key)]

    found = answered(outputs, answer)
    kept = [output.side.key for output in outputs if output.text]
    assert all(
        (found[one] == found[other]) == (worths[int(one)] == worths[int(other)]) for one in kept for other in kept
    )
    assert len(asked) == len(set(asked))
    assert all(found[output.side.key] is None for output in outputs if not output.text)


def test_a_question_without_an_answer_leaves_an_output_without_a_group() -> None:
    outputs = [Output(Side(str(i), "t", i, "c", {}), f"text {i}") for i in range(3)]
    found = answered(outputs, lambda first, second: None if second.key == "1" else first.key == "0")
    assert found == {"0": 1, "1": None, "2": 1}
    same = [Output(Side(str(i), "t", i, "c", {}), text) for i, text in enumerate(("Yes.", " yes", "YES!"))]
    with pytest.raises(StopIteration) as end:
        next(sort(same))
    assert end.value.value == {"0": 1, "1": 1, "2": 1}


def test_a_vote_by_a_judge_of_equivalence_goes_to_the_largest_group() -> None:
    vote = "    voted: {baseline: {of: strong, by: vote, match: calls, agent: bob, select: alike}}\n    weak: {"
    longer = "    strong: {organization: {protocol: {stages: [[ann], [ann], [ann], [ann], [ann], [ann]]}}}\n"
    made = run(*ALIKE, ("    weak: {", vote), ("    strong: {}\n", longer), draws=6)
    seen = 0
    for row in made.rollouts[made.rollouts["team"] == "voted"].to_dict("records"):
        log = made.messages
        own_replies = (log["rollout"] == row["rollout"]) & (log["kind"] == "reply")
        texts: list[str] = log.loc[own_replies, "content"].tolist()
        said = Counter(found[1] for text in texts if (found := WORTH.search(text)))
        own = WORTH.search(str(row["output"]))
        assert own is not None
        assert said[own[1]] == max(said.values())
        seen += len(said) > 1
    assert seen
    assert made.groups.empty  # whoever picks does not judge
    assert "alike" not in made.meta["judges"]
