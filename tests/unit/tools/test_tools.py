"""Tools: schemas out of type hints, arguments checked, results cut, toolsets opened and closed."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Annotated, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from pydantic import Field

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutLimits, RolloutSpec, over_limits
from agentlab.engine.tools import OpenTool, opened, use
from agentlab.interfaces import Toolset
from agentlab.organization.agents import Agent, Organization, TurnLimits
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.text import middle
from agentlab.tools import TOOLS, FunctionTool, Shared, tool
from agentlab.tools.calculate import calculate
from agentlab.types import (
    Act,
    Call,
    Capabilities,
    Completion,
    Request,
    Returned,
    Scene,
    Settings,
    Task,
    ToolCall,
    ToolResult,
    Usage,
)
from tests.support.strategies import rollout_spec

LONGEST = TurnLimits().result
TICKETS = ("ticket", "assign", "claim", "done", "review")
SCENE = Scene("ann", 1, ())


@tool
async def add(scene: Scene, a: int, b: Annotated[int, Field(description="The other.")] = 2) -> str:
    """Adds."""
    return str(a + b)


def used(made: FunctionTool, arguments: str, scene: Scene = SCENE) -> ToolResult:
    wish = ToolCall("id", made.spec.name, arguments)
    return asyncio.run(use({made.spec.name: OpenTool(made, None)}, wish, scene))


def test_type_hints_are_the_schema_and_the_docstring_the_description() -> None:
    assert (add.spec.name, add.spec.description) == ("add", "Adds.")
    assert add.spec.parameters == {
        "additionalProperties": False,
        "properties": {
            "a": {"type": "integer"},
            "b": {"default": 2, "description": "The other.", "type": "integer"},
        },
        "required": ["a"],
        "type": "object",
    }


def test_arguments_that_do_not_fit_are_told_to_the_model_by_name() -> None:
    assert used(add, '{"a": 3}').content == "5"
    for arguments, names in (("{}", ("a",)), ('{"a": "x", "c": 1}', ("a", "c")), ("[1]", ("JSON object",)), ("{", ())):
        result = used(add, arguments)
        assert result.error
        assert all(name in result.content for name in names)


@given(st.text())
def test_no_arguments_raise(arguments: str) -> None:
    assert used(calculate, arguments).id == "id"
    assert used(calculate, json.dumps({"expression": arguments})).id == "id"


@pytest.mark.parametrize("function", [str.upper, Scene, len], ids=["not async", "a class", "a builtin"])
def test_what_is_no_async_function_is_no_tool(function: Any) -> None:
    with pytest.raises(TypeError, match="is not a tool: it is not an async function"):
        tool(function)


def test_a_tool_needs_a_scene_and_type_hints() -> None:
    async def no_scene(a: int) -> str:
        return ""

    async def no_hint(scene: Scene, a: int) -> str:
        return ""

    del no_hint.__annotations__["a"]

    with pytest.raises(TypeError, match="first parameter is not `scene`"):
        tool(no_scene)
    with pytest.raises(TypeError, match="no type hint for a"):
        tool(no_hint)


def test_a_long_result_loses_its_middle_and_says_so() -> None:
    @tool
    async def long(scene: Scene, n: int) -> str:
        return "a" * n + "b" * n

    whole, cut = used(long, f'{{"n": {LONGEST // 2}}}').content, used(long, f'{{"n": {LONGEST}}}').content
    assert len(whole) == LONGEST
    assert cut.startswith("a" * (LONGEST // 2) + "\n… 16,000 characters left out …\n")
    assert cut.endswith("b" * (LONGEST // 2))


@given(st.text(), st.integers(2, 20))
def test_a_text_that_is_not_too_long_stays(text: str, longest: int) -> None:
    cut = middle(text, longest)
    assert (cut == text) == (len(text) <= longest)


def test_a_tool_that_returns_no_text_is_a_failed_tool() -> None:
    @tool
    async def odd(scene: Scene) -> Any:
        return 3

    assert used(odd, "{}").content == "TypeError: tool odd returned int, but must return text"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(3 + 4) * 12 / 7", "12"),
        ("2 ** 10", "1024"),
        ("-7 // 2", "-4"),
        ("1 / 3", repr(1 / 3)),
        ("7 % 4 + 1.5", "4.5"),
    ],
)
def test_arithmetic(expression: str, value: str) -> None:
    assert used(calculate, json.dumps({"expression": expression})).content == value


@pytest.mark.parametrize("expression", ["9 ** 9 ** 9", "1 / 0", "open(1)", "a", "1 if 2 else 3", "", "(" * 900, "True"])
def test_what_is_no_arithmetic_is_an_error_that_is_quick(expression: str) -> None:
    assert used(calculate, json.dumps({"expression": expression})).error


def test_what_ships_is_found_by_its_name() -> None:
    assert TOOLS["calculate"] == calculate
    assert list(TOOLS) == ["calculate", "read", "write", "edit", "remove", "list_files", "search", "run", *TICKETS]


# --- in a rollout -----------------------------------------------------------------------------------------------------


class Asker:
    """Asks for a tool again and again."""

    name = "own/asker"
    capabilities = Capabilities(frozenset(), tools=True)

    def __init__(self, wishes: int, error: BaseException | None = None) -> None:
        self.wishes, self.error, self.asked = wishes, error, 0

    async def complete(self, request: Request) -> Completion:
        self.asked += 1
        if self.error is not None:
            raise self.error
        wish = (ToolCall("id", "note", '{"text": "x"}'),) if request.where.k < self.wishes else ()
        return Completion(f"call {request.where.k}", wish, Usage(10, 10), "tool" if wish else "end")


seen: list[str] = []


@asynccontextmanager
async def shelf(task: Task) -> AsyncGenerator[list[str]]:
    seen.append("open")
    try:
        yield []
    finally:
        seen.append("close")


@tool
async def note(scene: Scene, text: str) -> Returned:
    """Notes."""
    scene.resource.append(text)
    return Returned(f"{len(scene.resource)} by {scene.stream}", (Act("noted", text),))


def organization(*tools: Toolset, calls: int = 8) -> Organization:
    config = ChainConfig(kind="chain", stages=(("ann", "ben"), ("cat",)))
    agents = tuple(Agent(name, tools=tools) for name in ("ann", "ben", "cat"))
    return Organization(agents, config.build(("ann", "ben", "cat"), None, None), 3, calls=calls)


def spec_of(made: Organization, **more: Any) -> RolloutSpec:
    return structs.replace(rollout_spec(made), **more)


def test_a_toolset_is_opened_once_and_closed_also_on_error_and_cancel() -> None:
    made = organization(Shared((note,), shelf))
    for model in (Asker(1), Asker(1, RuntimeError("boom")), Asker(1, asyncio.CancelledError())):
        seen.clear()
        with suppress(asyncio.CancelledError):
            asyncio.run(play(spec_of(made), Client({"default": model})))
        assert seen == ["open", "close"]


def test_seconds_acts_and_streams_are_in_the_results_and_nothing_runs_twice() -> None:
    made = organization(Shared((note,), shelf))
    rollout = asyncio.run(play(spec_of(made), Client({"default": Asker(2)})))
    results = [result for call in rollout.calls for result in call.tool_results]
    assert len(results) == 6
    assert all(result.acts == (Act("noted", "x"),) and result.seconds > 0 for result in results)
    assert len({result.content.split(" by ")[1] for result in results}) == 6
    silent = Asker(0)
    recorded = {(call.actor, call.round, call.k): call for call in rollout.calls}
    assert asyncio.run(play(spec_of(made), Client({"default": silent}, recorded=recorded))) == rollout
    assert silent.asked == 0
    again = asyncio.run(play(spec_of(made, attempt=2), Client({"default": Asker(2)})))
    texts = [sorted(r.content.split(" by ")[1] for c in one.calls for r in c.tool_results) for one in (rollout, again)]
    assert texts[0] == texts[1]  # an attempt has no say in the streams of tools


def test_tools_that_cannot_be_opened_end_the_rollout_and_ask_no_model() -> None:
    @asynccontextmanager
    async def broken(task: Task) -> AsyncGenerator[None]:
        raise OSError("no sandbox here")
        yield

    model = Asker(1)
    rollout = asyncio.run(play(spec_of(organization(Shared((note,), broken))), Client({"default": model})))
    assert (rollout.status, model.asked) == ("infrastructure", 0)
    assert rollout.error == "the tools note cannot be opened: OSError: no sandbox here"


async def test_toolsets_that_several_agents_have_are_one() -> None:
    async with opened(organization(shared := Shared((note,), shelf), add), Task("t", "?")) as tools:
        assert {name: list(own) for name, own in tools.items()} == {agent: ["note", "add"] for agent in tools}
        assert tools["ann"]["note"].resource is tools["ben"]["note"].resource
        assert tools["ann"]["note"].tool is shared.tools[0]


def test_a_limit_ends_a_turn_after_earlier_rounds_and_its_own_calls_alone() -> None:
    made = organization(Shared((note,), shelf))
    # 20 tokens a call: three calls of one turn reach 60, whatever the other agent of the round did.
    rollout = asyncio.run(play(spec_of(made, limits=RolloutLimits(tokens=60)), Client({"default": Asker(5)})))
    assert [(call.actor, call.k) for call in rollout.calls] == [(name, k) for name in ("ann", "ben") for k in range(3)]
    assert rollout.status == "limit"
    assert [message.content for message in rollout.messages[1:]] == ["call 2", "call 2"]


def test_the_time_of_tools_counts_in_a_limit() -> None:
    call = Call("ann", 1, 0, 1, "m", Settings(), "", Completion(""), (ToolResult("i", "", seconds=59.0),), seconds=1.0)
    assert over_limits(RolloutLimits(minutes=1.0), [call])
    assert not over_limits(RolloutLimits(minutes=1.1), [call])


@tool
async def odd(scene: Scene, does: str) -> Returned:
    """Returns what no tool should."""
    if does == "cancels":
        raise asyncio.CancelledError
    wrong: dict[str, Any] = {"number": 5, "nothing": None}
    return Returned(wrong[does]) if does in wrong else Returned("ok", cast("Any", ("act",)))


@pytest.mark.parametrize("does", ["cancels", "number", "nothing", "acts"])
async def test_whatever_a_tool_returns_is_a_result(does: str) -> None:
    tools = {"odd": OpenTool(odd, None)}
    result = await use(tools, ToolCall("1", "odd", json.dumps({"does": does})), SCENE)
    assert result.error
    assert result.content


# --- files of a workspace ---------------------------------------------------------------------------------------------


def of_files(name: str, calls: tuple[Call, ...] = (), **arguments: Any) -> Returned:
    scene = replace(SCENE, files={"a.py": "one\ntwo\nthree\n"}, calls=calls)
    return asyncio.run(TOOLS[name].tools[0](scene, arguments))


def test_files_are_read_written_edited_and_searched_as_the_turn_left_them() -> None:
    assert of_files("read", path="a.py", start=2).content == "2\ttwo\n3\tthree"
    edited = of_files("edit", path="a.py", old="two", new="2")
    assert edited.acts == (Act("file", "one\n2\nthree\n", "a.py"),)
    result = ToolResult("1", "", acts=(*edited.acts, Act("file", "TWO", "b.md")))
    turn = (Call("ann", 1, 0, 1, "m", Settings(), "", Completion(""), (result,)),)
    assert of_files("search", turn, text="two").content == "b.md:1: TWO"
    assert of_files("list_files", turn).content == "a.py (12 characters)\nb.md (3 characters)"
    assert of_files("remove", turn, path="b.md").acts == (Act("removed", "", "b.md"),)


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("read", {"path": "b.py"}, "there are a.py"),
        ("read", {"path": "a.py", "start": 0}, "start"),
        ("edit", {"path": "a.py", "old": "o", "new": ""}, "stands 2 times"),
        ("edit", {"path": "a.py", "old": "", "new": "x"}, "old"),
        ("write", {"path": "../a.py", "text": ""}, "no path of a file"),
        ("remove", {"path": "b.py"}, "no file"),
    ],
)
def test_what_a_tool_of_files_cannot_do_is_told(name: str, arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        of_files(name, **arguments)
