"""What every protocol declares holds for whatever agents write: kinds, edges, tags, and hooks that never raise."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.fork import prepare
from agentlab.engine.play import play
from agentlab.engine.prompt import chat, render
from agentlab.engine.rules import awake, following, opening
from agentlab.engine.spec import fork
from agentlab.errors import ProtocolError
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.declaration import dead_ends, kinds_of, reachable, tags_of
from agentlab.organization.markup import markup
from agentlab.organization.protocols import SHIPPED
from agentlab.organization.protocols.solo import Refine, Tries
from agentlab.organization.tags import OF_PROTOCOLS, every_tag, markup_of
from agentlab.types import OUTPUT, TASK, Act, Call, Completion, Message, Settings, Task, ToolResult
from tests.support.relay_board import Turns
from tests.support.strategies import NAMES, Talker, organizations, replies, rollout_spec, stops


def alone(agent: str) -> Organization:
    return Organization((Agent(agent),), Refine(agent), 9)


everyone = st.one_of(
    organizations(),
    st.sampled_from(NAMES).map(alone),
    st.sampled_from(NAMES).map(lambda name: Organization((Agent(name),), Tries(name, "vote"), 9)),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(
        lambda cast: Organization(tuple(map(Agent, cast)), Turns(tuple(cast), 3), 9)
    ),
)
acts = st.lists(
    st.builds(Act, st.text(max_size=9), replies, st.none() | st.sampled_from(("a.txt", "b.txt"))), max_size=2
)


@st.composite
def logs(draw: st.DrawFn) -> tuple[Organization, list[Message], list[list[Message]]]:
    """An organization, what a few rounds of any replies and acts made of it, and the messages round by round."""
    organization = draw(everyone)
    rounds = [opening(organization, Task("t", draw(replies)), draw(st.integers(0, 2**63 - 1)))]
    log: list[Message] = stamped(rounds[0], 0, 0)
    for round in range(1, draw(st.integers(1, 4)) + 1):
        actors, _ = awake(organization, log, round, ())
        turns = [[draw(calls(agent.name, round))] for agent in actors]
        rounds.append(following(organization, log, turns, round, draw(st.integers(0, 2**63 - 1))))
        log += stamped(rounds[-1], round, len(log))
    return organization, log, rounds


def stamped(messages: Sequence[Message], round: int, first: int) -> list[Message]:
    return [Message(m.sender, m.to, m.kind, m.content, m.ref, round, first + i) for i, m in enumerate(messages)]


@st.composite
def calls(draw: st.DrawFn, agent: str, round: int) -> Call:
    completion = Completion(draw(replies), stop=draw(stops))
    results = tuple(ToolResult(f"{i}", "", acts=(act,)) for i, act in enumerate(draw(acts)))
    return Call(agent, round, 0, 1, "m", Settings(), "", completion, results)


@given(logs())
def test_only_declared_kinds_occur_and_edges_cover_what_arrives(
    made: tuple[Organization, list[Message], list[list[Message]]],
) -> None:
    organization, log, _ = made
    edges = organization.protocol.edges
    for message in log:
        kind = organization.kinds[message.kind]
        if kind.fate == "sent":
            assert set(message.to) <= set(edges.get(message.sender, ())), message
    assert log[0].kind == "task"
    assert organization.files(log) == organization.files(tuple(log))


@given(logs())
def test_quoted_text_forges_no_declared_tag(
    made: tuple[Organization, list[Message], list[list[Message]]],
) -> None:
    organization, log, _ = made
    tags = "|".join(map(re.escape, tags_of(organization.protocol)))
    for message in log:
        for shown in render(organization, [message]):
            kind = organization.kinds[message.kind]
            opened = re.findall(rf"<\s*/?\s*(?:{tags})\b", shown, re.IGNORECASE)
            assert len(opened) == (2 if kind.shown == "tag" else 0), shown
            blocks = markup_of(organization.tags).parse(shown)
            assert [block.tag for block in blocks] == ([message.kind] if kind.shown == "tag" else [])


def test_the_tags_of_every_shipped_protocol_are_inert_everywhere() -> None:
    assert {tag for routing in SHIPPED.values() for tag in tags_of(routing)} == set(OF_PROTOCOLS)
    assert set(OF_PROTOCOLS) < set(every_tag().tags)


@pytest.mark.parametrize("routing", SHIPPED.values())
def test_every_shipped_protocol_has_the_kinds_of_the_engine(routing: type) -> None:
    assert {"task", "closing", "output"} <= set(kinds_of(routing))


def test_shipped_protocols_mean_the_same_by_a_name() -> None:
    kinds = [(name, kind) for routing in SHIPPED.values() for name, kind in kinds_of(routing).items()]
    assert len(dict(kinds)) == len(set(kinds))


@given(st.dictionaries(st.sampled_from((TASK, *NAMES)), st.lists(st.sampled_from((*NAMES, OUTPUT)), max_size=3)))
def test_what_can_be_reached_is_closed(edges: dict[str, list[str]]) -> None:
    reached = reachable(edges)
    assert set(edges.get(TASK, ())) <= reached
    assert all(set(edges.get(name, ())) <= reached for name in reached)
    assert all(name in reached and not edges.get(name) for name in dead_ends(edges, NAMES))


def test_a_kind_that_is_not_declared_is_an_error_that_says_so() -> None:
    class Loose(Turns):
        def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
            return (Message(agent, (OUTPUT,), "shout", reply.text),)

    organization = Organization((Agent("ann"),), Loose(("ann",), 1), 3)
    turn = [Call("ann", 1, 0, 1, "m", Settings(), "", Completion("x"))]
    with pytest.raises(
        ProtocolError, match="protocol Loose wrote a message of kind 'shout', which it does not declare"
    ):
        following(organization, (), [turn], 1, 0)


@given(replies, st.lists(st.sampled_from(("mail", "done", "file", "x1", "a-b")), min_size=1, unique=True))
def test_any_text_has_a_parse_in_any_markup(text: str, tags: list[str]) -> None:
    made = markup(tuple(tags))
    assert all(block.tag in tags for block in made.parse(text))
    assert made.parse(made.escape(text)) == []


def test_a_fork_keeps_what_a_protocol_drew_before_its_cut_and_draws_anew_after() -> None:
    organization = Organization(tuple(map(Agent, NAMES)), Turns(NAMES, 4), 6)
    parent = asyncio.run(play(rollout_spec(organization), Client({"default": Talker(["a"])})))
    prepared = prepare(organization, Cut(2), parent.messages, parent.calls)
    later = set[tuple[Message, ...]]()
    for index in range(1, 9):
        spec = fork(rollout_spec(organization), Cut(2), index)
        child = asyncio.run(play(spec, Client({"default": Talker(["a"])}), state=prepared.copy()))
        before, after = ([m for m in child.messages if (m.round <= 2) == side] for side in (True, False))
        assert before == [message for message in parent.messages if message.round <= 2]
        later.add(tuple(after))
    assert len(later) > 1


@given(everyone, st.lists(replies, min_size=1, max_size=4))
def test_what_agents_were_shown_is_rebuilt_from_log_and_calls(organization: Organization, texts: list[str]) -> None:
    model = Talker(texts)
    rollout = asyncio.run(play(rollout_spec(organization), Client({"default": model})))
    for request in model.requests:
        at = request.where
        own = [c for c in rollout.calls if c.actor == at.actor and (c.round, c.k) < (at.round, at.k)]
        assert request.chat == chat(organization, organization.roster[at.actor], rollout.messages, own, at.round)
