"""The hash of a prompt: it tells requests apart, and is the same however it is come by."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.prompt_hash import answers, hash_of
from agentlab.errors import MismatchError
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Organization
from agentlab.seeds import digest, plain
from agentlab.types import Call, ChatMessage, Completion, Request, Settings, ToolCall, ToolSpec, Where
from tests.support.strategies import organizations, rollout_spec

words = st.sampled_from(["", "a", "ab", "b", "c"])
entries = st.builds(
    ChatMessage,
    st.sampled_from(["user", "assistant", "tool"]),
    words,
    st.sampled_from([(), (ToolCall("i", "t", "{}"),), (ToolCall("i", "t", "{}"),) * 2]),
    st.none() | words,
    st.sampled_from([None, {"x": 1, "y": 2}, {"x": 2}]),
)
settings = st.builds(Settings, temperature=st.sampled_from([None, 0.0, 1.0]), stop=st.sampled_from([None, (), ("a",)]))
tools = st.sampled_from([(), (ToolSpec("t", "", {}),), (ToolSpec("t", "", {"type": "object"}),)])
requests = st.builds(
    Request, st.lists(entries, max_size=3).map(tuple), settings, tools, st.just(Where("r", "ann", 1, 0, 1, 5))
)


@given(requests, requests)
def test_two_requests_have_one_hash_exactly_when_they_ask_the_same(one: Request, other: Request) -> None:
    same = (one.chat, one.settings, one.tools) == (other.chat, other.settings, other.tools)
    assert (hash_of(one) == hash_of(other)) is same
    assert answers(hash_of(one), hash_of(other), other) is same
    assert answers(digest(one.chat, plain(one.settings), one.tools), hash_of(other), other) is same


@given(organizations(), st.lists(st.sampled_from(["Fine.", "<output>Done.</output>"]), min_size=1))
def test_the_hash_of_a_chat_that_grows_is_that_of_the_whole_request(
    organization: Organization, texts: list[str]
) -> None:
    sent: dict[tuple[str, int, int], str] = {}

    def reply(request: Request) -> str:
        at = request.where
        sent[at.actor, at.round, at.k] = hash_of(request)
        return f'<mail to="@everyone">{texts[at.stream % len(texts)]}</mail>'

    rollout = asyncio.run(play(rollout_spec(organization), Client({"default": Scripted(reply)})))
    assert {(call.actor, call.round, call.k): call.prompt_hash for call in rollout.calls} == sent


def test_a_setting_of_later_versions_leaves_earlier_hashes_as_they_were() -> None:
    """The hash that this request had before models could score a text."""
    request = Request(
        (ChatMessage("user", "What is two?"),), Settings(temperature=0.5), (), Where("r", "a", 1, 0, 1, 5)
    )
    assert hash_of(request) == EARLIER
    assert hash_of(structs.replace(request, settings=replace(request.settings, score=("Two.",)))) != EARLIER


EARLIER = "2:34e78e02c7bb8dc74a545b42437d1074"


async def test_a_call_with_a_hash_of_an_earlier_kind_is_found_again_and_guards_as_before() -> None:
    request = Request((ChatMessage("user", "What is two?"),), Settings(), (), Where("r", "ann", 1, 0, 1, 5))
    old = digest(request.chat, plain(request.settings), request.tools)
    call = Call("ann", 1, 0, 1, "m", Settings(), old, Completion("Two."))
    client = Client({}, recorded={("ann", 1, 0): call})
    assert await client.ask("default", request) is call
    with pytest.raises(MismatchError, match="a different prompt"):
        await client.ask("default", structs.replace(request, chat=(ChatMessage("user", "What is three?"),)))
