"""A small team at a board, played without models: what its agents say in each round, and the log that comes of it."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from agentlab.engine.rules import awake, following, opening
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.options import ReviewConfig
from agentlab.organization.board.tickets import tickets
from agentlab.organization.protocols.board import BoardConfig
from agentlab.types import Act, Call, Completion, Message, Settings, Task, ToolResult

CAST = ("lead", "ann", "ben", "eve")
Said = Mapping[str, str]


def team(**fields: object) -> Organization:
    """A lead, two workers, and a reviewer."""
    config = BoardConfig.model_validate(
        {"kind": "board", "lead": "lead", "workers": ("ann", "ben"), "review": ReviewConfig(by=("eve",)), **fields}
    )
    return Organization(tuple(map(Agent, CAST)), config.build(CAST, None, None), 50)


def call(agent: str, round: int, text: str, acts: Sequence[Act] = ()) -> Call:
    results = (ToolResult("1", "", acts=tuple(acts)),) if acts else ()
    return Call(agent, round, 0, 1, "m", Settings(), "", Completion(text), results)


def played(
    organization: Organization, *rounds: Said, acts: Sequence[Act] = (), task: Task | None = None
) -> list[Message]:
    """The log after rounds in which the agents that are awake say this, or nothing."""
    log = stamped(opening(organization, task or Task("t", "Build it."), 0), 0, 0)
    for round, said in enumerate(rounds, 1):
        actors, _ = awake(organization, log, round, ())
        assert said.keys() <= {agent.name for agent in actors}
        turns = [[call(a.name, round, said.get(a.name, ""), acts)] for a in actors]
        log += stamped(following(organization, log, turns, round, 0), round, len(log))
    return log


def stamped(messages: Sequence[Message], round: int, first: int) -> list[Message]:
    return [replace(message, round=round, index=first + i) for i, message in enumerate(messages)]


def states(log: Sequence[Message]) -> dict[str, tuple[str, str | None]]:
    """State and owner of each ticket."""
    return {ticket.id: (ticket.state, ticket.owner) for ticket in tickets(log).by_id.values()}


def told(log: Sequence[Message], agent: str, round: int) -> list[tuple[str, str | None]]:
    """Kind and reference of what an agent got in a round."""
    return [(message.kind, message.ref) for message in log if agent in message.to and message.round == round]
