"""Compute-matched arms through the public entry: pairing, budgets, selectors, resume; cells left out; vetoes."""

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import agentlab
from agentlab.analysis.summary import summarize
from agentlab.analysis.summary_tables import conditions
from agentlab.engine.budget import Budget, nearest
from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.fork import prepare
from agentlab.engine.play import play
from agentlab.engine.spec import fork
from agentlab.errors import ScenarioError
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.cost import plan
from agentlab.experiment.specs import Selection
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.organization.protocols.mail import MailConfig
from agentlab.organization.protocols.solo import Refine
from agentlab.scenario.loading import load
from agentlab.types import VETO, Call, Completion, Request, Settings, Usage
from tests.support.command import Commands
from tests.support.loopback import Loopback, slow
from tests.support.rig import SCENARIO as RIG
from tests.support.rig import assert_equal, tables
from tests.support.strategies import rollout_spec

pytestmark = pytest.mark.usefixtures("workdir")

SCORES = 'scores: {"*": {"1": 0.2, "2": 0.2, "3": 0.2, "4": 0.2, "5": 0.2}}'
SCENARIO = (
    """\
spec: 1
name: matched
seed: 3
models:
  default: {name: sim/chatter, price: {input: 1, output: 5}}
  judge: {name: sim/replies, options: {SCORES}}
  pick: {name: sim/replies, price: {input: 1, output: 5}, options: {SCORES, replies: {"*": {"yes": 0.5, "no": 0.5}}}}
tasks:
  loan: {prompt: "Help {{client}} and pay 5.", fields: {client: Bank}}
  rent: {prompt: "Rent a room."}
organization:
  agents: {boss: {system: Lead.}, hand: {system: Work.}}
  protocol: {kind: mail, start: [boss], contacts: {boss: [hand], hand: [boss]}}
  rounds: 6
  closing: {ask: Report now., agent: boss}
factors:
  team:
    firm: {}
    solo: {organization: {cast: [hand], protocol: {kind: chain, stages: [[hand]]}}}
    refined: {baseline: {of: firm, by: refine, match: output_tokens, agent: hand}}
    best: {baseline: {of: firm, by: best_of_n, match: tokens, agent: hand, select: picker}}
    voted: {baseline: {of: firm, by: vote, match: calls, agent: hand, at: task_median}}
    agreed: {baseline: {of: firm, by: vote, match: cost, agent: hand, select: picker}}
    again: {baseline: {of: refined, by: refine, match: calls, agent: hand}}
draws: 3
judges:
  quality: {kind: rubric, criteria: {focus: {text: Is it focused?}}}
  picker: {kind: rubric, model: pick, draws: 2, criteria: {focus: {text: Is it good?}}}
measures:
  utility: {judge: quality, criteria: [focus]}
"""
).replace("SCORES", SCORES)
BASELINES = ("refined", "best", "voted", "agreed", "again")


def write(*changes: tuple[str, str], text: str = SCENARIO) -> Path:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = Path("matched.yaml")
    path.write_text(text)
    return path


def run(*changes: tuple[str, str], out: str = "run", **options: Any) -> agentlab.Run:
    return asyncio.run(agentlab.run(write(*changes), out, **options))


def steps(calls: pd.DataFrame, unit: str) -> list[float]:
    """What each step of a baseline used, those that do not count included."""
    own = calls[calls["purpose"] != "judge"]
    worth = {
        "output_tokens": own["output_tokens"],
        "tokens": own["input_tokens"] + own["output_tokens"],
        "calls": own["k"] * 0 + 1,
        "cost": (own["input_tokens"] + 5 * own["output_tokens"]) / 1e6,
    }[unit]
    return worth.groupby(own["round"]).sum().astype("float64").tolist()


def test_the_table_of_a_run_has_its_arms_in_the_order_of_the_scenario_and_says_what_costs_lack() -> None:
    made = run()
    arms = summarize(made).arms
    assert [arm.name for arm in arms] == ["firm", "solo", *BASELINES]
    paid = made.calls[made.calls["purpose"] != "judge"].groupby("condition", observed=True)["cost"].sum()
    assert any((arm.cost or 0) < paid[arm.condition] for arm in arms if arm.stepped)
    table = conditions(summarize(made))
    assert table.legend.endswith(
        "cost: without judges, and without the steps of baselines that were made and left out."
    )


UNITS = {"refined": "output_tokens", "best": "tokens", "voted": "calls", "agreed": "cost", "again": "calls"}


def test_every_measured_rollout_has_a_pair_that_ends_with_the_step_nearest_to_what_it_used() -> None:
    made = run()
    rollouts, calls = made.rollouts.set_index("rollout"), made.calls
    by_arm = {arm: part for arm, part in rollouts.groupby(rollouts["team"].astype("str"))}
    assert {arm: len(part) for arm, part in by_arm.items()} == dict.fromkeys(("firm", "solo", *BASELINES), 6)
    for arm in BASELINES:
        for key, row in by_arm[arm].iterrows():
            of = rollouts.loc[row["of"]]
            assert (of["team"], of["task"], of["draw"]) == (
                "refined" if arm == "again" else "firm",
                row["task"],
                row["draw"],
            )
            sizes = steps(calls[calls["rollout"] == key], UNITS[arm])
            totals: list[float] = [sum(sizes[: n + 1]) for n in range(len(sizes))]
            assert float(row["spent"]) == pytest.approx(totals[int(row["steps"]) - 1])
            gaps = [abs(total - float(row["budget"])) for total in totals]
            assert gaps[int(row["steps"]) - 1] <= min(gaps) + 1e-9
            assert len(sizes) <= row["steps"] + 1  # one step more is made at most, and left out
            assert row["turns"] == row["rounds"] == row["steps"] >= 1
            if arm != "voted":
                measured = steps(calls[calls["rollout"] == row["of"]], UNITS[arm])
                assert row["budget"] == pytest.approx(sum(measured[: of["steps"] if arm == "again" else None]))
    voted = by_arm["voted"]
    medians = by_arm["firm"].groupby("task", observed=True)["calls"].median()
    assert (voted["budget"] == voted["task"].map(medians).astype(float)).all()
    assert (
        rollouts.loc[rollouts["team"].isin(["firm", "solo"]), ["of", "budget", "spent", "steps"]].isna().all(axis=None)
    )
    assert len(rollouts.index.unique()) == 42


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=30), st.floats(0, 500))
def test_the_step_that_ends_it_is_the_nearest_of_all(sizes: list[float], budget: float) -> None:
    made = 1
    while (found := nearest(sizes[:made], budget)) is None and made < len(sizes):
        made += 1
    if found is not None:
        gaps = [abs(sum(sizes[:n]) - budget) for n in range(1, len(sizes) + 1)]
        assert gaps[found - 1] <= min(gaps) + 1e-9
        assert 1 <= found <= made <= found + 1


def test_a_step_shows_the_task_with_its_closing_question_and_the_draft_before_it() -> None:
    made = run(only={"team": ("firm", "refined", "best")}, draws=1)
    row = made.rollouts[(made.rollouts["team"] == "refined") & (made.rollouts["task"] == "loan")].iloc[0]
    turns = made.rollout(row["rollout"]).record.turns
    first, second = (turn.steps[0].prompt[-1].content for turn in turns[:2])
    assert first == "Help Bank and pay 5.\n\nReport now."
    assert turns[0].steps[0].call.completion is not None
    draft = turns[0].steps[0].call.completion.text
    assert second.startswith(first + f'\n\n<output from="hand">\n{draft}\n</output>\n\nAbove is your previous draft.')
    assert all(step.intact for turn in turns for step in turn.steps)
    assert row["output"] == turns[row["steps"] - 1].steps[0].call.completion.text  # pyright: ignore[reportOptionalMemberAccess]
    best = made.rollouts[(made.rollouts["team"] == "best") & (made.rollouts["task"] == "loan")].iloc[0]
    tries = made.rollout(best["rollout"]).record.turns
    assert {turn.steps[0].prompt[-1].content for turn in tries} == {first}  # the same prompt, every time


def test_tries_never_share_a_reply_and_the_selector_picks_and_pays() -> None:
    made = run(only={"team": ("firm", "best")})
    calls = made.calls.set_index("rollout")
    for key, row in made.rollouts[made.rollouts["team"] == "best"].set_index("rollout").iterrows():
        own = calls.loc[key]
        tries = own[own["actor"] == "hand"]
        assert tries["prompt_hash"].nunique() == 1
        assert tries["round"].is_unique
        assert tries["text"].nunique() == len(tries)
        picks = own[(own["purpose"] == "selector") & (own["judge"] == "picker")]
        assert set(picks["judge_draw"]) == {0, 1}
        counted = own[(own["purpose"] != "judge") & (own["round"] <= row["steps"])]
        assert row["spent"] == (counted["input_tokens"] + counted["output_tokens"]).sum()
        assert row["calls"] == len(counted)
        log = made.messages[made.messages["rollout"] == key]
        scores = log.loc[log["kind"] == "finding"].set_index("round")["content"].astype(float)
        texts = tries.set_index("round")["text"]
        assert row["output"] == texts[scores.idxmax()]
    assert "picker" not in set(made.scores["judge"])
    assert [m.name for m in made.measured] == ["utility"]


def test_a_vote_goes_to_the_answer_that_most_tries_give() -> None:
    table = (
        '{"hand": {"7.": 0.3, "\\"7\\"": 0.25, "8": 0.25, "-7": 0.2}, "boss": {"<mail to=\\"hand\\">x</mail>": 1.0}}'
    )
    replies = f"{{name: sim/replies, options: {{replies: {table}}}}}"
    model = ("{name: sim/chatter, price: {input: 1, output: 5}}", replies)
    rounds = ("hand: {system: Work.}}", "hand: {system: Work.}}\n  calls: 3")
    made = run(model, rounds, ("at: task_median", "at: draw"), only={"team": ("firm", "voted")}, draws=8)
    seen = 0
    for row in made.rollouts[made.rollouts["team"] == "voted"].to_dict("records"):
        log = made.messages[made.messages["rollout"] == row["rollout"]]
        texts: list[str] = log.loc[log["kind"] == "reply", "content"].str.strip('."').tolist()
        counts = Counter(texts)
        assert counts[str(row["output"]).strip('."')] == max(counts.values())
        seen += len(counts) > 1
    assert seen


def test_a_run_that_is_there_is_not_repeated_and_grows_by_its_baselines() -> None:
    few = len(run(only={"team": ("firm", "solo")}).calls)
    with pytest.raises(
        ScenarioError, match=r"team=again has the budget that team=refined spent .* include team=refined"
    ):
        run(only={"team": "again"})
    grown = run(only={"team": ("refined", "best")})
    whole = run(out="whole")
    assert few < len(grown.calls)
    assert_equal(
        {name: frame for name, frame in tables("run").items() if name == "rollouts"},
        {
            "rollouts": (found := tables("whole")["rollouts"])[
                found["team"].astype("str").isin(["firm", "solo", "refined", "best"])
            ].reset_index(drop=True)
        },
    )
    before = len(whole.calls)
    assert len(run(out="whole").calls) == before


def test_identities_follow_the_settings_and_what_is_measured() -> None:
    def keys(*changes: tuple[str, str]) -> dict[str, str]:
        return {one.levels["team"]: one.identity for one in load(write(*changes)).conditions}

    before = keys()
    assert len(set(before.values())) == len(before)
    assert {arm for arm, key in keys(("system: Lead.", "system: Lead!")).items() if key != before[arm]} == {
        "firm",
        *BASELINES,
    }
    for old, new, arms in [
        ("by: refine, match: output_tokens", "by: refine, match: tokens", {"refined", "again"}),
        ("match: calls, agent: hand, at: task_median", "match: calls, agent: hand", {"voted"}),
        ("text: Is it good?", "text: Is it best?", {"best", "agreed"}),
    ]:
        changed = keys((old, new))
        assert {arm for arm, key in changed.items() if key != before[arm]} == arms


def test_a_plan_counts_what_baselines_will_spend() -> None:
    design = load(write())
    made = asyncio.run(plan(design, Selection()))
    firm, refined = made.agents["team=firm"], made.agents["team=refined"]
    assert refined.usage.output == pytest.approx(firm.usage.output, rel=0.35)
    alone = asyncio.run(plan(design, Selection(levels={"team": ("again",)})))
    assert alone.agents == {"team=again": made.agents["team=again"]}


def test_realised_ratios_are_told_for_every_contrast() -> None:
    found = {(c.a, c.b): c for c in summarize(run()).contrasts}
    refined, solo = found["firm", "refined"], found["firm", "solo"]
    assert refined.arms.unit == "output tokens"
    assert refined.arms.compute["output tokens"] == pytest.approx(1, abs=0.1)
    assert refined.arms.matched
    assert set(refined.arms.compute) == {"output tokens", "tokens", "calls", "money"}
    assert found["firm", "best"].arms.unit == "tokens"
    assert solo.arms.matched is False
    assert refined.result.pairs == 6
    assert not any("memory" in told or "rounds" in told for told in refined.arms.confounds)


MATCHED = (
    "    solo:",
    "    tried: {baseline: {of: firm, by: best_of_n, match: tokens, agent: lone, select: pick}}\n"
    "    drafted: {baseline: {of: firm, by: refine, match: tokens, agent: lone}}\n    solo:",
)
PICK = (
    "  number: {kind: match, by: number}\n",
    "  number: {kind: match, by: number}\n  pick: {kind: rubric, model: other, criteria: {good: {text: Good?}}}\n",
)
OTHER = ("tasks:\n", '  other: {name: openai/pick, base_url: "URL", timeout: 600, tries: 1, concurrency: 8}\ntasks:\n')


@pytest.mark.slow
def test_kills_in_the_middle_of_baselines_change_nothing(commands: Commands) -> None:
    text = RIG
    for old, new in (MATCHED, PICK, OTHER, ("openai/judge", "openai/score")):
        assert old in text
        text = text.replace(old, new, 1)
    with Loopback(slow) as server:
        path = write(text=text.replace("URL", server.url))
        ended = commands.agentlab("run", path, "--out", "whole")
        assert ended.code == 0, ended.said
        calls = len(server.distinct)
        server.seen.clear()
        for kill in range(12):
            before = len(server.seen)
            running = commands.start("run", path, "--out", "cut", "--concurrency", "3")
            server.wait(before + 5 + kill % 3, 5)
            time.sleep(0.003 * kill)
            running.send(signal.SIGINT if kill == 5 else signal.SIGKILL)
            running.end()
        assert commands.agentlab("run", path, "--out", "cut").code == 0
        assert len(server.distinct) <= calls
        assert_equal(tables("whole"), tables("cut"))


def test_a_measured_rollout_that_goes_further_takes_its_baseline_along() -> None:
    limits = "limits: {rollout: {tokens: 60}}\n"
    tight = run(("judges:\n", f"{limits}judges:\n"), only={"team": ("firm", "refined")}, draws=1)
    stopped = tight.rollouts.query("team == 'firm' and status == 'limit'")["rollout"]
    assert len(stopped)
    before = tight.rollouts.query("team == 'refined'").set_index("of")["spent"]
    loose = run(("judges:\n", f"{limits.replace('60', '1M')}judges:\n"), only={"team": ("firm", "refined")}, draws=1)
    rollouts = loose.rollouts.set_index("rollout")
    refined = rollouts[rollouts["of"].isin(stopped)]
    used = rollouts["output_tokens"].reindex(refined["of"]).tolist()
    assert refined["budget"].tolist() == used
    assert set(refined["attempt"]) == {2}
    assert (refined["spent"].to_numpy() > before.reindex(refined["of"]).to_numpy()).all()
    assert loose.measures["utility"].notna().all()


def test_a_baseline_can_be_forked_like_anything_else() -> None:
    refine = Organization((Agent("ann", "", memory="unread"),), Refine("ann"), 100)
    budget = Budget(100.0, "output_tokens", lambda call: None)

    def answer(request: Request) -> str:
        return "word " * (request.where.stream % 30 + 1)

    first = replace(rollout_spec(refine, "Do it."), budget=budget)
    model = Scripted(answer)
    parent = asyncio.run(play(first, Client({"default": model})))
    state = prepare(refine, Cut(2), parent.messages, parent.calls)
    child = asyncio.run(play(fork(first, Cut(2), 1), Client({"default": model}), state=state))
    assert [c.completion for c in child.calls[:2]] == [c.completion for c in parent.calls[:2]]
    assert child.calls[2].completion != parent.calls[2].completion
    assert parent.budget == child.budget == 100
    again = {(call.actor, call.round, call.k): call for call in parent.calls}
    assert asyncio.run(play(first, Client({}, recorded=again))) == parent


PACE = ("factors:\n", "factors:\n  pace:\n    calm: {}\n    fast: {addendum: {hurry: {text: Hurry., to: task}}}\n")


def test_cells_are_left_out_of_the_crossing() -> None:
    def names(*exclude: str) -> list[str]:
        section = f"exclude: [{', '.join(exclude)}]\ndraws: 3\n"
        return [one.name for one in load(write(PACE, ("draws: 3\n", section))).conditions]

    every = names()
    assert len(every) == 14
    assert names("{team: best, pace: fast}") == [name for name in every if name != "pace=fast,team=best"]
    assert names("{pace: fast}", "{team: solo}") == [
        name for name in every if "fast" not in name and "solo" not in name
    ]
    with pytest.raises(ScenarioError, match="the arm that sets its budget is excluded"):
        names("{team: firm, pace: fast}")


def test_a_cell_has_one_baseline() -> None:
    two = ("factors:\n", PACE[1] + "    idle: {baseline: {of: calm, by: refine, match: calls, agent: hand}}\n")
    with pytest.raises(ScenarioError, match="are both baselines in one cell"):
        load(write(two))


@pytest.mark.parametrize(
    ("pick", "told"), [("openai/o3", "a family other than gpt"), ("anthropic/claude-opus-4-5", "")]
)
def test_a_selector_is_of_another_family_than_the_judges(pick: str, told: str) -> None:
    judge = (f"judge: {{name: sim/replies, options: {{{SCORES}}}}}", "judge: {name: openai/gpt-5.2}")
    start = SCENARIO.index("  pick:")
    line = SCENARIO[start : SCENARIO.index("\n", start)]
    changes = (judge, (line, f"  pick: {{name: {pick}}}"))
    if not told:
        assert list(load(write(*changes)).selectors) == ["picker"]
        return
    with pytest.raises(ScenarioError, match=told):
        load(write(*changes))


def vetoing(*lines: tuple[str, int, str], closing: Closing | None = None) -> Any:
    config = MailConfig(kind="mail", start=("ann",), contacts={"ann": ("ben",), "ben": ("ann",)}, veto=("ben",))
    agents = tuple(Agent(name, "") for name in ("ann", "ben"))
    organization = Organization(agents, config.build(("ann", "ben"), closing, None), 4, closing)
    said = {(actor, round): text for actor, round, text in lines}

    def answer(request: Request) -> str:
        return said.get((request.where.actor, request.where.round), "")

    return asyncio.run(play(rollout_spec(organization, "Do it."), Client({"default": Scripted(answer)})))


def test_a_veto_ends_the_rollout_and_only_its_holder_has_one() -> None:
    ask = ("ann", 1, '<veto>mine</veto><output>Done.</output><mail to="ben">May we?</mail>')
    ended = vetoing(ask, ("ben", 2, "<veto>This harms people.</veto>"), ("ann", 2, "<output>Anyway.</output>"))
    assert (ended.status, ended.output, ended.output_via) == ("vetoed", None, "none")
    assert [(m.sender, m.to, m.content) for m in ended.messages if m.kind == "veto"] == [
        ("ben", (VETO,), "This harms people.")
    ]
    assert [(m.ref, m.to) for m in ended.messages if m.kind == "bounce"] == [(VETO, ("ann",))]
    assert max(call.round for call in ended.calls) == 2
    assert vetoing(ask).status == "delivered"
    last = vetoing(
        ("ann", 1, '<mail to="ben">x</mail>'), ("ben", 5, "<veto>No.</veto>"), closing=Closing("Report.", "ben")
    )
    assert last.status == "vetoed"


def test_a_vetoed_rollout_has_the_value_that_the_scenario_declares_and_is_told_how() -> None:
    table = '{"boss": {"<mail to=\\"hand\\">x</mail>": 1.0}, "hand": {"<veto>No.</veto>": 1.0}}'
    model = (
        "{name: sim/chatter, price: {input: 1, output: 5}}",
        f"{{name: sim/replies, options: {{replies: {table}}}}}",
    )
    veto = ("protocol: {kind: mail,", "protocol: {kind: mail, veto: [hand],")
    worth = ("criteria: [focus]}", "criteria: [focus], vetoed: 0.25}")
    made = run(model, veto, worth, only={"team": "firm"})
    assert set(made.rollouts["status"]) == {"vetoed"}
    assert set(made.measures["utility"]) == {0.25}
    firm = load("matched.yaml").conditions[0].organization
    assert "<veto>your reason</veto>" in firm.systems["hand"]
    assert "<veto>" not in firm.systems["boss"]
    assert len(run(model, veto, worth, only={"team": "firm"}).calls) == len(made.calls)


def test_a_budget_in_money_counts_what_programs_of_an_agent_ask() -> None:
    programs = "  programs: {model: pick, tokens: 300}\n  agents:"
    Path("s.yaml").write_text(SCENARIO.replace("  agents:", programs, 1))
    design = load("s.yaml")
    budgets = ComputeBudgets(design, Client({}), {}, lambda key: ())
    price = budgets.price(design.conditions[0])
    reply = Completion("Yes.", usage=Usage(1000, 100))
    asked = Call("product/boss", 1, 0, 1, "sim/replies", Settings(), "", reply, purpose="product")
    assert price(asked) == pytest.approx((1000 * 1 + 100 * 5) / 1e6)


def test_a_budget_of_all_draws_is_that_of_added_draws_too() -> None:
    """As where a pilot plays one draw of what later has more."""
    only: dict[str, Any] = {"only": {"team": ("firm", "voted")}}
    changes = (("draws: 3", "draws: 5"),)
    run(*changes, draws=2, **only)
    first = agentlab.load("run").calls
    made, whole = run(*changes, **only), run(*changes, out="whole", **only)
    budgets = [
        one.rollouts.query("team == 'voted'").set_index(["task", "draw"])["budget"].sort_index().tolist()
        for one in (made, whole)
    ]
    assert budgets[0] == budgets[1]
    assert made.rollouts.query("team == 'voted'").groupby("task")["budget"].nunique().eq(1).all()
    place = ["rollout", "actor", "round", "k", "attempt"]
    assert not made.calls.duplicated(place).any()
    both = first.merge(made.calls, on=place, suffixes=("", "_now"))
    assert len(both) == len(first), "calls that were paid for are kept"
    assert (both["text"].fillna("") == both["text_now"].fillna("")).all()
    verdicts = made.measures.query("team == 'voted'")
    assert (verdicts["utility_outcome"] == "scored").all()
    count = len(made.calls)
    assert len(run(*changes, **only).calls) == count, "the same command again pays for nothing"
    assert len(run(*changes, draws=2, **only).calls) == count, "nor does a part of it"
