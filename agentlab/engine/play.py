"""One rollout: start, steps of a round each, and the end. Tells `record` what happened and knows no store.

An agent acts when it has unread mail; a protocol only says where a reply goes; the log is the whole state.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from agentlab.engine.budget import nearest
from agentlab.engine.client import Client
from agentlab.engine.cut import BEFORE
from agentlab.engine.outcome import finished, output_of
from agentlab.engine.programs import of_turn, program_model
from agentlab.engine.prompt import Fold
from agentlab.engine.prompt_hash import prompt_hash
from agentlab.engine.rules import acted, awake, following, heard, opening, said, stamped
from agentlab.engine.spec import UNLIMITED, RolloutSpec, over_limits, spent, unmeasurable, unstarted
from agentlab.engine.state import State
from agentlab.engine.tools import NO_TOOLS, OpenTool, Tools, opened, use_all
from agentlab.errors import ProgramError, Stopped, ToolsetError, is_too_long
from agentlab.organization import tagged
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.organization.settings import merged
from agentlab.seeds import stream
from agentlab.types import (
    OUTPUT,
    REJECT,
    SELECT,
    TASK,
    VETO,
    Call,
    Message,
    Request,
    Rollout,
    Scene,
    Status,
    Where,
)


def _never() -> bool:
    return False


async def play(
    spec: RolloutSpec, client: Client, stopping: Callable[[], bool] = _never, state: State | None = None
) -> Rollout:
    """Runs `spec` to its end; calls that `client` has on record are not made again.

    `stopping` is asked at every round start; once true the rollout ends as `cancelled`, its calls kept. `state`, which
    changes, is where it goes on from: that of a fork is what `engine.fork.prepare` makes. Raises `MismatchError` when a
    stored call does not fit, and whatever `client.record` raises; model failures are data, and so are tools that cannot
    be opened.
    """
    try:
        async with opened(spec.organization, spec.task) as tools:
            state = start(spec) if state is None else state
            while await step(state, spec, client, stopping, tools):
                pass
            return await end(state, spec, client, tools)
    except ToolsetError as error:
        return replace(unstarted(spec), status="infrastructure", error=str(error))


def start(spec: RolloutSpec) -> State:
    """A rollout that is no fork, or a new particle, before its first round."""
    assert not any(b.cut != BEFORE for b in spec.branches), "a fork goes on from its parent's state, see engine.fork"
    agents = [agent.name for agent in spec.organization.agents]
    state = State([], {name: [] for name in agents}, folds={name: Fold() for name in agents})
    messages = opening(spec.organization, spec.task, spec.step_stream(0))
    state.post(messages, 0)
    state.status = _verdict(messages)
    return state


async def step(
    state: State, spec: RolloutSpec, client: Client, stopping: Callable[[], bool] = _never, tools: Tools = NO_TOOLS
) -> bool:
    """Plays the next round, all its agents at once. Whether there was one: once it says False only `end` is left.

    `tools` are those that `engine.tools.opened` yields.
    """
    round = state.round + 1
    if state.status or state.steps is not None or round > spec.organization.rounds:
        return False
    actors, reported = awake(spec.organization, state.log, round, state.woken_by_bounce)
    if not actors:
        return False
    if stopping():
        state.status = "cancelled"
    elif spec.limits != UNLIMITED and _over(state, spec, state.made()):
        state.status = state.status or "limit"
    if state.status:
        return False
    state.woken_by_bounce, state.round = reported, round
    await _round(spec, client, tools, state, _acting(spec, actors, round), round)
    return True


async def end(state: State, spec: RolloutSpec, client: Client, tools: Tools = NO_TOOLS) -> Rollout:
    """Asks the closing question where it has to be asked; what became of the rollout."""
    closing = spec.organization.closing if spec.budget is None else None  # a baseline has it in its task, every step
    if closing and state.status in (None, "limit") and state.error is None and output_of(state) is None:
        await _close(spec, client, tools, state, closing)
        return finished(spec, state, "closing")
    return finished(spec, state, "protocol")


def _acting(spec: RolloutSpec, actors: list[Agent], round: int) -> list[Agent]:
    """The actors, with another in the place of one that a fork swaps, unless its turn is kept."""
    return [spec.agent(agent, round) for agent in actors] if spec.branches else actors


async def _round(
    spec: RolloutSpec, client: Client, tools: Tools, state: State, actors: Sequence[Agent], round: int
) -> None:
    given, state.given = state.given, {}
    if len(actors) == 1:
        limited = await _turn(spec, client, tools, state, actors[0], round, given.get(actors[0].name, ()))
    else:
        async with asyncio.TaskGroup() as group:
            turns = [_turn(spec, client, tools, state, a, round, given.get(a.name, ())) for a in actors]
            tasks = [group.create_task(turn) for turn in turns]
        limited = any(task.result() for task in tasks)
    if state.status:
        return
    turns = [_of_round(state.calls[agent.name], round) for agent in actors]
    if failed := next((call.error for turn in turns for call in turn if call.error), None):
        state.error, state.status = failed, "limit" if is_too_long(failed) else "infrastructure"
        return
    if spec.budget is not None:
        await _step(spec, client, state, actors[0].name, round)
        return
    messages = following(spec.organization, state.log, turns, round, spec.step_stream(round))
    state.post(messages, round)
    state.status = _verdict(messages) or ("limit" if limited else None)


def _verdict(messages: Sequence[Message]) -> Status | None:
    """How messages end a rollout: a veto, or a rejection by its program."""
    members = {name for message in messages for name in message.to if name in (VETO, REJECT)}
    return "vetoed" if VETO in members else "rejected" if REJECT in members else None


def _of_round(calls: Sequence[Call], round: int) -> Sequence[Call]:
    """Those of the last round, the last of all."""
    first = len(calls)
    while first and calls[first - 1].round == round:
        first -= 1
    return calls[first:]


async def _step(spec: RolloutSpec, client: Client, state: State, agent: str, round: int) -> None:
    """Ends a baseline's step: its selector looks at the reply, then its budget says whether the step counts."""
    organization, turn, log = spec.organization, _of_round(state.calls[agent], round), tuple(state.log)
    completion, choose = turn[-1].completion, organization.hooks.choose
    assert spec.budget is not None
    assert completion is not None
    messages = said(organization, log, turn)
    if choose is not None and client.select is not None:
        try:
            found = await client.select(completion.text, log, round)
        except Stopped:
            state.status = "cancelled"
            return
        state.calls.setdefault(SELECT, []).extend(found.calls)
        if found.error is not None:
            state.error, state.status = found.error, "infrastructure"
            return
        messages += choose(completion.text, found.text, (*log, *stamped(messages, round, len(log))))
    state.steps = nearest(spec.budget.sizes(state.made()), spec.budget.amount)
    if state.steps in (None, round):
        state.post(messages, round)


async def _turn(
    spec: RolloutSpec,
    client: Client,
    tools: Tools,
    state: State,
    agent: Agent,
    round: int,
    given: Sequence[Call] = (),
) -> bool:
    """One agent acts: a call, and while it asks for tools, their results and another call. `given` were made before.

    Whether a limit ended it. What counts is earlier rounds and this turn, whatever the others of the round do.
    """
    sampling = spec.organization.hooks.sampling
    if sampling is not None:
        wanted = sampling(agent.name, state.log, round)
        agent = replace(agent, settings=merged(agent.settings, wanted.settings))
        if wanted.times > 1:
            await _replies(spec, client, state, agent, round, wanted.times, given)
            return False
    calls, fold, root = state.calls[agent.name], state.folds[agent.name], spec.root(round, agent.name)
    first, model = len(calls), program_model(spec, client, state, agent, round, root)
    for k in range(spec.organization.calls):
        at = stream(root, agent.name, round, k, spec.attempt)
        where = Where(spec.key, agent.name, round, k, spec.attempt, at, spec.rank)
        if k < len(given):
            call = given[k]
        else:
            entries, hashes = fold.chat(spec.organization, agent, state.log, calls, round)
            request = Request(entries, agent.settings, () if agent.guide else agent.offered, where)
            read = partial(tagged.read, tools=agent.offered, k=k) if agent.guide else None
            try:
                call = await client.ask(agent.model, request, prompt_hash(hashes, agent.settings, request.tools), read)
            except Stopped:  # never sent; siblings that were sent are waited for and kept
                state.status = "cancelled"
                return False
        wanted = call.completion.tool_calls if call.completion else ()
        if wanted and not call.tool_results:
            log = tuple(state.log)
            files = spec.organization.files_of_turn(log)
            scene = Scene(agent.name, round, log, (*calls[first:], call), files, model=model)
            used = await _use(spec, client, tools.get(agent.name, {}), state, scene, root)
            if used is None:
                return False
            call = used
        calls.append(call)
        if not wanted or spent(spec.organization.turn, calls[first:]):
            return False
        if round > spec.organization.rounds or spec.limits == UNLIMITED:  # closing may be past a limit
            continue
        earlier = (made for made in state.made() if made.round < round)
        if _over(state, spec, [*earlier, *calls[first:], *of_turn(state, agent.name, round)]):
            return True
    return False


async def _use(
    spec: RolloutSpec, client: Client, tools: Mapping[str, OpenTool], state: State, scene: Scene, root: str
) -> Call | None:
    """The last call of the scene with the results of its tools, recorded.

    None where a model call of a program was not made or failed: then the tools are used again by a later command.
    """
    try:
        results = await use_all(tools, scene, root, spec.organization.turn)
    except Stopped:
        state.status = "cancelled"
        return None
    except ProgramError as error:
        state.error, state.status = str(error), "infrastructure"
        return None
    call = replace(scene.calls[-1], tool_results=results)
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
        at = stream(root, agent.name, round, k, spec.attempt)
        where = Where(spec.key, agent.name, round, k, spec.attempt, at, spec.rank)
        try:
            return await client.ask(agent.model, Request(entries, agent.settings, (), where), hashed)
        except Stopped:
            return None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(reply(k)) for k in range(times)]
    made = [call for task in tasks if (call := task.result()) is not None]
    calls += made
    if len(made) < times:
        state.status = "cancelled"


def _over(state: State, spec: RolloutSpec, calls: Sequence[Call]) -> bool:
    """Whether what the calls used ends the rollout; it has failed where its limits cannot be held."""
    if error := unmeasurable(spec.limits, calls):
        state.error, state.status = error, "infrastructure"
        return True
    return over_limits(spec.limits, calls)


async def _close(spec: RolloutSpec, client: Client, tools: Tools, state: State, closing: Closing) -> None:
    """Asks the closing question. Its round lies past the limit, so that it collides with no other turn."""
    organization = spec.organization
    agent, last = organization.roster[closing.agent], organization.rounds
    state.post([Message(TASK, (agent.name,), "closing", closing.ask)], last)
    await _turn(spec, client, tools, state, _acting(spec, [agent], last + 1)[0], last + 1)
    if state.status in ("cancelled", "infrastructure"):
        return
    call = state.calls[agent.name][-1]
    if call.completion is None:
        state.error, state.status = call.error, "limit" if is_too_long(call.error) else "infrastructure"
    else:
        turn = _of_round(state.calls[agent.name], call.round)
        log = tuple(state.log)
        final = _delivered(organization, log, turn)
        state.post([*acted(organization, log, turn), final], last + 1)
        if VETO in final.to:
            state.status = "vetoed"


def _delivered(organization: Organization, log: Sequence[Message], turn: Sequence[Call]) -> Message:
    """The closing reply, or what it puts between output tags if the protocol reads any in it; or a veto."""
    messages = said(organization, log, turn)
    written = [message.content for message in messages if OUTPUT in message.to]
    output = Message(
        turn[-1].actor, (OUTPUT,), "output", written[-1] if written else heard(organization, turn[-1]).text
    )
    return next((message for message in messages if VETO in message.to), output)
