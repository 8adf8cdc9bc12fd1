"""The state from which a fork continues: its parent's past up to the cut, which is not played again."""

from collections.abc import Iterable, Sequence

from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change
from agentlab.engine.prompt import Fold
from agentlab.engine.state import State
from agentlab.organization.agents import Organization
from agentlab.types import Call, Message


def prepare(
    organization: Organization,
    cut: Cut,
    messages: Sequence[Message],
    calls: Iterable[Call],
    change: Change | None = None,
) -> State:
    """The state at `cut` of the rollout with these messages and calls, both in order; each of its forks takes a copy.

    No prompt of a kept turn is built, and no protocol is asked. In the round that is cut, the kept turns are `given`:
    the fork's first step routes them together with the turns that it draws anew.
    """
    log = [m for m in messages if m.round <= cut.whole and m.kind != "closing"]
    made: dict[str, list[Call]] = {agent.name: [] for agent in organization.agents}
    given: dict[str, list[Call]] = {}
    for call in calls:
        if call.round <= cut.whole or (call.purpose == "product" and cut.keeps(call.round, call.actor)):
            made.setdefault(call.actor, []).append(call)
        elif cut.keeps(call.round, call.actor):
            given.setdefault(call.actor, []).append(call)
    state = State(
        change.applied(log) if change is not None and change.message is not None else log,
        made,
        cut.whole,
        _woken_by_bounce(organization, log, made, cut.whole),
        {actor: tuple(some) for actor, some in given.items()},
    )
    for agent in organization.agents:
        fold = state.folds[agent.name] = Fold()
        fold.remember(organization, agent, state.log, made[agent.name])
    return state


def _woken_by_bounce(
    organization: Organization, log: Sequence[Message], made: dict[str, list[Call]], round: int
) -> frozenset[str]:
    """The agents that acted in `round` and that only bounces woke, as `awake` defines them."""
    acted = {actor for actor, calls in made.items() if calls and calls[-1].round == round}
    for message in reversed(log):
        if message.round < round - 1 or not acted:
            break
        if message.round == round - 1 and organization.kinds[message.kind].wakes == "always":
            acted.difference_update(message.to)
    return frozenset(acted)
