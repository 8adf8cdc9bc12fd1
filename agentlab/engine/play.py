"""One rollout: start, steps of a round each, and the end. Tells `record` what happened and knows no store.

An agent acts when it has unread mail; a protocol only says where a reply goes; the log is the whole state.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from agentlab.engine.budget import nearest
from agentlab.engine.client import Client
from agentlab.engine.prompt import Fold
from agentlab.engine.spec import RolloutLimits, RolloutSpec, over_limits, unstarted
from agentlab.engine.state import DROPPED, State
from agentlab.engine.tools import use
from agentlab.errors import Stopped, is_too_long
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.organization.protocols.solo import Tries
from agentlab.seeds import stream
from agentlab.types import (
    OUTPUT,
    SELECT,
    TASK,
    VETO,
    Call,
    Completion,
    Message,
    OutputVia,
    Request,
    Rollout,
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
    stored call does not fit, and whatever `client.record` raises; model failures are data.
    """
    state = start(spec) if state is None else state
    while await step(state, spec, client, stopping):
        pass
    return await end(state, spec, client)


def start(spec: RolloutSpec) -> State:
    """A rollout that is no fork, before its first round."""
    assert not spec.branches, "a fork goes on from its parent's state, see engine.fork"
    agents = [agent.name for agent in spec.organization.agents]
    state = State([], {name: [] for name in agents}, folds={name: Fold() for name in agents})
    state.post(spec.organization.protocol.open(spec.task), 0)
    return state


async def step(state: State, spec: RolloutSpec, client: Client, stopping: Callable[[], bool] = _never) -> bool:
    """Plays the next round, all its agents at once. Whether there was one: once it says False only `end` is left."""
    round = state.round + 1
    if state.status or state.steps is not None or round > spec.organization.rounds:
        return False
    actors, bounced = _awake(spec.organization, state)
    if not actors:
        return False
    if stopping():
        state.status = "cancelled"
    elif spec.limits != RolloutLimits() and over_limits(spec.limits, state.made()):
        state.status = "limit"
    if state.status:
        return False
    state.woken_by_bounce, state.round = bounced, round
    await _round(spec, client, state, _acting(spec, actors, round), round)
    return True


async def end(state: State, spec: RolloutSpec, client: Client) -> Rollout:
    """Asks the closing question where it has to be asked; what became of the rollout."""
    closing = spec.organization.closing if spec.budget is None else None  # a baseline has it in its task, every step
    if closing and state.status in (None, "limit") and state.error is None and _output(state) is None:
        await _close(spec, client, state, closing)
        return _finish(spec, state, "closing")
    return _finish(spec, state, "protocol")


def _awake(organization: Organization, state: State) -> tuple[list[Agent], frozenset[str]]:
    """Agents with mail from the last round, and those of them who have nothing but reports of what did not arrive.

    A bounce wakes its sender once in a row, lest it bounce forever.
    """
    fresh: dict[str, bool] = {}
    for message in reversed(state.log):
        if message.round < state.round:
            break
        for name in message.to:
            fresh[name] = fresh.get(name, False) or message.kind not in DROPPED
    awake = [
        a for a in organization.agents if a.name in fresh and (fresh[a.name] or a.name not in state.woken_by_bounce)
    ]
    return awake, frozenset(agent.name for agent in awake if not fresh[agent.name])


def _acting(spec: RolloutSpec, actors: list[Agent], round: int) -> list[Agent]:
    """The actors, with another in the place of one that a fork swaps, unless its turn is kept."""
    return [spec.agent(agent, round) for agent in actors] if spec.branches else actors


async def _round(spec: RolloutSpec, client: Client, state: State, actors: Sequence[Agent], round: int) -> None:
    given, state.given = state.given, {}
    if len(actors) == 1:
        await _turn(spec, client, state, actors[0], round, given.get(actors[0].name, ()))
    else:
        async with asyncio.TaskGroup() as group:
            for agent in actors:
                group.create_task(_turn(spec, client, state, agent, round, given.get(agent.name, ())))
    if state.status:
        return
    last = [(agent.name, state.calls[agent.name][-1]) for agent in actors]
    if failed := next((call.error for _, call in last if call.error), None):
        state.error, state.status = failed, "limit" if is_too_long(failed) else "infrastructure"
        return
    if spec.budget is not None:
        await _step(spec, client, state, actors[0].name, round)
        return
    log = tuple(state.log)
    for name, call in last:
        if call.completion is not None:
            state.post(spec.organization.protocol.route(name, call.completion, log, round), round)
    if any(VETO in message.to for message in state.log[len(log) :]):
        state.status = "vetoed"


async def _step(spec: RolloutSpec, client: Client, state: State, agent: str, round: int) -> None:
    """Ends a baseline's step: its selector looks at the reply, then its budget says whether the step counts."""
    completion, protocol, log = state.calls[agent][-1].completion, spec.organization.protocol, tuple(state.log)
    assert spec.budget is not None
    assert completion is not None
    messages = [*protocol.route(agent, completion, log, round)]
    if isinstance(protocol, Tries) and client.select is not None:
        try:
            found = await client.select(completion.text, log, round)
        except Stopped:
            state.status = "cancelled"
            return
        state.calls.setdefault(SELECT, []).extend(found.calls)
        if found.error is not None:
            state.error, state.status = found.error, "infrastructure"
            return
        messages += protocol.choose(completion.text, found.text, log)
    state.steps = nearest(spec.budget.sizes(state.made()), spec.budget.amount)
    if state.steps in (None, round):
        state.post(messages, round)


async def _turn(
    spec: RolloutSpec, client: Client, state: State, agent: Agent, round: int, given: Sequence[Call] = ()
) -> None:
    """One agent acts: a call, and while it asks for tools, their results and another call. `given` were made before."""
    calls, fold = state.calls[agent.name], state.folds[agent.name]
    tools, root = tuple(tool.spec for tool in agent.tools), spec.root(round, agent.name)
    for k in range(spec.organization.calls):
        where = Where(spec.key, agent.name, round, k, spec.attempt, stream(root, agent.name, round, k, spec.attempt))
        if k < len(given):
            call = given[k]
        else:
            entries = fold.chat(spec.organization, agent, state.log, calls, round)
            try:
                call = await client.ask(agent.model, Request(entries, agent.settings, tools, where))
            except Stopped:  # never sent; siblings that were sent are waited for and kept
                state.status = "cancelled"
                return
        wanted = call.completion.tool_calls if call.completion else ()
        if wanted and not call.tool_results:
            results = [await use(agent.tools, request, where) for request in wanted]
            call = replace(call, tool_results=tuple(results))
            await client.record(spec.key, call)
        calls.append(call)
        if not wanted:
            return


async def _close(spec: RolloutSpec, client: Client, state: State, closing: Closing) -> None:
    """Asks the closing question. Its round lies past the limit, so that it collides with no other turn."""
    organization = spec.organization
    agent, last = organization.roster[closing.agent], organization.rounds
    state.post([Message(TASK, (agent.name,), "closing", closing.ask)], last)
    await _turn(spec, client, state, _acting(spec, [agent], last + 1)[0], last + 1)
    if state.status == "cancelled":
        return
    call = state.calls[agent.name][-1]
    if call.completion is None:
        state.error, state.status = call.error, "limit" if is_too_long(call.error) else "infrastructure"
    else:
        final = _delivered(organization, agent, call, state)
        state.post([final], last + 1)
        if VETO in final.to:
            state.status = "vetoed"


def _delivered(organization: Organization, agent: Agent, call: Call, state: State) -> Message:
    """The closing reply, or what it puts between output tags if the protocol reads any in it; or a veto."""
    completion: Completion = call.completion or Completion("")
    routed = organization.protocol.route(agent.name, completion, tuple(state.log), call.round)
    written = [message.content for message in routed if OUTPUT in message.to]
    output = Message(agent.name, (OUTPUT,), "output", written[-1] if written else completion.text)
    return next((message for message in routed if VETO in message.to), output)


def _output(state: State) -> Message | None:
    """The last message to `@output` that says anything."""
    return next((m for m in reversed(state.log) if OUTPUT in m.to and m.content.strip()), None)


def _finish(spec: RolloutSpec, state: State, via: OutputVia) -> Rollout:
    output = _output(state) if state.status != "vetoed" else None
    order = {agent.name: i for i, agent in enumerate(spec.organization.agents)}
    calls = sorted(state.made(), key=lambda call: (call.round, order.get(call.actor, len(order)), call.actor, call.k))
    steps = state.log[-1].round if spec.budget else None
    return replace(
        unstarted(spec),
        status=state.status or _status(output, calls),
        output=output.content if output else None,
        output_via=via if output else "none",
        messages=tuple(state.log),
        calls=tuple(calls),
        error=state.error,
        steps=steps,
        spent=sum(spec.budget.sizes(calls)[:steps]) if spec.budget else None,
    )


def _status(output: Message | None, calls: Sequence[Call]) -> Status:
    """`declined` when the provider refused the turn that was to deliver, or any turn when nothing was delivered."""
    refused = [call for call in calls if call.completion and call.completion.stop == "refusal"]
    if output is None:
        return "declined" if refused else "incomplete"
    wrote = any(call.actor == output.sender and call.round == output.round for call in refused)
    return "declined" if wrote else "delivered"
