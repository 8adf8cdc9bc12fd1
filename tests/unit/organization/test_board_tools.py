"""Tools for tickets: the same rules as for tags, whatever a model writes into them."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab import tools
from agentlab.engine.rules import said
from agentlab.engine.tools import OpenTool, use
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.route import TOOLS, acted, route
from agentlab.organization.board.rules import Rules
from agentlab.organization.protocols.board import KINDS, BoardConfig, ReviewConfig
from agentlab.types import BOARD, TASK, Act, Call, Completion, Message, Scene, Settings, ToolCall, ToolResult, ToolSpec

TICKETS: Any = [tools.TOOLS[name] for name in tools.TICKETS]

RULES = Rules("lead", True, ("ann", "ben"), True, ("rev",))
LOG = (
    Message(TASK, ("lead",), "task", "Do it.", round=0, index=0),
    Message("lead", (BOARD,), "ticket", "First.", "T1", 1, 1),
    Message("lead", (BOARD,), "ticket", "Second.", "T2", 1, 2),
    Message(BOARD, ("ann",), "work", "First.", "T1", 1, 3),
    Message("ann", (BOARD,), "done", "Did it.", "T1", 2, 4),
    Message(BOARD, ("rev",), "request", "Review T1.", "T1", 2, 5),
)
IDS = st.sampled_from(["", "T1", "T2", "T3", "no such", "T 4"])
WORDS = st.sampled_from(["ann", "Ben", "nobody", "approve", "change", "maybe"])
NEEDED: dict[str, st.SearchStrategy[str]] = {"id": IDS}
OPTIONAL: dict[str, st.SearchStrategy[str]] = {"to": WORDS, "verdict": WORDS, "after": IDS}
DEEDS: st.SearchStrategy[list[tuple[str, dict[str, str]]]] = st.lists(
    st.tuples(
        st.sampled_from(TOOLS),
        st.fixed_dictionaries(NEEDED, optional=OPTIONAL),
    ),
    max_size=6,
)


def turn(*acts: Act, text: str = "") -> list[Call]:
    wish = ToolCall("1", "ticket", "{}")
    calls = [Completion("", (wish,)), Completion(text)]
    results = [(ToolResult("1", "Noted.", acts=acts),), ()]
    return [
        Call("lead", 3, k, 1, "m", Settings(), "", made, results)
        for k, (made, results) in enumerate(zip(calls, results, strict=True))
    ]


@settings(max_examples=40)
@given(st.sampled_from(["lead", "ann", "ben", "rev"]), DEEDS)
def test_a_tool_does_what_its_tag_does(agent: str, deeds: list[tuple[str, dict[str, str]]]) -> None:
    raw = [(tag, "".join(f' {k}="{v}"' for k, v in given.items() if v)) for tag, given in deeds]
    text = "\n".join(f"<{tag}{attributes}>words</{tag}>" for tag, attributes in raw)
    acts = [Act(tag, "words", attributes) for tag, attributes in raw]
    by_tags = route(RULES, frozenset(), agent, Completion(text), LOG, 3)
    assert acted(RULES, agent, turn(*acts), LOG, 3) == by_tags


@settings(max_examples=40)
@given(
    st.lists(st.builds(Act, st.sampled_from([*TOOLS, "file", "removed", "other"]), st.text(), st.none() | st.text()))
)
def test_any_act_becomes_messages_that_the_board_knows(acts: list[Act]) -> None:
    for agent in ("lead", "ann", "rev"):
        assert all(message.kind in KINDS for message in acted(RULES, agent, turn(*acts), LOG, 3))


@pytest.mark.parametrize("made", TICKETS, ids=lambda made: made.spec.name)
def test_every_tool_is_a_tag_of_the_board_with_attributes_that_are_read(made: Any) -> None:
    spec: ToolSpec = made.spec
    arguments = {name: "approve" if name == "verdict" else f'a "{name}"' for name in spec.parameters["properties"]}
    wish = ToolCall("1", spec.name, json.dumps(arguments))
    result = asyncio.run(use({spec.name: OpenTool(made, None)}, wish, Scene("ann", 1, ())))
    assert not result.error
    (act,) = result.acts
    assert act.kind in TOOLS
    assert act.content == arguments.get("text", "")
    for name in arguments.keys() - {"text", "verdict"}:
        assert f"{name}=\"a '{name}'\"" in (act.ref or "")


def test_tags_behind_tools_see_what_the_tools_did() -> None:
    config = BoardConfig(kind="board", lead="lead", workers=("ann",), review=ReviewConfig(by=("rev",)))
    agents = tuple(Agent(name) for name in ("lead", "ann", "rev"))
    organization = Organization(agents, config.build(("lead", "ann", "rev"), None, None), 5)
    log = LOG[:1]
    messages = said(
        organization, log, turn(Act("ticket", "By tool.", 'id="T1"'), text='<ticket id="T1">By tag.</ticket>')
    )
    assert [(m.kind, m.content) for m in messages] == [
        ("ticket", "By tool."),
        ("bounce", "There is a ticket 'T1' already. Give this one another id."),
    ]


def test_the_manual_tells_an_agent_of_its_tools_in_place_of_tags() -> None:
    config = BoardConfig(kind="board", lead="lead", workers=("ann",), review=ReviewConfig(by=("ann",)))
    cast = ("lead", "ann")
    with_tools = Agent("ann", tools=tuple(TICKETS))
    systems = Organization((Agent("lead"), with_tools), config.build(cast, None, None), 5).systems
    assert "use the tool" not in systems["lead"]
    assert "with the tool `done`" in systems["ann"]
    assert "<done" not in systems["ann"]
    assert "<file" in systems["ann"]  # it has no tool to write files
