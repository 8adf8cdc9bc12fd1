"""States: stepped, copied, cut and gone on with, a rollout is the same rollout."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.cut import Active, Cut, by_agent, ends
from agentlab.engine.fork import prepare
from agentlab.engine.intervention import Change, drop, edit, swap
from agentlab.engine.play import end, play, start, step
from agentlab.engine.prompt import chat
from agentlab.engine.spec import RolloutSpec, fork, fork_path, lineage
from agentlab.engine.state import State
from agentlab.engine.tools import Tools, opened
from agentlab.errors import MismatchError
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.seeds import stream
from agentlab.tools import tool
from agentlab.types import (
    Call,
    Capabilities,
    Completion,
    Request,
    Rollout,
    Scene,
    Task,
    ToolCall,
    ToolResult,
)
from tests.support.strategies import organizations, replies, rollout_spec

texts = st.lists(replies, min_size=1, max_size=6)


@tool
async def clock(scene: Scene) -> str:
    """Says when it was asked."""
    return f"round {scene.round}, step {scene.calls[-1].k}"


@dataclass
class Dicer:
    """A model whose reply hangs on its random stream and its prompt, and that now and then asks for a tool."""

    texts: Sequence[str]
    delay: Random | None = None
    requests: list[Request] = field(default_factory=list[Request])
    name: str = "own/dicer"
    capabilities: Capabilities = Capabilities(frozenset(), seed=True, tools=True)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        for _ in range(self.delay.randrange(4) if self.delay else 0):
            await asyncio.sleep(0)
        said = f"{request.where.stream} {request.chat[-1].content}".encode("utf-8", "surrogatepass")
        chosen = int.from_bytes(hashlib.sha256(said).digest()[:4])
        text = self.texts[chosen % len(self.texts)]
        if request.tools and chosen % 3 == 0:
            return Completion(text, (ToolCall(f"id{request.where.k}", "clock", "{}"),), stop="tool")
        return Completion(text)


@st.composite
def equipped(draw: st.DrawFn) -> Organization:
    """A random organization of which some agents have a tool."""
    organization = draw(organizations())
    clocks = draw(st.sets(st.sampled_from([agent.name for agent in organization.agents])))
    agents = [replace(agent, tools=(clock,)) if agent.name in clocks else agent for agent in organization.agents]
    return replace(organization, agents=tuple(agents), calls=draw(st.integers(1, 3)))


def client(model: Any, calls: Sequence[Call] = ()) -> Client:
    recorded = {(call.actor, call.round, call.k): call for call in calls}
    return Client({"default": model, "@swapped": model}, recorded=recorded)


def played(spec: RolloutSpec, model: Any, state: State | None = None, calls: Sequence[Call] = ()) -> Rollout:
    return asyncio.run(play(spec, client(model, calls), state=state))


async def equipped_with(organization: Organization, stepped: Callable[[Tools], Awaitable[Any]]) -> Any:
    """What `stepped` comes to with the tools of the organization open."""
    async with opened(organization, Task("t", "Do it.")) as tools:
        return await stepped(tools)


def timeless(rollout: Rollout) -> Rollout:
    calls = [structs.replace(call, started=0.0, seconds=0.0, tool_results=timed(call)) for call in rollout.calls]
    return structs.replace(rollout, calls=tuple(calls))


def timed(call: Call) -> tuple[ToolResult, ...]:
    return tuple(structs.replace(result, seconds=0.0) for result in call.tool_results)


def active(rollout: Rollout) -> Active:
    turns = dict.fromkeys((call.round, call.actor) for call in rollout.calls)
    return {round: tuple(name for r, name in turns if r == round) for round, _ in turns}


def cuts(rollout: Rollout) -> list[Cut]:
    return [*ends(active(rollout)), *by_agent(active(rollout))]


def open_cuts(spec: RolloutSpec, rollout: Rollout) -> list[Cut]:
    """The cuts at which all that a fork kept stays."""
    return [cut for cut in cuts(rollout) if spec.branch is None or cut.covers(spec.branch.cut)]


def changes(rollout: Rollout, cut: Cut, organization: Organization) -> list[Change | None]:
    """What a fork at this cut may do otherwise."""
    read = [m.index for m in rollout.messages if m.round == cut.round > 0 and not cut.agents and m.kind != "closing"]
    altered = [change for index in read for change in (drop(index), edit(index, "<mail>other words"))]
    return [None, *altered, *(swap(replace(a, model="@swapped"), "own/dicer") for a in organization.agents)]


def assert_prompts_are_those_of_the_log(spec: RolloutSpec, rollout: Rollout, requests: Sequence[Request]) -> None:
    for request in requests:
        at = request.where
        calls = [c for c in rollout.calls if c.actor == at.actor and (c.round, c.k) < (at.round, at.k)]
        agent = spec.organization.roster[at.actor]
        assert chat(spec.organization, agent, rollout.messages, calls, at.round) == request.chat


@given(equipped(), texts, st.data())
def test_a_chat_that_grows_is_the_chat_that_is_folded_anew(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    spec, model = rollout_spec(organization), Dicer(texts)
    rollout = played(spec, model)
    assert_prompts_are_those_of_the_log(spec, rollout, model.requests)
    for _ in range(2):  # a fork, and a fork of the fork
        if not (legal := open_cuts(spec, rollout)):
            return
        cut = data.draw(st.sampled_from(legal))
        change = data.draw(st.sampled_from(changes(rollout, cut, organization)))
        state = prepare(organization, cut, rollout.messages, rollout.calls, change)
        spec, model = fork(spec, cut, 1, change), Dicer(texts)
        rollout = played(spec, model, state)
        assert_prompts_are_those_of_the_log(spec, rollout, model.requests)


@given(equipped(), texts, st.data())
def test_the_state_of_a_cut_is_the_one_that_a_replay_comes_to(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    spec = rollout_spec(organization)
    rollout = played(spec, Dicer(texts))
    cut = data.draw(st.sampled_from(cuts(rollout)))
    silent = Dicer(["never asked"])

    async def replayed() -> State:
        state = start(spec)
        while state.round < cut.whole:
            assert await step(state, spec, client(silent, rollout.calls))
        return state

    state, made = asyncio.run(replayed()), prepare(organization, cut, rollout.messages, rollout.calls)
    assert not silent.requests
    assert made.log == state.log
    assert made.calls == state.calls
    assert (made.round, made.woken_by_bounce) == (state.round, state.woken_by_bounce)
    kept = [c for c in rollout.calls if cut.keeps(c.round, c.actor) and c.round > cut.whole]
    assert [c for agent in organization.agents for c in made.given.get(agent.name, ())] == kept
    # What is given is routed, and the rest is drawn from the same streams: the parent over again.
    assert timeless(played(spec, Dicer(texts), made)) == timeless(rollout)
    assert timeless(played(spec, Dicer(texts), state)) == timeless(rollout)


@given(equipped(), texts, st.integers(0, 5), st.randoms(use_true_random=False))
def test_stepping_a_copy_changes_nothing_of_the_original_and_both_end_alike(
    organization: Organization, texts: list[str], rounds: int, random: Random
) -> None:
    spec = rollout_spec(organization)
    whole = timeless(played(spec, Dicer(texts)))

    async def apart(tools: Tools) -> tuple[Rollout, Rollout, Rollout]:
        ask, late = client(Dicer(texts)), client(Dicer(texts, random))
        state = start(spec)
        for _ in range(rounds):
            await step(state, spec, ask, tools=tools)
        copies = [state.copy() for _ in range(3)]
        first = await play(spec, late, state=copies[0])
        assert state == copies[1]
        going = True
        while going:  # every round goes on from a copy of the one before
            copies[1] = copies[1].copy()
            going = await step(copies[1], spec, late, tools=tools)
        assert state == copies[2]
        assert not await step(copies[1], spec, late, tools=tools)
        return first, await end(copies[1], spec, late, tools), await play(spec, ask, state=state)

    assert [timeless(rollout) for rollout in asyncio.run(equipped_with(organization, apart))] == [whole] * 3


@given(equipped(), texts)
def test_states_that_are_stepped_in_turn_do_not_meet(organization: Organization, texts: list[str]) -> None:
    specs = [rollout_spec(organization, draw=draw) for draw in (1, 2, 3)]

    async def wave(tools: Tools) -> list[Rollout]:
        ask = client(Dicer(texts))
        states = [start(spec) for spec in specs]
        going = list(zip(states, specs, strict=True))
        while going:
            going = [(state, spec) for state, spec in going if await step(state, spec, ask, tools=tools)]
        return [await end(state, spec, ask, tools) for state, spec in zip(states, specs, strict=True)]

    alone = [timeless(played(spec, Dicer(texts))) for spec in specs]
    assert [timeless(rollout) for rollout in asyncio.run(equipped_with(organization, wave))] == alone


@given(equipped(), texts, st.data())
def test_a_fork_of_a_fork_keeps_what_both_kept_and_draws_the_rest_from_streams_of_its_own(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    spec, drawn = rollout_spec(organization), Dicer(texts)
    rollout = played(spec, drawn)
    asked = [drawn]
    for _ in range(3):
        if not (legal := open_cuts(spec, rollout)):
            break
        cut = data.draw(st.sampled_from(legal))
        state = prepare(organization, cut, rollout.messages, rollout.calls)
        spec, model = fork(spec, cut, data.draw(st.integers(1, 3))), Dicer(texts)
        child = played(spec, model, state.copy())
        kept = [c for c in rollout.calls if cut.keeps(c.round, c.actor)]
        assert [c for c in child.calls if cut.keeps(c.round, c.actor)] == kept
        assert {(r.where.round, r.where.actor) for r in model.requests}.isdisjoint((c.round, c.actor) for c in kept)
        assert {r.where.rollout for r in model.requests} <= {child.key}
        assert (child.parent, child.at) == (rollout.key, str(cut))
        silent = Dicer(["never asked"])
        assert played(spec, silent, state, child.calls) == child
        assert not silent.requests
        rollout = child
        asked.append(model)
    streams = [{r.where.stream for r in model.requests} for model in asked]
    assert sum(map(len, streams)) == len(set[int]().union(*streams))


def chain(*stages: tuple[str, ...]) -> Organization:
    config = ChainConfig(kind="chain", stages=stages)
    cast = tuple(dict.fromkeys(name for stage in stages for name in stage))
    return Organization(tuple(map(Agent, cast)), config.build(cast, None, None), len(stages))


def test_forks_of_different_forks_have_streams_of_their_own_and_a_kept_turn_has_its_ancestors() -> None:
    spec = rollout_spec(chain(("ann", "ben"), ("ann", "ben"), ("ann", "ben"), ("ann",)))
    first, second = fork(spec, Cut(1), 1), fork(spec, Cut(1), 2)
    grandchildren = [fork(parent, Cut(2), 1) for parent in (first, second, spec)]
    assert len({child.lineage for child in grandchildren}) == len({child.key for child in grandchildren}) == 3
    child = fork(first, Cut(3, ("ann",)), 1)
    ann, ben = ([child.root(round, name) for round in (1, 2, 3, 4)] for name in ("ann", "ben"))
    assert ann == [spec.lineage, first.lineage, child.lineage, child.lineage]
    assert ben == [spec.lineage, first.lineage, first.lineage, child.lineage]


def test_streams_of_rollouts_and_of_their_forks_are_what_they_have_always_been() -> None:
    spec = rollout_spec(chain(("ann",)))
    first, second = fork(spec, Cut(3), 2), fork(spec, Cut(2, ("ann", "ben")), 1)
    assert [one.lineage for one in (spec, first, second)] == [
        "5137d27bd592aef72dcdf06ea0cafa3d",
        "7f0fccb64981e6a6567cd6651ae8cf0b",
        "e62184043cbb99353b5b6695c7b8733f",
    ]
    assert stream(first.lineage, "ann", 1, 0, 1) == 4641817315187595165
    assert lineage(7, "t", 1, 0, fork_path([("3", 2)]), "team=a") == "df752523019edcf4fcd52aad7715129c"


def test_a_change_has_no_say_in_the_streams_of_what_descends_from_it() -> None:
    spec = rollout_spec(chain(("ann",), ("ann",), ("ann",)))
    plain, changed = (fork(fork(spec, Cut(1), 1, change), Cut(2), 1) for change in (None, drop(1)))
    assert plain.lineage == changed.lineage
    assert plain.key != changed.key


def test_a_swap_goes_on_in_the_forks_of_the_fork_that_made_it() -> None:
    organization = chain(("ann",), ("ben",), ("ann",), ("ann",))
    spec, old, new = rollout_spec(organization), Dicer(["words"]), Dicer(["words"])
    change = swap(Agent("ann", model="@swapped"), "own/new")
    rollout = played(spec, old)
    for cut, other in ((Cut(1), change), (Cut(2), None)):
        state = prepare(organization, cut, rollout.messages, rollout.calls, other)
        spec = fork(spec, cut, 1, other)
        old.requests.clear()
        new.requests.clear()
        rollout = asyncio.run(play(spec, Client({"default": old, "@swapped": new}), state=state))
    assert [r.where.round for r in new.requests] == [3, 4]
    assert not old.requests


def test_a_stored_call_of_a_fork_that_answers_another_prompt_is_never_paid_again() -> None:
    organization = chain(("ann",), ("ben",), ("ann",))
    spec = rollout_spec(organization)
    rollout = played(spec, Dicer(["words"]))
    state = prepare(organization, Cut(1), rollout.messages, rollout.calls, edit(1, "other words"))
    with pytest.raises(MismatchError, match="'ben' in round 2"):
        played(fork(spec, Cut(1), 1, edit(1, "other words")), Dicer([]), state, rollout.calls)


def test_a_cut_covers_another_when_it_keeps_all_that_the_other_keeps() -> None:
    ordered = [Cut(0), Cut(1, ("ann", "ben")), Cut(1, ("ann",)), Cut(1), Cut(2, ("ann", "ben", "cat")), Cut(3)]
    for i, one in enumerate(ordered):
        assert [one.covers(other) for other in ordered] == [j <= i for j in range(len(ordered))]
    assert not Cut(1, ("ann",)).covers(Cut(1, ("ben",)))
