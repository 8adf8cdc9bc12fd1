"""Plays one rollout: its start, a step for each round, its end. Each call goes to `client.record`; no store is known.

An agent acts when it has unread mail; a protocol only says where a reply goes; the log is the whole state.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from agentlab.engine.budget import nearest
from agentlab.engine.client import Client
from agentlab.engine.cut import BEFORE
from agentlab.engine.outcome import finished, output_of
from agentlab.engine.prompt import Fold
from agentlab.engine.rules import acted, awake, following, heard, opening, said, stamped
from agentlab.engine.spec import UNLIMITED, RolloutSpec, unstarted
from agentlab.engine.state import State
from agentlab.engine.together import together
from agentlab.engine.tools import NO_TOOLS, Tools, opened
from agentlab.engine.turn import over, play_turn
from agentlab.errors import Stopped, ToolsetError, is_too_long
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.types import (
    OUTPUT,
    REJECT,
    SELECT,
    TASK,
    VETO,
    Call,
    Message,
    Rollout,
    Status,
)


def _never() -> bool:
    return False


async def play(
    spec: RolloutSpec, client: Client, stopping: Callable[[], bool] = _never, state: State | None = None
) -> Rollout:
    """Runs `spec` to its end; calls that `client` has on record are not made again.

    `stopping` is asked at every round start; once it is true, the rollout ends as `cancelled` and keeps its calls.
    `state` is where the rollout continues from, and is changed; for a fork, `engine.fork.prepare` makes it. Raises
    `MismatchError` when a stored call does not fit, and whatever `client.record` raises. Model failures are data, and
    so are tools that cannot be opened.
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
    """The state before the first round of a rollout that is no fork, or of a new particle."""
    assert not any(b.cut != BEFORE for b in spec.branches), "a fork goes on from its parent's state, see engine.fork"
    agents = [agent.name for agent in spec.organization.agents]
    state = State([], {name: [] for name in agents}, folds={name: Fold() for name in agents})
    messages = opening(spec.organization, spec.task, _step_stream(spec, 0))
    state.post(messages, 0)
    state.status = _verdict(messages)
    return state


async def step(
    state: State, spec: RolloutSpec, client: Client, stopping: Callable[[], bool] = _never, tools: Tools = NO_TOOLS
) -> bool:
    """Plays the next round, all its agents at once. Returns whether there was one; after False, only `end` is left.

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
    elif spec.limits != UNLIMITED and over(state, spec, state.made()):
        state.status = state.status or "limit"
    if state.status:
        return False
    state.woken_by_bounce, state.round = reported, round
    await _round(spec, client, tools, state, _acting(spec, actors, round), round)
    return True


async def end(state: State, spec: RolloutSpec, client: Client, tools: Tools = NO_TOOLS) -> Rollout:
    """Asks the closing question if it is due, and returns the finished rollout."""
    closing = spec.organization.closing if spec.budget is None else None  # a baseline has it in its task, every step
    if closing and state.status in (None, "limit") and state.error is None and output_of(state) is None:
        await _close(spec, client, tools, state, closing)
        return finished(spec, state, "closing")
    return finished(spec, state, "protocol")


def _acting(spec: RolloutSpec, actors: list[Agent], round: int) -> list[Agent]:
    """The actors. An agent that a fork swaps is replaced, unless its turn is kept."""
    return [spec.agent(agent, round) for agent in actors] if spec.branches else actors


async def _round(
    spec: RolloutSpec, client: Client, tools: Tools, state: State, actors: Sequence[Agent], round: int
) -> None:
    given, state.given = state.given, {}
    turns = [play_turn(spec, client, tools, state, a, round, given.get(a.name, ())) for a in actors]
    limited = any(await together(turns))
    await state.committed()
    if state.status:
        return
    made = [_of_round(state.calls[agent.name], round) for agent in actors]
    if failed := next((call.error for turn in made for call in turn if call.error), None):
        state.error, state.status = failed, "limit" if is_too_long(failed) else "infrastructure"
        return
    if spec.budget is not None:
        await _step(spec, client, state, actors[0].name, round)
        return
    messages = following(spec.organization, state.log, made, round, _step_stream(spec, round))
    state.post(messages, round)
    state.status = _verdict(messages) or ("limit" if limited else None)


def _step_stream(spec: RolloutSpec, round: int) -> int:
    """The random stream of what the protocol does by itself, where it does anything."""
    return spec.step_stream(round) if spec.organization.hooks.advance is not None else 0


def _verdict(messages: Sequence[Message]) -> Status | None:
    """How messages end a rollout: a veto, or a rejection by its program."""
    members = {name for message in messages for name in message.to if name in (VETO, REJECT)}
    return "vetoed" if VETO in members else "rejected" if REJECT in members else None


def _of_round(calls: Sequence[Call], round: int) -> Sequence[Call]:
    """The calls of the last round, which are the last ones."""
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
            selection = await client.select(completion.text, log, round)
        except Stopped:
            state.status = "cancelled"
            return
        state.calls.setdefault(SELECT, []).extend(selection.calls)
        if selection.error is not None:
            state.error, state.status = selection.error, "infrastructure"
            return
        messages += choose(completion.text, selection.text, (*log, *stamped(messages, round, len(log))))
    state.steps = nearest(spec.budget.sizes(state.made()), spec.budget.amount)
    if state.steps in (None, round):
        state.post(messages, round)


async def _close(spec: RolloutSpec, client: Client, tools: Tools, state: State, closing: Closing) -> None:
    """Asks the closing question. Its round lies past the limit, so that it collides with no other turn."""
    organization = spec.organization
    agent, last = organization.roster[closing.agent], organization.rounds
    state.post([Message(TASK, (agent.name,), "closing", closing.ask)], last)
    await play_turn(spec, client, tools, state, _acting(spec, [agent], last + 1)[0], last + 1)
    await state.committed()
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
    """The closing reply, or what it has between output tags if the protocol reads them; or the veto in it."""
    messages = said(organization, log, turn)
    written = [message.content for message in messages if OUTPUT in message.to]
    output = Message(
        turn[-1].actor, (OUTPUT,), "output", written[-1] if written else heard(organization, turn[-1]).text
    )
    return next((message for message in messages if VETO in message.to), output)
