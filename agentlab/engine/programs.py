"""Model calls of the programs that an agent runs: made, recorded and counted like its own, under an actor of their own.

Their prompts are not rebuilt from the log, since programs write them. They are kept with the reply, as `opaque`.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, cast

from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.organization.agents import Agent
from agentlab.seeds import stream
from agentlab.types import PRODUCT, Call, ChatMessage, Completion, ProgramModel, Request, Settings, Where

ASKED = "asked"
"""The key of a program's prompt in `Completion.opaque`: a list of role and content."""


def program_model(spec: RolloutSpec, client: Client, state: State, agent: Agent, round: int) -> ProgramModel | None:
    """The model that programs of the agent's turn may ask; None where the organization has none for them.

    Calls that its programs made in this turn before the rollout was interrupted are added to the state.
    """
    programs = spec.organization.programs
    if programs is None:
        return None
    actor = PRODUCT + agent.name
    root, made = spec.root(round, agent.name), state.calls.setdefault(actor, [])
    made += [call for (who, when, _), call in client.recorded.items() if (who, when) == (actor, round)]

    async def ask(chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        at = stream(root, actor, round, k, spec.attempt)
        where = Where(spec.key, actor, round, k, spec.attempt, at, spec.rank, "product")
        request = Request(chat, _over(programs.settings, settings), (), where)
        call = await client.ask(programs.model, request, read=lambda reply: _with_prompt(reply, chat))
        if not any((other.k, other.round) == (k, round) for other in made):
            made.append(call)
        return call

    return ProgramModel(ask, client.models[programs.model].capabilities.settings, programs.tokens)


def of_turn(state: State, agent: str, round: int) -> Sequence[Call]:
    """What the programs of an agent asked in a round."""
    return [call for call in state.calls.get(PRODUCT + agent, ()) if call.round == round]


def asked(call: Call) -> list[tuple[str, str]]:
    """The prompt of a program's call, as role and content of each entry."""
    opaque: Any = call.completion.opaque if call.completion is not None else None
    return [(str(role), str(content)) for role, content in cast("dict[str, Any]", opaque or {}).get(ASKED, ())]


def _over(base: Settings, given: Settings) -> Settings:
    """The program's settings over those that the scenario gives the model."""
    changes = {f.name: getattr(given, f.name) for f in fields(Settings)}
    return replace(base, **{name: value for name, value in changes.items() if value is not None})


def _with_prompt(reply: Completion, chat: tuple[ChatMessage, ...]) -> Completion:
    return structs.replace(reply, opaque={ASKED: [[entry.role, entry.content] for entry in chat]})
