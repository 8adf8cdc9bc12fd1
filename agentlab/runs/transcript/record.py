"""Everything a run folder holds of one rollout, turn by turn, with each prompt rebuilt from the log.

Nothing but the run folder is read: no module is imported, no model or tool is asked. A rebuilt prompt is held against
the hash that was stored when it was sent.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from agentlab.organization.agents import Agent, Closing, Organization, TurnLimits
from agentlab.organization.protocols.board import Board
from agentlab.runs.transcript.find import Coordinates, find
from agentlab.runs.transcript.turns import Turn, turns
from agentlab.store import UNFINISHED, ancestry, read
from agentlab.store.rows import COLUMNS, call_fact, rollout_fact, verdict_fact
from agentlab.store.schema import READ_CALLS, READ_VERDICTS
from agentlab.types import Call, Completion, Message, MessageKind, Rollout, Settings, Task, ToolSpec, Verdict


@dataclass(frozen=True, slots=True)
class Record:
    """One rollout as it is stored. Judges' calls are in `judging`, not in `rollout.calls`."""

    rollout: Rollout
    begun: bool
    """Whether it has a row only: its status and messages come when it ends."""
    levels: Mapping[str, str]
    task: Task | None
    """As judges see it: without addenda and closing question."""
    organization: Organization | None
    """None for texts that were imported."""
    models: Mapping[str, str]
    """By agent, as `provider/name`."""
    turns: tuple[Turn, ...]
    verdicts: tuple[Verdict, ...]
    by_case: frozenset[str]
    """Judges whose draws are held-out cases."""
    judging: tuple[Call, ...]
    products: tuple[Call, ...] = ()
    """What programs of agents asked their model, in the order of time."""
    kept: frozenset[tuple[int, str]] = frozenset()
    """Of a fork: the turns that are its parent's, by round and agent."""

    @property
    def finished(self) -> bool:
        """Whether no command goes on with it."""
        return not self.begun and self.rollout.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class _Past:
    """The protocol of a rollout that is over, as far as the run recorded it; it routes no more."""

    briefed: frozenset[str]
    manuals: Mapping[str, str]
    kinds: Mapping[str, MessageKind]
    tags: tuple[str, ...]
    edges: Mapping[str, tuple[str, ...]]
    view: Callable[[str, Sequence[Message], int], Sequence[Message]] | None
    """Of a board, whose fields the run recorded."""

    def open(self, task: Task) -> Sequence[Message]:
        return ()

    def manual(self, agent: str) -> str:
        return self.manuals[agent]

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        return ()


@dataclass(frozen=True, slots=True)
class _Member:
    system: str
    manual: str
    model: str
    settings: Settings
    memory: Literal["all", "unread"] | int
    tools: tuple[ToolSpec, ...]
    guide: str = ""

    @property
    def offered(self) -> tuple[ToolSpec, ...]:
        """The tools that were sent along; tools that are called by tags are in the system prompt instead."""
        return () if self.guide else self.tools


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the run recorded of a condition."""

    agents: dict[str, _Member]
    briefed: tuple[str, ...]
    rounds: int
    kinds: dict[str, MessageKind]
    tags: tuple[str, ...]
    contacts: dict[str, tuple[str, ...]]
    view: bool
    """Whether the protocol showed agents more than their mail."""
    board: Board | None = None
    closing: Closing | None = None
    turn: TurnLimits = field(default_factory=lambda: TurnLimits(shown=None))
    """Runs that did not record it showed all results."""

    def organization(self) -> Organization:
        agents = [Agent(name, m.system, m.model, m.settings, (), m.memory, m.guide) for name, m in self.agents.items()]
        manuals = {name: member.manual for name, member in self.agents.items()}
        past = _Past(
            frozenset(self.briefed), manuals, self.kinds, self.tags, self.contacts, self.board and self.board.view
        )
        return Organization(tuple(agents), past, self.rounds, self.closing, turn=self.turn)


def load(folder: Path, wanted: str | Coordinates) -> Record:
    """One rollout's record. Raises `ScenarioError` when `wanted` fits none or several, `StoreError` without a run."""
    with closing(read(folder)) as connection:
        connection.execute("BEGIN")  # one look at a run that may be going on
        return _record(connection, find(connection, wanted))


def _record(connection: sqlite3.Connection, key: str) -> Record:
    row = connection.execute("SELECT * FROM rollouts WHERE key = ?", (key,)).fetchone()
    id, played = row[0], _played(connection, row)
    messages, kept = ancestry.messages(connection, row), ancestry.kept_by(connection, played)
    calls = [*kept, *_calls(connection, played[0])]
    if played is not row:
        calls += _calls(connection, id)
    organization_calls = tuple(call for call in calls if call.purpose != "judge")
    rollout, status = rollout_fact(row, messages), row[COLUMNS["rollouts"].index("status")]
    levels, facts = _condition(connection, rollout.condition)
    organization = facts.organization() if facts else None
    tools = {name: member.offered for name, member in facts.agents.items()} if facts else {}
    final = status not in UNFINISHED
    return Record(
        rollout=rollout,
        begun=status is None,
        levels=levels,
        task=_task(connection, rollout.task),
        organization=organization,
        models={name: member.model for name, member in facts.agents.items()} if facts else {},
        turns=turns(organization, tools, rollout, organization_calls, final, facts.view and not facts.board)
        if facts and organization
        else (),
        verdicts=tuple(verdict_fact(key, verdict) for verdict in _verdicts(connection, id)),
        by_case=_by_case(connection),
        kept=frozenset((call.round, call.actor) for call in kept if call.purpose == "agent")
        if played is row
        else frozenset(),
        judging=tuple(call for call in calls if call.purpose == "judge"),
        products=tuple(
            sorted((call for call in organization_calls if call.purpose == "product"), key=lambda call: call.started)
        ),
    )


def _played(connection: sqlite3.Connection, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row whose calls made the log: of a rollout with a population that of the particle that was chosen."""
    chosen = row[COLUMNS["rollouts"].index("chosen")]
    if chosen is None:
        return row
    return connection.execute("SELECT * FROM rollouts WHERE key = ?", (chosen,)).fetchone()


def _calls(connection: sqlite3.Connection, rollout: int) -> list[Call]:
    sql = f"{READ_CALLS} WHERE rollout = ? ORDER BY round, actor, k, attempt"
    return [call_fact(row) for row in connection.execute(sql, (rollout,))]


def _verdicts(connection: sqlite3.Connection, rollout: int) -> list[tuple[Any, ...]]:
    return connection.execute(f"{READ_VERDICTS} WHERE rollout = ? ORDER BY number", (rollout,)).fetchall()


def _condition(connection: sqlite3.Connection, name: str) -> tuple[dict[str, str], _Facts | None]:
    row = connection.execute("SELECT levels, facts FROM conditions WHERE name = ?", (name,)).fetchone()
    if row is None:
        return {}, None
    facts: dict[str, Any] = msgspec.json.decode(row[1])
    return msgspec.json.decode(row[0]), msgspec.convert(facts, _Facts) if facts else None


def _by_case(connection: sqlite3.Connection) -> frozenset[str]:
    row = connection.execute("SELECT value FROM meta WHERE key = 'traits'").fetchone()
    traits: dict[str, dict[str, Any]] = msgspec.json.decode(row[0]) if row else {}
    return frozenset(name for name, trait in traits.items() if trait.get("cases"))


def _task(connection: sqlite3.Connection, id: str) -> Task | None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'tasks'").fetchone()
    tasks = msgspec.json.decode(row[0], type=list[Task]) if row else []
    return next((task for task in tasks if task.id == id), None)
