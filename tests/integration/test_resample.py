"""Forks: rollouts drawn anew from a cut on. What is kept, what is changed, what it costs, and who never sees them."""

import asyncio
import re
import shutil
import sqlite3
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.resampled import resampled
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import agentlab
from agentlab.analysis.summary import summarize
from agentlab.engine.client import Client
from agentlab.engine.cut import Active, Cut, by_agent, ends, parsed, read
from agentlab.engine.fork import prepare
from agentlab.engine.intervention import Change, drop, edit, swap
from agentlab.engine.play import play
from agentlab.engine.prompt import chat
from agentlab.engine.spec import FRESH, fork
from agentlab.errors import AnalysisError, MismatchError, ScenarioError
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample import ForkPlan, draw, plan
from agentlab.experiment.resample.bisect import Bisected, bisect
from agentlab.experiment.resample.request import ForkRequest
from agentlab.experiment.resample.score import score
from agentlab.experiment.resample.swaps import Swap
from agentlab.experiment.session import run as play_design
from agentlab.experiment.specs import Selection
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.mail import MailConfig
from agentlab.runs.frames import load
from agentlab.runs.frames.measures import measure
from agentlab.runs.transcript import transcript
from agentlab.scenario.loading import load as load_design
from agentlab.store import Store
from agentlab.types import Capabilities, Completion, Measure, Request, Rollout, Verdict
from tests.support.rig import assert_equal, rows, tables
from tests.support.scenarios import chain, match, measured, scenario
from tests.support.strategies import organizations, replies, rollout_spec

texts = st.lists(replies, min_size=1, max_size=6)


@dataclass
class Dicer:
    """A model whose reply depends on its random stream and on what it is asked last. Keeps what it was sent."""

    texts: list[str]
    delay: Random | None = None
    requests: list[Request] = field(default_factory=list[Request])
    name: str = "own/dicer"
    capabilities: Capabilities = Capabilities(frozenset(), seed=True)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        for _ in range(self.delay.randrange(4) if self.delay else 0):
            await asyncio.sleep(0)
        return Completion(self.texts[request.where.stream % len(self.texts)])


def once(organization: Organization, model: Any) -> Rollout:
    return asyncio.run(play(rollout_spec(organization), Client({"default": model})))


def forked(
    organization: Organization, parent: Rollout, cut: Cut, model: Any, index: int = 1, change: Change | None = None
) -> Rollout:
    client = Client({"default": model, "@swapped": model})
    state = prepare(organization, cut, parent.messages, parent.calls, change)
    return asyncio.run(play(fork(rollout_spec(organization), cut, index, change), client, state=state))


def active(rollout: Rollout) -> Active:
    turns = dict.fromkeys((c.round, c.actor) for c in rollout.calls)
    return {round: tuple(name for r, name in turns if r == round) for round, _ in turns}


def timeless(rollout: Rollout) -> Rollout:
    return structs.replace(
        rollout, calls=tuple(structs.replace(call, started=0.0, seconds=0.0) for call in rollout.calls)
    )


# --- one fork -------------------------------------------------------------------------------------------------------


@given(organizations(), texts, st.data())
def test_a_fork_keeps_its_past_to_the_byte_and_its_log_is_rebuilt_without_a_model(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    parent = once(organization, Dicer(texts))
    cut = data.draw(st.sampled_from([*ends(active(parent)), *by_agent(active(parent))]))
    model = Dicer(texts)
    child = forked(organization, parent, cut, model)
    assert [m for m in child.messages if m.round <= cut.whole] == [m for m in parent.messages if m.round <= cut.whole]
    kept = [c for c in parent.calls if cut.keeps(c.round, c.actor)]
    assert [c for c in child.calls if cut.keeps(c.round, c.actor)] == kept
    assert {(r.where.round, r.where.actor) for r in model.requests}.isdisjoint((c.round, c.actor) for c in kept)
    for fork_request in model.requests:
        own = [c for c in child.calls if c.actor == fork_request.where.actor and c.round < fork_request.where.round]
        agent = organization.roster[fork_request.where.actor]
        assert chat(organization, agent, child.messages, own, fork_request.where.round) == fork_request.chat
    silent = Dicer(["never asked"])
    again = structs.replace(fork(rollout_spec(organization), cut, 1))
    recorded = {(c.actor, c.round, c.k): c for c in child.calls}
    state = prepare(organization, cut, parent.messages, parent.calls)
    assert asyncio.run(play(again, Client({"default": silent}, recorded=recorded), state=state)) == child
    assert not silent.requests


@given(organizations(), texts, st.data(), st.randoms(use_true_random=False))
def test_a_fork_does_not_depend_on_which_call_returns_first(
    organization: Organization, texts: list[str], data: st.DataObject, random: Random
) -> None:
    parent = once(organization, Dicer(texts))
    cut = data.draw(st.sampled_from([*ends(active(parent)), *by_agent(active(parent))]))
    plain, shuffled = (forked(organization, parent, cut, Dicer(texts, delay)) for delay in (None, random))
    assert timeless(plain) == timeless(shuffled)


@given(organizations(), texts, st.data())
def test_cuts_have_one_way_to_be_written_and_read_back(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    acted = active(once(organization, Dicer(texts)))
    cuts = [*ends(acted), *by_agent(acted)]
    assert len(set(cuts)) == len(cuts)
    cut = data.draw(st.sampled_from(cuts))
    assert parsed(str(cut)) == cut == read(str(cut), acted, organization.rounds)
    last = max(acted)
    with pytest.raises(ScenarioError, match="ends of rounds: 0"):
        read(str(last), acted, organization.rounds)


ACTED: Active = {1: ("ann", "ben", "cat"), 2: ("ben",), 11: ("ann",)}


@pytest.mark.parametrize(
    ("said", "cut"),
    [
        ("0", Cut(0)),
        ("1/cat+ann", Cut(1, ("ann", "cat"))),
        ("1/ben+cat+ann", Cut(0)),
        ("2/ben", Cut(1)),
        ("closing/ann", Cut(2)),
        (" 2 ", Cut(2)),
        *((wrong, None) for wrong in ("11", "closing", "3", "-1", "2/ann", "1/", "1/ann+", "x", "²", "")),
    ],
)
def test_a_cut_is_legal_or_the_legal_ones_are_named(said: str, cut: Cut | None) -> None:
    if cut is not None:
        assert read(said, ACTED, 10) == cut
        return
    with pytest.raises(ScenarioError, match=r"ends of rounds: 0, 1, 2; turns: 1/ann, 1/ben, 1/cat, 2/ben, closing/ann"):
        read(said, ACTED, 10)


def test_every_set_of_a_rounds_agents_is_drawn_anew_up_to_four_of_them() -> None:
    assert [str(cut) for cut in by_agent(ACTED)] == ["1/ann", "1/ben", "1/ann+ben", "1/cat", "1/ann+cat", "1/ben+cat"]
    crowd = by_agent({1: tuple("abcde")})
    assert sorted(len(cut.agents) for cut in crowd) == [1] * 5 + [4] * 5


# --- changes --------------------------------------------------------------------------------------------------------

CAST = ("ann", "ben", "cat")


def office(*starting: str) -> Organization:
    contacts = {name: tuple(other for other in CAST if other != name) for name in CAST}
    config = MailConfig(kind="mail", start=starting or ("ann",), contacts=contacts)
    return Organization(tuple(Agent(name) for name in CAST), config.build(CAST, None, None), 4)


MAILS = [f'<mail to="{a}, {b}">word {i}</mail>' for i, (a, b) in enumerate((a, b) for a in CAST for b in CAST)]


def seen(model: Dicer, round: int, actor: str) -> str:
    return next(r.chat[-1].content for r in model.requests if (r.where.round, r.where.actor) == (round, actor))


def test_a_dropped_message_is_not_read_and_an_edited_one_reads_otherwise() -> None:
    organization, models = office("ann", "ben"), [Dicer(MAILS) for _ in range(3)]
    scripted = {"ann": '<mail to="cat">from ann</mail>', "ben": '<mail to="cat, ann">from ben</mail>'}

    @dataclass
    class First(Dicer):
        async def complete(self, request: Request) -> Completion:
            return Completion(scripted.get(request.where.actor, MAILS[0]))

    parent = once(organization, First(MAILS))
    (index,) = [m.index for m in parent.messages if m.content == "from ann" and m.round == 1]
    changes = (None, drop(index), edit(index, "from nobody"))
    plain, lost, other = (
        forked(organization, parent, Cut(1), model, 1, change) for model, change in zip(models, changes, strict=True)
    )
    prompts = [seen(model, 2, "cat") for model in models]
    assert "from ann" in prompts[0]
    assert prompts[1] == prompts[0].replace('<mail from="ann">\nfrom ann\n</mail>\n\n', "")
    assert prompts[2] == prompts[0].replace("from ann", "from nobody")
    assert {seen(model, 2, "ann") for model in models} == {
        seen(models[0], 2, "ann")
    }  # who did not read it sees no change
    assert "from ann" in next(c for c in lost.calls if (c.round, c.actor) == (1, "ann")).completion.text  # type: ignore[union-attr]
    assert len([m for m in lost.messages if m.round <= 1]) == len([m for m in plain.messages if m.round <= 1]) - 1
    assert [m.index for m in lost.messages] == list(range(len(lost.messages)))
    assert other.messages[index].content == "from nobody"
    assert (lost.change, other.change[: len(f"edit {index} ")]) == (f"drop {index}", f"edit {index} ")
    assert len({plain.key, lost.key, other.key}) == 3


@given(organizations(), texts, st.data())
def test_a_changed_fork_shares_random_numbers_with_the_plain_one_of_its_cut_and_index_alone(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    parent = once(organization, Dicer(texts))
    cut = data.draw(st.sampled_from(ends(active(parent))))
    agent = data.draw(st.sampled_from(organization.agents))
    models = [Dicer(texts) for _ in range(3)]
    same = swap(replace(agent, model="@swapped"), "own/dicer")
    plain, changed = (forked(organization, parent, cut, m, 2, c) for m, c in zip(models, (None, same), strict=False))
    # The model that comes in answers as the old one does, so that nothing but the identity may differ.
    assert (changed.messages, changed.output) == (plain.messages, plain.output)
    assert changed.key != plain.key
    assert [r.where.stream for r in models[0].requests] == [r.where.stream for r in models[1].requests]
    forked(organization, parent, cut, models[2], 3)
    assert {r.where.stream for r in models[0].requests}.isdisjoint(r.where.stream for r in models[2].requests)
    streams = [{r.where.stream for r in models[0].requests}]
    for other in ends(active(parent)):
        if other != cut:
            elsewhere = Dicer(texts)
            forked(organization, parent, other, elsewhere, 2)
            streams.append({r.where.stream for r in elsewhere.requests})
    assert sum(map(len, streams)) == len(set[int]().union(*streams))  # forks of other cuts are other draws


def test_a_swap_asks_the_other_model_in_the_turns_that_are_drawn_anew_and_no_other() -> None:
    organization, old, new = office("ann", "ben"), Dicer(MAILS), Dicer(MAILS)
    parent = once(organization, Dicer(MAILS))
    change = swap(Agent("ann", model="@swapped"), "own/new")
    client = Client({"default": old, "@swapped": new})
    state = prepare(organization, Cut(1, ("ben",)), parent.messages, parent.calls, change)
    child = asyncio.run(play(fork(rollout_spec(organization), Cut(1, ("ben",)), 1, change), client, state=state))
    turns = {(c.round, c.actor) for c in child.calls}
    assert {(r.where.round, r.where.actor) for r in new.requests} == {t for t in turns if t[1] == "ann" and t[0] > 1}
    assert {(r.where.round, r.where.actor) for r in old.requests} == {t for t in turns if t[1] != "ann"}


# --- a run ----------------------------------------------------------------------------------------------------------

SCENARIO = """\
spec: 1
name: office
seed: 5
models:
  default: {name: sim/chatter, temperature: 0.5, max_tokens: 300, price: {input: 1, output: 2}}
  judge:
    name: sim/replies
    options: {replies: {"*": {"Yes.": 1}}, scores: {"*": {"1": 0.5, "3": 0.5}}}
    price: {input: 3, output: 4}
tasks:
  loan: {prompt: "A bank lends 40 and asks for 2."}
  rent: {prompt: "Three rooms cost 5 each."}
organization:
  agents:
    boss: {system: You lead.}
    hand: {system: You work.}
    mate: {system: You check., settings: {top_p: 0.9}}
    lone: {system: You do it all.}
  protocol: {kind: mail, start: [boss, mate], contacts: {boss: [hand, mate], hand: [boss], mate: [boss, hand]}}
  rounds: 4
  cast: [boss, hand, mate]
  closing: {ask: Report., agent: boss}
factors:
  team:
    firm: {}
    solo: {organization: {cast: [lone], protocol: {kind: chain, stages: [[lone]]}, closing: {agent: lone}}}
draws: 3
judges:
  quality: {kind: rubric, draws: 2, criteria: {focus: {text: Is it focused?}}}
measures:
  utility: {judge: quality, criteria: all, range: [0, 1]}
"""
ONE = "task=loan,team=firm,draw=1"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario, played."""
    folder = tmp_path_factory.mktemp("origin")
    (folder / "s.yaml").write_text(SCENARIO)
    asyncio.run(play_design(load_design(folder / "s.yaml"), folder / "run", Selection(), Progress()))
    return folder / "run"


@pytest.fixture
def run(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of one's own, in the working folder, without its scenario."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(origin, "run")
    return Path("run")


def key(run: Path, place: str = ONE) -> str:
    return transcript(run, place).record.rollout.key


def drawn(made: ForkPlan, **how: Any) -> Progress:
    progress = Progress()
    asyncio.run(draw(made, progress, **how))
    return progress


def mails(run: Path) -> list[int]:
    """Numbers of mails that somebody read."""
    record = transcript(run, ONE).record
    last = max(turn.round for turn in record.turns)
    return [m.index for m in record.rollout.messages if m.kind == "mail" and 0 < m.round < last - 1]


def test_forks_change_no_frame_but_their_own(run: Path) -> None:
    before, summary, looks = tables(run), summarize(load(run)), load(run).meta["looks"]
    shapes = {name: getattr(load(run), name).shape for name in ("agents", "edges", "roles", "conditions")}
    drawn(plan(run, ForkRequest(every_round=True, by_agent=True, n=2)))
    after = load(run)
    assert len(after.forks) > 100
    assert_equal(before, tables(run))
    again = summarize(after)
    pd.testing.assert_frame_equal(again.table, summary.table)
    assert replace(again, table=summary.table) == summary
    assert {name: getattr(after, name).shape for name in shapes} == shapes
    assert after.meta["looks"] == looks
    assert set(after.forks["rollout"]).isdisjoint(after.rollouts["rollout"])
    assert set(after.fork_scores["rollout"]) == set(after.forks["rollout"])


def test_forks_as_a_frame(run: Path) -> None:
    made = plan(run, ForkRequest(key(run), at="1/mate", n=2))
    drawn(made)
    drawn(plan(run, ForkRequest(key(run), at="2", n=2)))
    frames = load(run)
    forks, head = frames.forks, list(frames.rollouts.columns)
    more = ["parent", "at", "round", "agents", "fork", "fresh", "change", "utility", "utility_draws", "utility_outcome"]
    assert list(forks.columns) == [*head, *more]
    assert {name: str(forks[name].dtype) for name in more[2:6]} == {
        "round": "Int64",
        "agents": "object",
        "fork": "int64",
        "fresh": "bool",
    }
    assert forks[["at", "round", "agents", "fork"]].to_numpy().tolist() == [
        ["1/mate", 1, ("mate",), 1],
        ["1/mate", 1, ("mate",), 2],
        ["2", 2, (), 1],
        ["2", 2, (), 2],
    ]
    assert set(forks["parent"]) == {key(run)}
    assert set(forks["change"]) == {""}
    assert (forks["utility_draws"] == 2).all()
    made_calls = dict(
        rows(
            run,
            "SELECT r.key, count(*) FROM calls c JOIN rollouts r ON r.id = c.rollout "
            "WHERE r.at IS NOT NULL AND purpose != 'judge' GROUP BY 1",
        )
    )
    assert forks["calls"].tolist() == [made_calls[name] for name in forks["rollout"]]
    parent = transcript(run, key(run)).record
    for fork_key, cut in zip(forks["rollout"], forks["at"], strict=True):
        record = transcript(run, fork_key).record
        assert all(step.intact for turn in record.turns for step in turn.steps)
        kept = [(t.round, t.agent) for t in parent.turns if parsed(cut).keeps(t.round, t.agent)]
        assert record.kept == set(kept)
        text = transcript(run, fork_key).text()
        assert f"of rollout {key(run)}, cut at {cut}; " in text
        assert re.search(rf"; {len(kept)} turns? (is|are) that rollout's", text)
    empty = load(run.rename("again")).forks.iloc[:0]
    assert list(empty.columns) == [*head, *more]


REPLIES = {"replies": {"*": {"It is 4.": 1}}}
SCORES = {"scores": {"*": {"1": 0.5, "3": 0.5}}}
PRICED = scenario(
    "priced",
    models={
        "default": {"name": "sim/replies", "price": {"input": 1, "output": 2}, "options": REPLIES},
        "judge": {"name": "sim/replies", "price": {"input": 3, "output": 0}, "options": SCORES},
    },
    tasks={"sum": {"prompt": "What is 2 and 2?"}, "more": {"prompt": "What is 1, 1, 1 and 1?"}},
    organization=chain("a", "bc", "d", says=None, rounds=3),
    draws=2,
    judges={"quality": {"kind": "rubric", "draws": 2, "criteria": {"focus": {"text": "Is it focused?"}}}},
)


@pytest.mark.usefixtures("workdir")
def test_the_price_told_is_the_price_paid_and_what_is_there_costs_nothing() -> None:
    Path("s.yaml").write_text(PRICED)
    run = Path("run")
    asyncio.run(play_design(load_design("s.yaml"), run, Selection(), Progress()))
    fork_request = ForkRequest(every_round=True, by_agent=True, n=3)
    told, spent = plan(run, fork_request).quote, load_spend(run)
    progress = drawn(plan(run, fork_request))
    assert told.forks == progress.done == 4 * 5 * 3
    assert told.total.cost == pytest.approx(load_spend(run) - spent) == pytest.approx(progress.made.priced)
    assert told.total.calls == progress.made.calls == 4 * 3 * ((4 + 3 + 1 + 2 + 2) + 5 * 2)
    again = plan(run, fork_request)
    assert (again.quote.forks, again.quote.there, again.quote.total.cost) == (0, told.forks, 0)
    assert drawn(again).made.calls == 0
    more = plan(run, replace(fork_request, n=5)).quote
    assert (more.forks, more.there) == (told.forks * 2 // 3, told.forks)
    assert drawn(plan(run, replace(fork_request, n=5))).made.calls * 3 == progress.made.calls * 2


def load_spend(run: Path) -> float:
    """US dollars of all calls."""
    return float(rows(run, "SELECT total(cost) FROM calls")[0][0])


def test_on_a_terminal_money_is_asked_for_unless_yes(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", refuse)
    made = plan(run, ForkRequest(key(run), at="1", n=2))
    assert resampled(made, 8, only_price=False, asked=True) == 0
    assert asked
    assert load(run).forks.empty
    assert resampled(made, 8, only_price=False, asked=False) == 0
    assert len(load(run).forks) == 2
    again = plan(run, ForkRequest(key(run), at="1", n=2))
    assert resampled(again, 8, only_price=False, asked=True) == 0  # nothing is to be paid
    assert len(asked) == 1


def test_an_unknown_price_is_unknown(run: Path) -> None:
    assert plan(run, ForkRequest(key(run), swap=Swap("hand", "openai/nobody-knows"))).quote.total.cost is None
    known = plan(run, ForkRequest(key(run), swap=Swap("hand", "anthropic/claude-opus-4-5"))).quote.total
    plain = plan(run, ForkRequest(key(run), at="0")).quote.total
    assert known.cost is not None
    assert plain.cost is not None
    assert known.calls == 2 * plain.calls
    assert known.cost > 2 * plain.cost
    connection = sqlite3.connect(run / "run.db")
    connection.execute("DELETE FROM call_rows WHERE sort IN (SELECT id FROM call_sorts WHERE purpose = 'judge')")
    connection.commit()
    connection.close()
    assert plan(run, ForkRequest(key(run), at="0")).quote.judges.cost is None


def test_a_limit_on_cost_needs_the_price_of_a_model_that_is_swapped_in(workdir: Path) -> None:
    limited = SCENARIO.replace("draws: 3", "draws: 1") + "limits: {run: {cost: 9 USD}}\n"
    Path("s.yaml").write_text(limited)
    asyncio.run(play_design(load_design("s.yaml"), Path("run"), Selection(), Progress()))
    with pytest.raises(
        ScenarioError, match=r"no price is known for 'openai/nobody-knows', and limits\.run\.cost needs one"
    ):
        plan(Path("run"), ForkRequest(key(Path("run")), swap=Swap("hand", "openai/nobody-knows")))


def test_an_alias_that_is_swapped_in_is_the_model_that_its_condition_has_under_it(workdir: Path) -> None:
    levels = "llm: {one: {}, other: {models: {default: {max_tokens: 200}}}}"
    text = SCENARIO.replace("factors:\n", f"factors:\n  {levels}\n").replace("draws: 3", "draws: 1")
    Path("s.yaml").write_text(text)
    asyncio.run(play_design(load_design("s.yaml"), Path("run"), Selection(), Progress()))
    other = key(Path("run"), "task=loan,llm=other,team=firm,draw=1")
    with pytest.raises(ScenarioError, match=r"hand already uses sim/chatter in llm=other,team=firm"):
        plan(Path("run"), ForkRequest(other, swap=Swap("hand", "default")))


def test_changed_forks_come_with_as_many_plain_ones(run: Path) -> None:
    index = mails(run)[0]
    for fork_request in (
        ForkRequest(drop=index),
        ForkRequest(edit=(index, "Stop.")),
        ForkRequest(swap=Swap("hand", "judge"), at="1"),
    ):
        drawn(plan(run, replace(fork_request, rollout=key(run), n=3)))
    forks = load(run).forks
    plain = forks[forks["change"] == ""]
    assert set(forks.loc[forks["change"] != "", "at"]) <= set(plain["at"])
    assert plain.groupby("at")["fork"].apply(list).tolist() == [[1, 2, 3]] * plain["at"].nunique()
    changes = [name for name in forks["change"].unique() if name]
    assert [name.split()[0] for name in changes] == ["drop", "edit", "swap"]
    assert forks.groupby("change").size().loc[changes].tolist() == [3, 3, 3]
    for name, some in forks[forks["change"] != ""].groupby("change"):
        record = transcript(run, some["rollout"].iloc[0]).record
        assert all(step.intact for turn in record.turns for step in turn.steps), name
    shown = transcript(run, forks.loc[forks["change"] == "swap hand=judge", "rollout"].iloc[0])
    swapped = shown.record
    models = {(t.agent == "hand" and t.round > 1): t.steps[0].call.model for t in swapped.turns}
    assert models == {False: "sim/chatter", True: "sim/replies"}
    assert "hand · sim/replies · remembers" in shown.text()
    settings = [t.steps[0].call.settings for t in swapped.turns if t.agent == "hand" and t.round > 1]
    assert all(one.temperature is None for one in settings)  # that was the other model's


def test_a_swapped_agent_keeps_its_own_settings_and_the_limit_of_its_model(run: Path) -> None:
    made = plan(run, ForkRequest(key(run), swap=Swap("mate", "sim/known_truth.firm:firm")))
    agent = next(fork_point.change.agent for fork_point in made.fork_points if fork_point.change is not None)
    assert agent is not None
    assert (agent.settings.top_p, agent.settings.temperature, agent.settings.max_tokens) == (0.9, None, 300)


def test_parents_are_chosen_evenly_and_never_by_what_came_of_them(run: Path) -> None:
    places = [p.place for p in plan(run, ForkRequest(every_round=True, parents=6)).parents]
    assert len(set(places)) == 6
    for part in ("task=loan", "task=rent", "team=firm", "team=solo"):
        assert sum(part in place for place in places) == 3
    assert [place for place in places[:4] if "draw=1" not in place] == []
    assert (
        plan(run, ForkRequest(every_round=True)).parents[:6]
        == plan(run, ForkRequest(every_round=True, parents=6)).parents
    )
    chosen = ForkRequest(every_round=True, selection=Selection(("rent",), {"team": ("firm",)}, 2))
    found = plan(run, chosen)
    assert [p.place for p in found.parents] == [f"task=rent,team=firm,draw={draw}" for draw in (1, 2)]
    assert "2 rollouts to fork; shares of variance by round and agent need 30" in found.notes[0]
    assert found.request.forks == 4
    swapping = plan(run, ForkRequest(swap=Swap("hand", "judge"), parents=4)).parents
    assert [p.condition.name for p in swapping] == ["team=firm"] * 4  # solo has no hand
    (few,) = plan(run, ForkRequest(every_round=True)).notes
    assert re.match(r"\d+ rollouts to fork, \d of team=(firm|solo); shares .* 30 or more per condition", few)


def test_rollouts_of_a_selection_without_that_cut_are_left_out_and_said_to_be(run: Path) -> None:
    made = plan(run, ForkRequest(at="1", selection=Selection(draws=1)))
    assert {p.rollout_spec.condition for p in made.parents} == {"team=firm"}
    assert {fork_point.parent.rollout_spec.condition for fork_point in made.fork_points} == {"team=firm"}
    (left,) = made.notes
    assert re.match(r"2 rollouts excluded, such as task=\w+,team=solo,draw=1: --at 1: not a valid cut", left)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"at": "0", "n": 1}, "-n 1: one fork per cut says nothing"),
    ({"at": "0", "n": 1001}, "give 2 to 1000"),
    ({}, "give where to cut"),
    ({"at": "0", "bisect": True}, "--at and --bisect: give one of them"),
    ({"drop": 1, "swap": Swap("hand", "judge")}, "--swap and --drop: give one of them"),
    ({"at": "9"}, "--at 9: not a valid cut of this rollout; ends of rounds: 0, 1"),
    ({"drop": 0}, "--drop 0: it is the task"),
    ({"drop": 999}, "--drop 999: no such message"),
    ({"edit": (-1, "x")}, "--edit -1: no such message"),
    ({"swap": Swap("hnad", "judge")}, "no agent 'hnad' in team=firm; did you mean 'hand'"),
    ({"swap": Swap("hand", "judg")}, "no model 'judg' in the run; did you mean 'judge'"),
    ({"swap": Swap("hand", "opnai/x")}, "did you mean openai/x.*or an alias of the run: default"),
    ({"swap": Swap("hand", "default")}, "hand already uses sim/chatter in team=firm"),
    ({"bisect": True, "measure": "utilty"}, "no measure 'utilty' in run; did you mean 'utility'"),
    ({"at": "0", "measure": "utility"}, "--measure needs --bisect"),
    ({"at": "0", "by_agent": True}, "--by-agent needs --every-round"),
    ({"at": "0", "parents": 3}, "--rollout names one rollout"),
    ({"every_round": True, "rollout": None, "selection": Selection(("none",))}, "no task 'none' in run"),
    ({"drop": 3, "rollout": None}, "--drop needs one rollout"),
]


@pytest.mark.parametrize(("fork_request", "said"), WRONG)
def test_a_wish_that_cannot_be_granted_says_why(run: Path, fork_request: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"rollout": key(run), **fork_request}
    with pytest.raises(ScenarioError, match=said):
        plan(run, ForkRequest(**given))
    assert load(run).forks.empty


def test_a_message_is_changed_where_it_was_read_or_not_at_all(run: Path) -> None:
    log = transcript(run, ONE).record.rollout.messages
    index = mails(run)[0]
    with pytest.raises(ScenarioError, match=f"--at 0: the message is read after round {log[index].round}"):
        plan(run, ForkRequest(key(run), at="0", drop=index))
    with pytest.raises(ScenarioError, match="already says that"):
        plan(run, ForkRequest(key(run), edit=(index, log[index].content)))
    with pytest.raises(ScenarioError, match=r"last round|closing question"):
        plan(run, ForkRequest(key(run), drop=log[-1].index))


def child(run: Path, parent: str, fork_request: ForkRequest, change: str = "") -> str:
    """The key of one of the forks that the request draws of `parent`, with this change."""
    assert drawn(plan(run, replace(fork_request, rollout=parent))).failed == 0
    forks = load(run).forks
    return str(forks[(forks["parent"] == parent) & (forks["change"] == change)]["rollout"].iloc[-1])


def test_a_fork_of_a_fork_is_kept_whole_and_changes_nothing_that_was_there(run: Path) -> None:
    before, index = tables(run), mails(run)[0]
    drawn(plan(run, ForkRequest(key(run), edit=(index, "Say more."), n=6)))
    forks = load(run).forks
    edited = forks[forks["change"] != ""]["rollout"].astype("str")
    parent = max(edited, key=lambda name: len(transcript(run, name).record.turns))
    record = transcript(run, parent).record
    round = parsed(str(record.rollout.at)).round
    rounds = sorted({turn.round for turn in record.turns})
    assert rounds[-2] > round
    drawn(plan(run, ForkRequest(parent, every_round=True, by_agent=True, n=2)))
    after = load(run).forks
    pd.testing.assert_frame_equal(after.head(len(forks))[forks.columns], forks, check_categorical=False)
    assert_equal(before, tables(run))
    own = after[after["parent"] == parent]
    assert set(own["round"]) >= {one for one in rounds[:-1] if one >= round}
    assert own["utility"].notna().all()
    log, turns = record.rollout.messages, {(turn.round, turn.agent): turn.steps for turn in record.turns}
    for name, at in zip(own["rollout"], own["at"], strict=True):
        cut, drawn_anew = parsed(at), transcript(run, name).record
        assert all(step.intact for turn in drawn_anew.turns for step in turn.steps), at
        heads = [[m for m in some if m.round <= cut.whole] for some in (drawn_anew.rollout.messages, log)]
        said = [[m for m in some if m.kind != "closing"] for some in heads]
        assert said[0] == said[1]
        assert drawn_anew.kept == {turn for turn in turns if cut.keeps(*turn)}
        (calls,) = rows(
            run,
            f"SELECT count(*) FROM calls JOIN rollouts ON id = rollout WHERE key = '{name}' AND "
            f"round > 0 AND (round < {cut.round} OR (round = {cut.round} AND {not cut.agents}))",
        )
        assert calls == (0,)


def test_a_fork_of_a_fork_that_was_killed_goes_on_and_its_stored_calls_are_guarded(run: Path) -> None:
    parent = child(run, key(run), ForkRequest(at="1", n=2))
    fork_request = ForkRequest(parent, at="1", n=3)
    drawn(plan(run, fork_request))
    volatile = ["seconds", "cost"]
    whole = load(run).forks.drop(columns=volatile)
    own = f"(SELECT id FROM rollouts WHERE parent = '{parent}')"
    connection = sqlite3.connect(
        run / "run.db"
    )  # as a kill leaves it: the last reply is not there, nor what came later
    connection.execute(f"UPDATE rollouts SET status = NULL WHERE id IN {own}")
    for table in ("message_rows", "verdict_rows"):
        connection.execute(f"DELETE FROM {table} WHERE rollout IN {own}")
    last = f"SELECT max(rowid) FROM call_rows WHERE rollout IN {own} AND round > 0 GROUP BY rollout"
    lost = connection.execute(f"DELETE FROM call_rows WHERE rowid IN ({last})").rowcount
    lost += connection.execute(f"DELETE FROM call_rows WHERE rollout IN {own} AND round = 0").rowcount
    connection.commit()
    assert drawn(plan(run, fork_request)).made.calls == lost
    pd.testing.assert_frame_equal(load(run).forks.drop(columns=volatile), whole, check_categorical=False)
    connection.execute(f"UPDATE rollouts SET status = NULL WHERE id IN {own}")
    connection.execute(f"UPDATE call_rows SET prompt_hash = 'another' WHERE rollout IN {own} AND round = 2")
    connection.commit()
    connection.close()
    with pytest.raises(MismatchError, match="in round 2 answers a different prompt"):
        drawn(plan(run, fork_request))


def test_a_swap_goes_on_in_a_fork_of_its_fork_and_another_may_come_on_top(run: Path) -> None:
    first = child(run, key(run), ForkRequest(at="1", swap=Swap("hand", "judge"), n=2), "swap hand=judge")
    made = plan(run, ForkRequest(first, swap=Swap("boss", "judge"), n=2))
    assert {str(fork_point.cut) for fork_point in made.fork_points} == {"1"}
    assert made.parents[0].place.startswith("fork ")
    second = child(run, first, ForkRequest(swap=Swap("boss", "judge"), n=2), "swap boss=judge")
    for name, agents in ((first, {"hand"}), (second, {"hand", "boss"})):
        for turn in transcript(run, name).record.turns:
            new = turn.agent in agents and turn.round > 1
            assert turn.steps[0].call.model == ("sim/replies" if new else "sim/chatter")
    with pytest.raises(ScenarioError, match=r"swap hand=judge: fork \d at 1 of task=loan.* already uses"):
        plan(run, ForkRequest(first, swap=Swap("hand", "judge")))


def test_forks_of_forks_are_judged_later_and_reproduced_like_any_other(run: Path) -> None:
    parent = child(run, key(run), ForkRequest(at="1", n=2))
    drawn(plan(run, grand := ForkRequest(parent, at="2", n=2)))
    Path("vowels.yaml").write_text("kind: match\nby: regex\npattern: '[aeiou]'\n")
    asyncio.run(rejudge(run, ["vowels.yaml"], None, Progress()))
    judged = load(run).fork_scores.query("judge == 'vowels'")["rollout"].nunique()
    assert judged == len(load(run).forks)
    head, tail = SCENARIO.index("models:"), SCENARIO.index("tasks:")
    models = "models: {default: {name: replay/run}, judge: {name: replay/run}}\n"
    Path("s.yaml").write_text(SCENARIO[:head] + models + SCENARIO[tail:])
    asyncio.run(play_design(load_design("s.yaml"), Path("again"), Selection(), Progress()))
    again = child(Path("again"), key(Path("again")), ForkRequest(at="1", n=2))
    drawn(plan(Path("again"), replace(grand, rollout=again)))
    columns = ["task", "condition", "draw", "status", "output", "fork", "at"]
    pd.testing.assert_frame_equal(load("run").forks[columns], load("again").forks[columns])


def test_a_fork_is_cut_where_it_is_its_own_and_an_unfinished_rollout_is_no_parent(run: Path) -> None:
    parent = child(run, key(run), ForkRequest(at="1", n=2))
    for request, said in ((ForkRequest(at="0"), "--at 0"), (ForkRequest(at="1/mate"), "--at 1/mate")):
        with pytest.raises(ScenarioError, match=f"{said}: fork 2 at 1 of task=.* or fork .*--rollout {key(run)[:12]}"):
            plan(run, replace(request, rollout=parent))
    connection = sqlite3.connect(run / "run.db")
    connection.execute("UPDATE rollouts SET status = NULL WHERE key = ?", (key(run),))
    connection.commit()
    connection.close()
    with pytest.raises(ScenarioError, match=r"not finished \(interrupted\); `agentlab run` continues it"):
        plan(run, ForkRequest(key(run), at="0"))


def test_a_design_that_gives_other_identities_today_is_refused(run: Path) -> None:
    fork_request = ForkRequest(key(run), at="0")
    connection = sqlite3.connect(run / "run.db")
    connection.execute("UPDATE meta SET value = replace(value, 'You lead.', 'You follow.') WHERE key = 'tree'")
    connection.commit()
    connection.close()
    with pytest.raises(MismatchError, match="a different identity than the rollout has"):
        plan(run, fork_request)


OWN = """\
from agentlab.types import Capabilities, Completion, Usage


class Echo:
    name = "echo:Echo"
    capabilities = Capabilities(frozenset(), seed=True)

    async def complete(self, fork_request):
        last = fork_request.chat[-1].content
        toss = str(fork_request.where.stream % 2)
        said = next((word for word in last.split() if word in ("0", "1")), None)
        decides = fork_request.where.round == DECIDES
        return Completion(toss if decides else said or "nothing")
"""
CHAIN = scenario(
    "chain",
    seed=3,
    models={"default": {"name": "echo:Echo"}},
    tasks={"toss": {"prompt": "Toss a coin.", "target": 1}},
    organization=chain(*"abcdef", says=None, rounds=6),
    draws=8,
    judges={"right": match("number")},
    measures={"right": measured("right")},
)


@pytest.mark.parametrize("decides", [1, 4, 6])
def test_a_bisection_finds_the_round_that_decided_and_measures_it_on_fresh_forks(
    decides: int, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("echo.py").write_text(OWN.replace("DECIDES", str(decides)))
    Path("s.yaml").write_text(CHAIN)
    monkeypatch.setattr(sys, "path", [str(workdir), *sys.path])
    monkeypatch.delitem(sys.modules, "echo", raising=False)
    folder = Path("run")
    asyncio.run(play_design(load_design("s.yaml"), folder, Selection(), Progress()))
    won = load(folder).measures.query("right == 1")["rollout"].iloc[0]
    made = plan(folder, ForkRequest(won, bisect=True, n=12))
    assert made.quote.at_most
    found = asyncio.run(bisect(made, progress := Progress()))
    assert isinstance(found, Bisected)
    assert (found.start, found.end) == (Cut(decides - 1), Cut(decides) if decides < 6 else None)
    assert found.after == 1
    assert progress.done == progress.planned < made.quote.forks
    forks = load(folder).forks
    fresh = forks[forks["fresh"]]
    assert set(fresh["at"]) == {str(cut) for cut in (found.start, found.end) if cut is not None}
    assert fresh.groupby("at")["fork"].apply(list).iloc[0] == [FRESH + i for i in range(1, 13)]
    calls = asyncio.run(bisect(made, again := Progress()))
    assert calls == found
    assert again.made.calls == 0


def test_a_run_whose_modules_are_gone_says_how_to_find_them(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = workdir / "home"
    home.mkdir()
    source = "class Route:\n    briefed, kinds, tags = frozenset(['a']), {}, ()\n"
    source += "    def __init__(self, cast, closing):\n"
    source += "        self.edges = {'@task': cast, **dict.fromkeys(cast, ('@output',))}\n"
    source += "    def open(self, task):\n        from agentlab.types import Message\n"
    source += "        return [Message('@task', ('a',), 'task', task.prompt)]\n    def manual(self, agent): return ''\n"
    source += "    def route(self, agent, reply, log, round):\n        from agentlab.types import Message\n"
    source += "        return [Message(agent, ('@output',), 'output', reply.text)]\n"
    (home / "my_route.py").write_text(source)
    text = CHAIN.replace("echo:Echo", "sim/chatter").replace(
        "{kind: chain, stages: [[a], [b], [c], [d], [e], [f]]}", '{kind: "my_route:Route"}'
    )
    (home / "s.yaml").write_text(text)
    path = list(sys.path)
    monkeypatch.setattr(sys, "path", list(path))
    asyncio.run(play_design(load_design(home / "s.yaml"), workdir / "run", Selection(), Progress()))
    moved = workdir / "moved"
    home.rename(moved)
    monkeypatch.setattr(sys, "path", list(path))
    sys.modules.pop("my_route")
    fork_request = ForkRequest(key(workdir / "run", "draw=1"), at="0", n=2)
    with pytest.raises(ScenarioError, match=r"no module 'my_route' of your own(?s:.*)--scenario FILE"):
        plan(workdir / "run", fork_request)
    assert drawn(plan(workdir / "run", fork_request, moved / "s.yaml")).done == 2


def test_judges_that_are_added_later_judge_forks_too(run: Path) -> None:
    drawn(plan(run, ForkRequest(key(run), at="1", n=2)))
    added = ["digits", "beans", "dogs", "ants", "cats"]
    for name in added:
        Path(f"{name}.yaml").write_text("kind: match\nby: regex\npattern: '[0-9]'\n")
        asyncio.run(rejudge(run, [f"{name}.yaml"], None, Progress()))
    found = load(run)
    assert set(found.fork_scores["judge"]) == {"quality", *added}
    assert "digits" in found.forks
    note = plan(run, ForkRequest(key(run), at="2", n=2)).notes[0]
    assert f"judges added by `agentlab judge` ({', '.join(added)})" in note


def test_forks_are_reproduced_from_a_recorded_run(run: Path) -> None:
    fork_request = ForkRequest(at="1", n=2, selection=Selection(("loan",), {"team": ("firm",)}, 1))
    drawn(plan(run, fork_request))
    head, tail = SCENARIO.index("models:"), SCENARIO.index("tasks:")
    models = "models: {default: {name: replay/run}, judge: {name: replay/run}}\n"
    Path("s.yaml").write_text(SCENARIO[:head] + models + SCENARIO[tail:])
    asyncio.run(play_design(load_design("s.yaml"), Path("again"), Selection(), Progress()))
    drawn(plan(Path("again"), fork_request))
    for frame in ("rollouts", "forks"):
        one, other = (getattr(load(name), frame) for name in ("run", "again"))
        columns = ["task", "condition", "draw", "status", "output", *(["fork", "at"] if frame == "forks" else [])]
        pd.testing.assert_frame_equal(one[columns], other[columns])
    assert load("again").measures["utility"].tolist() == load(run).measures["utility"].tolist()
    assert load("again").forks["utility"].tolist() == load(run).forks["utility"].tolist()
    drawn(plan(Path("again"), replace(fork_request, at="0")))
    assert set(load("again").forks.query("at == '0'")["status"]) == {"infrastructure"}  # none of these was recorded


def test_a_run_is_held_while_it_is_drawn(run: Path) -> None:
    async def both() -> None:
        store = Store.open(run)
        try:
            await draw(plan(run, ForkRequest(key(run), at="0", n=2)), Progress())
        finally:
            store.close()

    with pytest.raises(MismatchError, match="is using this run"):
        asyncio.run(both())


async def test_a_notebook_is_told_the_price_and_awaits_the_path(run: Path) -> None:
    rollout = agentlab.load(run).rollout(task="loan", team="firm", draw=1)
    decision = rollout.decide(forks=2)
    assert re.match(rf"\d+ forks of {ONE} to draw, after rounds 0, 1", repr(decision))
    assert "USD. Await this to draw them." in repr(decision)
    assert load(run).forks.empty
    analysis = await decision
    assert analysis.name == "path"
    title, heading, *_ = repr(analysis).splitlines()
    assert title == f"The path of rollout {key(run)[:8]}"
    assert heading.split()[:2] == ["measure", "cut"]
    assert analysis.says in repr(analysis)
    assert len(load(run).forks) == 2 * len(analysis.tables["path"]) - 2
    with pytest.raises(AnalysisError, match="no measure 'utilty'; it has utility"):
        rollout.decide(forks=8, measure="utilty")
    with pytest.raises(ScenarioError, match=r"^decide\(forks=1\): give 2 to "):
        rollout.decide(forks=1)
    with pytest.raises(ScenarioError, match=r"^rollout: no rollout has draw=99"):
        load(run).rollout(task="loan", draw=99)
    with pytest.raises(ScenarioError, match=r"agentlab\.load"):
        load(run).rollout(task="loan", team="firm", draw=1).decide()


# --- one value ------------------------------------------------------------------------------------------------------


def _verdict(judge: str, criterion: str, draw: int, value: float | None) -> Verdict:
    outcome = "unparsed" if value is None else "scored"
    return Verdict(criterion, outcome, value, rollout="r", judge=judge, draw=draw)


def _place(verdict: Verdict) -> tuple[str, str, int]:
    return verdict.judge, verdict.criterion, verdict.draw


values = st.none() | st.floats(0, 4)
verdicts = st.lists(
    st.builds(_verdict, st.sampled_from("jk"), st.sampled_from("abx"), st.integers(0, 2), values), unique_by=_place
)


@given(
    verdicts,
    st.sampled_from(["delivered", "declined"]),
    st.sampled_from([(0.0, 1.0), (1.0, -1.0)]),
    st.sampled_from([{"declined": 0.25}, {"unparsed": 0.5}, {"declined": 0.25, "unparsed": 0.0}]),
)
def test_one_value_is_what_the_frame_of_measures_has(
    verdicts: list[Verdict], status: str, range: tuple[float, float], declared: dict[str, float]
) -> None:
    one = Measure("m", "j", {"a": (0, 4), "b": (-1, 4)}, range, declared)
    columns = ["rollout", "judge", "draw", "criterion", "outcome", "value"]
    table = pd.DataFrame([[getattr(v, name) for name in columns] for v in verdicts], columns=columns)
    found = measure(pd.DataFrame({"status": [status]}, index=["r"]), table, [one])["m"].iloc[0]
    value = score(one, verdicts, status)
    assert (value is None and pd.isna(found)) or value == pytest.approx(found)
