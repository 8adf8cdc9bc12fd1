"""One agent's turn: a call, and while it asks for tools, their results and another call; or several replies at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.programs import of_turn, program_model
from agentlab.engine.prompt_hash import prompt_hash
from agentlab.engine.spec import UNLIMITED, RolloutSpec, over_limits, spent, unmeasurable
from agentlab.engine.state import State
from agentlab.engine.together import together
from agentlab.engine.tools import OpenTool, Tools, use_all
from agentlab.errors import ProgramError, Stopped
from agentlab.organization import tagged
from agentlab.organization.agents import Agent
from agentlab.organization.settings import merged
from agentlab.seeds import stream
from agentlab.types import Call, ProgramModel, Request, Scene, Where


async def play_turn(
    spec: RolloutSpec,
    client: Client,
    tools: Tools,
    state: State,
    agent: Agent,
    round: int,
    given: Sequence[Call] = (),
) -> bool:
    """Plays the turn of one agent; returns whether a limit ended it. `given` are calls of this turn made before.

    A limit counts earlier rounds and this turn only, so that it does not depend on which agent is faster.
    """
    sampling = spec.organization.hooks.sampling
    if sampling is not None:
        sampled = sampling(agent.name, state.log, round)
        agent = replace(agent, settings=merged(agent.settings, sampled.settings))
        if sampled.times > 1:
            await _replies(spec, client, state, agent, round, sampled.times, given)
            return False
    calls = state.calls[agent.name]
    first, model = len(calls), program_model(spec, client, state, agent, round)
    for k in range(spec.organization.calls):
        call = given[k] if k < len(given) else await _asked(spec, client, state, agent, round, k)
        if call is not None and call.completion and call.completion.tool_calls and not call.tool_results:
            turn = (*calls[first:], call)
            call = await _used(spec, client, tools.get(agent.name, {}), state, agent.name, turn, model)
        if call is None:
            return False
        calls.append(call)
        asks = call.completion is not None and call.completion.tool_calls
        if not asks or spent(spec.organization.turn, calls[first:]):
            return False
        if round > spec.organization.rounds or spec.limits == UNLIMITED:  # closing may be past a limit
            continue
        earlier = (call for call in state.made() if call.round < round)
        if over(state, spec, [*earlier, *calls[first:], *of_turn(state, agent.name, round)]):
            return True
    return False


async def _asked(spec: RolloutSpec, client: Client, state: State, agent: Agent, round: int, k: int) -> Call | None:
    """The next call of a turn; None if it was not sent because the run is being stopped.

    A reply that asks for no tools is committed by the end of the round, others are when this returns.
    """
    where = _where(spec, spec.root(round, agent.name), agent.name, round, k)
    entries, hashes = state.folds[agent.name].chat(spec.organization, agent, state.log, state.calls[agent.name], round)
    request = Request(entries, agent.settings, () if agent.guide else agent.offered, where)
    tags = spec.organization.protocol.tags
    read = partial(tagged.read, tools=agent.offered, k=k, tags=tags) if agent.guide else None
    try:
        hashed = prompt_hash(hashes, agent.settings, request.tools)
        call, commit = await client.answer(agent.model, request, hashed, read)
    except Stopped:  # siblings that were sent are waited for and kept
        state.status = "cancelled"
        return None
    if commit is not None:
        if call.completion is not None and call.completion.tool_calls:
            await commit
        else:
            state.commits.append(commit)
    return call


def _where(spec: RolloutSpec, root: str, agent: str, round: int, k: int) -> Where:
    """The place of a call; `root` is that of the agent's random streams in this round."""
    return Where(spec.key, agent, round, k, spec.attempt, stream(root, agent, round, k, spec.attempt), spec.rank)


async def _used(
    spec: RolloutSpec,
    client: Client,
    tools: Mapping[str, OpenTool],
    state: State,
    agent: str,
    turn: tuple[Call, ...],
    model: ProgramModel | None,
) -> Call | None:
    """The last call of a turn with the results of its tools, recorded.

    None if a model call of a program was not made or failed. Then a later command uses the tools again.
    """
    log, round = tuple(state.log), turn[-1].round
    scene = Scene(agent, round, log, turn, spec.organization.files_of_turn(log), model=model)
    try:
        results = await use_all(tools, scene, spec.root(round, agent), spec.organization.turn)
    except Stopped:
        state.status = "cancelled"
        return None
    except ProgramError as error:
        state.error, state.status = str(error), "infrastructure"
        return None
    call = structs.replace(turn[-1], tool_results=results)
    await client.record(spec.key, call)
    return call


async def _replies(
    spec: RolloutSpec, client: Client, state: State, agent: Agent, round: int, times: int, given: Sequence[Call]
) -> None:
    """One agent gives several independent replies to one prompt, all at once. `given` were made before."""
    calls, root = state.calls[agent.name], spec.root(round, agent.name)
    entries, hashes = state.folds[agent.name].chat(spec.organization, agent, state.log, calls, round)
    hashed = prompt_hash(hashes, agent.settings, ())

    async def reply(k: int) -> Call | None:
        if k < len(given):
            return given[k]
        where = _where(spec, root, agent.name, round, k)
        try:
            return await client.ask(agent.model, Request(entries, agent.settings, (), where), hashed)
        except Stopped:
            return None

    answered = [call for call in await together([reply(k) for k in range(times)]) if call is not None]
    calls += answered
    if len(answered) < times:
        state.status = "cancelled"


def over(state: State, spec: RolloutSpec, calls: Sequence[Call]) -> bool:
    """Whether what the calls used ends the rollout. If its limits cannot be enforced, it fails."""
    if error := unmeasurable(spec.limits, calls):
        state.error, state.status = error, "infrastructure"
        return True
    return over_limits(spec.limits, calls)
