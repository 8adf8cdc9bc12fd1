"""Model calls of programs within a rollout: counted, found again, and no reason to call the agents' work refused."""

import asyncio
import json

from msgspec.structs import replace

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.fork import prepare
from agentlab.engine.play import play
from agentlab.engine.programs import asked
from agentlab.engine.spec import RolloutLimits, RolloutSpec
from agentlab.errors import ModelError, ProgramError, Stopped
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Agent, Organization, Programs
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.tools import tool
from agentlab.types import Call, CallPlace, ChatMessage, Completion, Request, Rollout, Scene, Settings, ToolCall, Usage
from tests.support.strategies import rollout_spec


@tool
async def program(scene: Scene, times: int) -> str:
    """Asks the model so often."""
    assert scene.model is not None
    said = list[str]()
    for k in range(times):
        call = await scene.model.ask((ChatMessage("user", f"question {k}"),), Settings(temperature=0.5), k)
        if call.completion is None:
            raise ProgramError(str(call.error))
        said.append(call.completion.text)
    return " ".join(said)


def reply(request: Request) -> Completion:
    if request.where.purpose == "product":
        return Completion("no comment", usage=Usage(10, 1), stop="refusal")
    if request.where.k == 0:
        wish = ToolCall("1", "program", json.dumps({"times": 3}))
        return Completion("", (wish,), Usage(1, 1), "tool")
    return Completion("", usage=Usage(1, 1))


def spec(tokens: int | None = None) -> RolloutSpec:
    ann = Agent("ann", tools=(program,))
    protocol = ChainConfig(kind="chain", stages=(("ann",), ("ann",))).build(("ann",), None, None)
    organization = Organization((ann,), protocol, 2, programs=Programs("default", 50, Settings(max_tokens=7)))
    return replace(rollout_spec(organization), limits=RolloutLimits(tokens=tokens))


def played(plan: RolloutSpec, recorded: dict[CallPlace, Call], model: Scripted) -> tuple[Rollout, list[Call]]:
    made = list[Call]()

    async def record(rollout: str, call: Call) -> None:
        made.append(call)

    client = Client({"default": model}, record, recorded=recorded)
    return asyncio.run(play(plan, client)), made


def test_calls_of_programs_are_the_rollouts_with_prompt_and_settings_and_do_not_decline_it() -> None:
    rollout, _ = played(spec(), {}, Scripted(reply))
    product = [call for call in rollout.calls if call.purpose == "product"]
    assert [(call.actor, call.round, call.k) for call in product] == [
        ("product/ann", round, k) for round in (1, 2) for k in range(3)
    ]
    assert product[0].settings == Settings(max_tokens=7, temperature=0.5)
    assert asked(product[1]) == [("user", "question 1")]
    assert rollout.status == "incomplete"


def test_they_count_in_limits() -> None:
    assert played(spec(tokens=30), {}, Scripted(reply))[0].status == "limit"
    assert played(spec(tokens=300), {}, Scripted(reply))[0].status == "incomplete"


def test_a_tool_that_was_cut_short_asks_only_what_is_not_on_record() -> None:
    whole, made = played(spec(), {}, Scripted(reply))
    for kept in range(len(made)):
        recorded = {(call.actor, call.round, call.k): call for call in made[:kept]}
        again, rest = played(spec(), recorded, Scripted(reply))
        assert again.messages == whole.messages
        places = [(call.actor, call.round, call.k) for call in again.calls]
        assert sorted(places) == sorted((call.actor, call.round, call.k) for call in whole.calls)
        assert {(call.actor, call.round, call.k) for call in rest if not call.tool_results}.isdisjoint(recorded)


def test_a_call_that_fails_or_is_not_made_leaves_the_turn_to_a_later_command() -> None:
    def fails(request: Request) -> Completion:
        if request.where.purpose == "product":
            raise ModelError("transient", "gone")
        return reply(request)

    def stops(request: Request) -> Completion:
        if request.where.purpose == "product":
            raise Stopped("stopping")
        return reply(request)

    rollout, made = played(spec(), {}, Scripted(fails))
    assert (rollout.status, rollout.error) == ("infrastructure", "transient: gone")
    assert not any(call.tool_results for call in made)
    assert played(spec(), {}, Scripted(stops))[0].status == "cancelled"


def test_a_fork_keeps_what_programs_of_kept_turns_asked() -> None:
    rollout, _ = played(spec(), {}, Scripted(reply))
    state = prepare(spec().organization, Cut(1), rollout.messages, rollout.calls)
    assert [call.round for call in state.calls["product/ann"]] == [1, 1, 1]
    state = prepare(spec().organization, Cut(2, ("ann",)), rollout.messages, rollout.calls)
    assert [call.round for call in state.calls["product/ann"]] == [1, 1, 1]
