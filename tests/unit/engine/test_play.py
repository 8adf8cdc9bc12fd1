"""The engine and its protocols: five properties over random organizations, and the cases that statuses rest on."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.cut import by_agent, ends
from agentlab.engine.fork import prepare
from agentlab.engine.play import play
from agentlab.engine.prompt import chat
from agentlab.engine.spec import RolloutLimits, fork
from agentlab.errors import MismatchError, ModelError
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.organization.protocols.mail import MailConfig
from agentlab.text import utf8_safe
from agentlab.tools import tool
from agentlab.types import (
    BOARD,
    OUTPUT,
    POST,
    WORKSPACE,
    Call,
    Capabilities,
    Completion,
    Message,
    Request,
    Rollout,
    Scene,
    Stop,
    ToolCall,
    Usage,
)
from tests.support.strategies import NAMES, Talker, organizations, replies, rollout_spec, stops

texts = st.lists(replies, min_size=1, max_size=6)
prompts = replies.map(utf8_safe)


def run(organization: Organization, model: Any, prompt: str = "Do it.", **client: Any) -> Rollout:
    return asyncio.run(play(rollout_spec(organization, prompt), Client({"default": model}, **client)))


def timeless(rollout: Rollout) -> Rollout:
    calls = tuple(structs.replace(call, started=0.0, seconds=0.0) for call in rollout.calls)
    return structs.replace(rollout, calls=calls)


@given(organizations(), texts, st.lists(stops, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_log_does_not_depend_on_which_call_returns_first(
    organization: Organization, texts: list[str], stop_reasons: list[Stop], random: Random
) -> None:
    plain = run(organization, Talker(texts, stop_reasons))
    shuffled = run(organization, Talker(texts, stop_reasons, delay=lambda _: random.randrange(5)))
    assert timeless(plain) == timeless(shuffled)


@given(organizations(), texts)
def test_every_call_says_the_place_of_its_rollout_in_the_order_of_work(
    organization: Organization, texts: list[str]
) -> None:
    """Of the calls that wait, those of the earliest rollout go first."""
    talker = Talker(texts)
    rollout = asyncio.run(play(structs.replace(rollout_spec(organization), rank=7), Client({"default": talker})))
    assert [request.where.rank for request in talker.requests] == [7] * len(rollout.calls)


@given(organizations(), texts, st.lists(stops, min_size=1, max_size=4), prompts)
def test_a_log_is_rebuilt_from_its_calls_without_a_model(
    organization: Organization, texts: list[str], stop_reasons: list[Stop], prompt: str
) -> None:
    first = run(organization, Talker(texts, stop_reasons), prompt)
    silent = Talker(["never asked"])
    again = run(organization, silent, prompt, recorded={(c.actor, c.round, c.k): c for c in first.calls})
    assert again == first
    assert not silent.requests


@given(organizations(), texts, prompts)
def test_every_prompt_is_rebuilt_to_the_byte(organization: Organization, texts: list[str], prompt: str) -> None:
    model = Talker(texts)
    rollout = run(organization, model, prompt)
    assert len(model.requests) == len(rollout.calls)
    for request in model.requests:
        own = [c for c in rollout.calls if c.actor == request.where.actor and c.round < request.where.round]
        agent = organization.roster[request.where.actor]
        assert chat(organization, agent, rollout.messages, own, request.where.round) == request.chat


@given(organizations(), texts)
def test_turns_and_rounds_are_bounded(organization: Organization, texts: list[str]) -> None:
    rollout = run(organization, Talker(texts))
    turns = {(call.round, call.actor) for call in rollout.calls}
    closing = [turn for turn in turns if turn[0] == organization.rounds + 1]
    assert len(turns) - len(closing) <= organization.rounds * len(organization.agents)
    assert len(closing) <= 1
    assert [message.index for message in rollout.messages] == list(range(len(rollout.messages)))
    assert all(a.round <= b.round for a, b in zip(rollout.messages, rollout.messages[1:], strict=False))


@given(organizations(), replies, stops, st.integers(1, 7))
def test_route_takes_any_text_and_reaches_only_members(
    organization: Organization, text: str, stop: Stop, round: int
) -> None:
    members = {agent.name for agent in organization.agents} | {OUTPUT, BOARD, WORKSPACE}
    for agent in organization.agents:
        for message in organization.protocol.route(agent.name, Completion(text, stop=stop), (), round):
            assert set(message.to) <= members
            assert message.sender in (agent.name, POST)
            assert message.to or message.kind == "truncated"


@given(organizations(), texts, st.data())
def test_a_fork_keeps_the_parents_past_and_asks_only_for_what_comes_after(
    organization: Organization, texts: list[str], data: st.DataObject
) -> None:
    parent = run(organization, Talker(texts))
    turns = dict.fromkeys((c.round, c.actor) for c in parent.calls)
    active = {round: tuple(name for r, name in turns if r == round) for round, _ in turns}
    cut = data.draw(st.sampled_from([*ends(active), *by_agent(active)]))
    prepared = prepare(organization, cut, parent.messages, parent.calls)
    model, again = Talker(texts), Talker(texts)
    index = data.draw(st.integers(1, 4))
    first = fork(rollout_spec(organization), cut, index)
    child = asyncio.run(play(first, Client({"default": model}), state=prepared.copy()))
    # The talker's words depend on place alone, so the fork must say what its parent said, under another identity.
    assert child.messages == parent.messages
    assert (child.parent, child.at, child.fork) == (parent.key, str(cut), index)
    assert child.key != parent.key
    assert {(r.where.round, r.where.actor) for r in model.requests} == {turn for turn in turns if not cut.keeps(*turn)}
    asyncio.run(play(fork(rollout_spec(organization), cut, 9), Client({"default": again}), state=prepared.copy()))
    assert {r.where.stream for r in model.requests}.isdisjoint({r.where.stream for r in again.requests})


@given(organizations(), texts, prompts)
def test_nobody_can_forge_a_sender(organization: Organization, texts: list[str], prompt: str) -> None:
    model = Talker(texts)
    rollout = run(organization, model, prompt)
    for request in model.requests:
        at, turns = request.where, [c.round for c in rollout.calls if c.actor == request.where.actor]
        seen = "\n".join(entry.content for entry in request.chat if entry.role == "user")
        opened = len(re.findall(r"<(?:mail|reply|bounce|unparsed) from=", seen))
        heard = [m for m in rollout.messages if at.actor in m.to and m.round < at.round and m.sender != "@task"]
        assert opened <= len(heard), (seen, turns)


def test_equal_agents_draw_from_streams_of_their_own_and_arms_share_them() -> None:
    cast = NAMES[:3]
    config = ChainConfig(kind="chain", stages=(cast[:2], (cast[2],)))
    organization = Organization(tuple(Agent(name, "same") for name in cast), config.build(cast, None, None), 3)
    one, two = Talker(["hello"]), Talker(["hello"])
    run(organization, one)
    asyncio.run(
        play(structs.replace(rollout_spec(organization), key="other", condition="other arm"), Client({"default": two}))
    )
    streams = [request.where.stream for request in one.requests]
    assert len(set(streams)) == 3
    assert streams == [request.where.stream for request in two.requests]
    third = Talker(["hello"])
    asyncio.run(play(rollout_spec(organization, draw=2), Client({"default": third})))
    assert set(streams).isdisjoint(request.where.stream for request in third.requests)


def mail(cast: tuple[str, ...], closing: Closing | None = None, **fields: Any) -> Organization:
    config = MailConfig(kind="mail", start=cast[:1], **fields)
    return Organization(
        tuple(Agent(name, f"You are {name}.") for name in cast), config.build(cast, closing, None), 4, closing
    )


@dataclass
class Script:
    """Answers by actor and round; what is not written down is an empty reply. An error is raised."""

    lines: Mapping[tuple[str, int], Completion | str | Exception]
    requests: list[Request] = field(default_factory=list[Request])
    name: str = "own/script"
    capabilities: Capabilities = Capabilities(frozenset())

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        line = self.lines.get((request.where.actor, request.where.round), "")
        if isinstance(line, Exception):
            raise line
        return line if isinstance(line, Completion) else Completion(line)


def test_a_bounce_wakes_its_sender_once_in_a_row() -> None:
    bad = '<mail to="ghost">hello?</mail>'
    model = Script({("ann", round): bad for round in range(1, 5)})
    rollout = run(mail(("ann", "ben"), contacts={"ann": ("ben",)}), model)
    assert [request.where.round for request in model.requests] == [1, 2]
    assert [m.kind for m in rollout.messages] == ["task", "bounce", "bounce"]
    assert rollout.messages[1].ref == "ghost"
    assert "You may write to: ben" in rollout.messages[1].content
    assert rollout.status == "incomplete"
    assert rollout.output is None


def test_mail_to_several_is_one_row_and_a_wrong_name_bounces_beside_it() -> None:
    model = Script({("ann", 1): '<mail to="ben; ghost, Cat" subject="x">hi</mail>'})
    rollout = run(mail(("ann", "ben", "cat"), contacts={"ann": ("ben", "cat")}), model)
    sent = [m for m in rollout.messages if m.kind == "mail"]
    assert [(m.to, m.content, m.ref) for m in sent] == [(("ben", "cat"), "hi", "x")]
    assert [m.ref for m in rollout.messages if m.kind == "bounce"] == ["ghost"]


def test_what_a_length_limit_cut_is_truncated_and_wakes_nobody() -> None:
    cut = Completion('<mail to="ben">and then', stop="length")
    rollout = run(mail(("ann", "ben"), contacts={"ann": ("ben",)}), Script({("ann", 1): cut}))
    assert [(m.kind, m.sender, m.to, m.ref) for m in rollout.messages[1:]] == [("truncated", "ann", (), "ben")]
    assert len(rollout.calls) == 1


def test_an_unclosed_tag_is_told_to_its_writer() -> None:
    rollout = run(mail(("ann", "ben"), contacts={"ann": ("ben",)}), Script({("ann", 1): '<mail to="ben">hello'}))
    assert [(m.kind, m.to) for m in rollout.messages[1:]] == [("unparsed", ("ann",))]


def test_the_closing_question_is_asked_once_when_nothing_was_delivered() -> None:
    closing = Closing("Report now.", "ben")
    model = Script({("ann", 1): '<mail to="ben">facts</mail>', ("ben", 5): "The report."})
    rollout = run(mail(("ann", "ben"), closing, contacts={"ann": ("ben",), "ben": ("ann",)}), model)
    assert (rollout.status, rollout.output, rollout.output_via) == ("delivered", "The report.", "closing")
    assert model.requests[-1].chat[-1].content.endswith("Report now.")
    assert sum(message.kind == "closing" for message in rollout.messages) == 1


def test_an_output_from_the_protocol_saves_the_closing_question() -> None:
    closing = Closing("Report now.", "ann")
    model = Script({("ann", 1): "<output>first</output> <output>last</output>"})
    rollout = run(mail(("ann", "ben"), closing, contacts={"ann": ("ben",), "ben": ("ann",)}), model)
    assert (rollout.output, rollout.output_via, len(rollout.calls)) == ("last", "protocol", 1)


def test_only_declared_writers_deliver() -> None:
    closing = Closing("Report now.", "ben")
    model = Script({("ann", 1): "<output>mine</output>", ("ben", 5): "ours"})
    rollout = run(mail(("ann", "ben"), closing, contacts={"ann": ("ben",), "ben": ("ann",)}), model)
    assert rollout.output == "ours"
    assert ("bounce", OUTPUT) in [(m.kind, m.ref) for m in rollout.messages]


def chain(*names: str) -> Organization:
    config = ChainConfig(kind="chain", stages=tuple((name,) for name in names))
    return Organization(tuple(Agent(n) for n in dict.fromkeys(names)), config.build(names, None, None), len(names))


def test_a_refusal_of_the_delivering_turn_is_declined_and_kept() -> None:
    rollout = run(chain("ann"), Script({("ann", 1): Completion("I cannot help.", stop="refusal")}))
    assert (rollout.status, rollout.output) == ("declined", "I cannot help.")


def test_an_output_is_cut_off_where_its_own_text_is() -> None:
    def ended(text: str, stop: Stop = "length") -> bool:
        members = ("ann", "ben")
        made = mail(members, Closing("Report now.", "ann"), contacts={"ann": ("ben",), "ben": ("ann",)})
        return run(made, Script({("ann", 1): Completion(text, stop=stop), ("ann", 5): Completion("", stop="end")})).cut

    assert not ended("<output>Whole.</output> And then I")
    assert not ended("<output>Whole.</output>", "end")
    assert run(chain("ann"), Script({("ann", 1): Completion("The sum of", stop="length")})).cut
    assert not run(
        chain("ann", "ben"), Script({("ann", 1): Completion("Hal", stop="length"), ("ben", 2): "Whole."})
    ).cut


def test_a_refusal_on_the_way_is_not_the_rollouts_refusal() -> None:
    lines = {("ann", 1): Completion("No.", stop="refusal"), ("ben", 2): "Done without."}
    assert run(chain("ann", "ben"), Script(lines)).status == "delivered"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelError("transient", "gone"), "infrastructure"),
        (ModelError("too_long", "prompt of 9,000 tokens"), "limit"),
        (ZeroDivisionError("mine"), "infrastructure"),
    ],
)
def test_a_failed_call_is_a_value_and_its_siblings_are_kept(error: Exception, status: str) -> None:
    config = ChainConfig(kind="chain", stages=(("ann", "ben"), ("cat",)))
    cast = ("ann", "ben", "cat")
    organization = Organization(tuple(Agent(name) for name in cast), config.build(cast, None, None), 2)
    kept: list[Call] = []

    async def record(_: str, call: Call) -> None:
        kept.append(call)

    rollout = run(organization, Script({("ann", 1): error, ("ben", 1): "fine"}), record=record)
    assert rollout.status == status
    assert rollout.error
    assert {call.actor for call in kept if call.error is None} == {"ben"}
    assert {call.actor for call in kept if call.error} == {"ann"}


def test_a_limit_stops_the_rounds_and_the_closing_question_is_still_asked() -> None:
    closing = Closing("Report now.", "ann")
    organization = mail(("ann", "ben"), closing, contacts={"ann": ("ben",), "ben": ("ann",)})
    said = Completion('<mail to="ann, ben">more</mail>', usage=Usage(60, 40))
    model = Script({**{(n, r): said for n in ("ann", "ben") for r in range(1, 5)}, ("ann", 5): "The report."})
    one = structs.replace(rollout_spec(organization), limits=RolloutLimits(tokens=200))
    rollout = asyncio.run(play(one, Client({"default": model})))
    assert (rollout.status, rollout.output) == ("limit", "The report.")
    assert max(call.round for call in rollout.calls if call.round < 5) == 2


def test_a_stored_call_that_answers_another_prompt_is_never_paid_again() -> None:
    first = run(chain("ann"), Script({("ann", 1): "hello"}))
    recorded = {(c.actor, c.round, c.k): c for c in first.calls}
    with pytest.raises(MismatchError, match="'ann' in round 1"):
        run(chain("ann"), Script({}), prompt="Do something else.", recorded=recorded)


used: list[int] = []


@tool
async def add(scene: Scene, a: int, b: int) -> str:
    """Adds."""
    used.append(a + b)
    return str(a + b)


@dataclass
class ToolUser:
    """Asks for tools with these arguments, one call after the other, then says the last result."""

    wishes: list[tuple[str, str]]
    requests: list[Request] = field(default_factory=list[Request])
    name: str = "own/tools"
    capabilities: Capabilities = Capabilities(frozenset(), tools=True)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        if request.where.k < len(self.wishes):
            tool, arguments = self.wishes[request.where.k]
            return Completion(
                "let me see", (ToolCall(f"id{request.where.k}", tool, arguments),), stop="tool", opaque=[1]
            )
        return Completion(request.chat[-1].content)


def test_a_turn_goes_on_while_tools_are_asked_for_and_replays_without_running_them() -> None:
    used.clear()
    wishes = [("add", '{"a": 2, "b": 3}'), ("add", "not json"), ("subtract", "{}"), ("add", "[1]")]
    organization = replace(chain("ann"), agents=(Agent("ann", tools=(add,)),))
    first = run(organization, ToolUser(wishes))
    results = [call.tool_results[0].content for call in first.calls[:-1]]
    assert results[0] == "5"
    assert "this is no JSON" in results[1]
    assert "no tool 'subtract'. Tools: add" in results[2]
    assert "JSON object" in results[3]
    assert used == [5]
    silent = ToolUser([])
    again = run(organization, silent, recorded={(c.actor, c.round, c.k): c for c in first.calls})
    assert again == first
    assert (used, silent.requests) == ([5], [])


def test_a_turn_has_a_limit_on_calls_and_signed_reasoning_goes_back() -> None:
    organization = replace(chain("ann"), agents=(Agent("ann", tools=(add,)),), calls=3)
    model = ToolUser([("add", '{"a": 1, "b": 1}')] * 9)
    rollout = run(organization, model)
    assert len(rollout.calls) == 3
    assert [entry.opaque for entry in model.requests[-1].chat if entry.role == "assistant"] == [[1], [1]]


def test_a_message_with_a_lone_surrogate_can_be_kept() -> None:
    rollout = run(chain("ann"), Script({("ann", 1): "a\ud83d b"}))
    assert rollout.output == "a? b"


def test_the_task_stays_in_sight_of_an_agent_with_a_short_memory() -> None:
    cast = ("ann", "ben")
    config = MailConfig(kind="mail", start=("ann",), contacts={"ann": ("ben",), "ben": ("ann",)})
    agents = (Agent("ann", memory="unread"), Agent("ben"))
    organization = Organization(agents, config.build(cast, None, None), 3)
    lines = {("ann", 1): '<mail to="ben">one</mail>', ("ben", 2): '<mail to="ann" subject="s">two</mail>'}
    model = Script(lines)
    run(organization, model, prompt="The task.")
    last = [request for request in model.requests if request.where.actor == "ann"][-1]
    assert [entry.role for entry in last.chat] == ["system", "user"]
    assert last.chat[-1].content == 'The task.\n\n<mail from="ben" subject="s">\ntwo\n</mail>'


def test_messages_are_stamped_by_the_engine_alone() -> None:
    rollout = run(chain("ann", "ben"), Script({("ann", 1): "draft", ("ben", 2): "final"}))
    assert [(m.index, m.round, m.sender, m.to) for m in rollout.messages] == [
        (0, 0, "@task", ("ann",)),
        (1, 1, "ann", ("ben",)),
        (2, 2, "ben", (OUTPUT,)),
    ]
    assert isinstance(rollout.messages[0], Message)
