"""A ticket board: a lead creates tickets, workers do them in a shared workspace, reviewers check what is done."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast

from pydantic import BaseModel, Field

from agentlab.organization.agents import Closing
from agentlab.organization.board import manual, plan, route, view, workspace
from agentlab.organization.board.options import (
    Fields,
    PlanConfig,
    PlantConfig,
    ReviewConfig,
    plant_flaws,
    shared_flaws,
)
from agentlab.organization.board.rules import Rules
from agentlab.organization.board.settle import WHOLE, settle
from agentlab.organization.declaration import Flaw
from agentlab.types import BOARD, OUTPUT, TASK, WORKSPACE, Call, Completion, Message, MessageKind, Task

KINDS: Mapping[str, MessageKind] = {
    "board": MessageKind(),
    "planning": MessageKind(),
    "plan": MessageKind("hidden"),
    "ticket": MessageKind("hidden", ref="id"),
    "after": MessageKind("hidden", ref="id"),
    "assign": MessageKind("hidden", ref="id"),
    "claim": MessageKind("hidden", ref="id"),
    "moved": MessageKind("hidden", ref="id"),
    "done": MessageKind("hidden", ref="id"),
    "approve": MessageKind("hidden", ref="id"),
    "reworded": MessageKind("hidden", ref="id"),
    "planted": MessageKind("hidden", ref="id"),
    "unplanted": MessageKind("hidden", ref="id"),
    "caught": MessageKind("hidden", ref="id"),
    "offer": MessageKind(ref="id"),
    "work": MessageKind(ref="id"),
    "continue": MessageKind(ref="id"),
    "request": MessageKind(ref="id"),
    "change": MessageKind(ref="id"),
    "closed": MessageKind(ref="id"),
    "failed": MessageKind(ref="id"),
    "file": MessageKind("hidden", ref="path"),
    "removed": MessageKind("hidden", ref="path"),
    "conflict": MessageKind(ref="path", fate="bounced"),
    "bounce": MessageKind(fate="bounced", wakes="once"),
    "unparsed": MessageKind(fate="unparsed", wakes="once"),
    "truncated": MessageKind(fate="truncated"),
}


class BoardConfig(BaseModel):
    """Who plans, who works, who reviews."""

    model_config = Fields
    edges_at: ClassVar[str] = "workers"

    kind: Literal["board"] = Field(description="A ticket board with a shared workspace.")
    lead: str | None = Field(
        default=None, description="The agent that creates tickets. Without a lead, the workers do."
    )
    stays: bool = Field(
        default=True,
        description="Whether the lead is told how tickets end. If not, the lead is done once all tickets have owners.",
    )
    workers: tuple[str, ...] = Field(min_length=1, description="Agents that work on tickets and write files.")
    assign: Literal["lead", "claim"] = Field(
        default="lead",
        description="What happens to a ticket without an owner: it goes to the worker with the fewest tickets, or it "
        "is offered to all idle workers and goes to the first in roster order that claims it.",
    )
    review: ReviewConfig | None = Field(default=None, description="How work is reviewed. Default: no review.")
    brief: Literal["lead", "all"] = Field(
        default="lead", description="Who sees the task: the lead (or the workers, if there is no lead), or every agent."
    )
    tries: int = Field(default=3, ge=1, le=100, description="Maximum turns for a ticket or a review.")
    moves: int = Field(default=1, ge=0, le=100, description="How often a ticket moves from a silent owner to another.")
    plan: PlanConfig | None = Field(default=None, description="A plan before the tickets. Default: none.")
    shared: tuple[str, ...] = Field(
        default=(), description="Files that every agent is shown in every round and may write, such as plan.md."
    )
    plant: Mapping[str, PlantConfig] = Field(
        default={}, description="Flaws that are put into the team's work, by name, to measure what reviews catch."
    )
    fixed: tuple[str, ...] = Field(default=(), description="Files and folders that no agent may change.")
    show: Literal["texts", "names"] = Field(
        default="texts", description="What agents see of the workspace. `names` suits agents with the tool `read`."
    )

    def mistakes(self, cast: tuple[str, ...]) -> list[Flaw]:
        """Names outside the cast, agents without a role, and a lead that works."""
        named: list[tuple[tuple[str | int, ...], str]] = [(("workers", i), name) for i, name in enumerate(self.workers)]
        named += [(("lead",), self.lead)] if self.lead is not None else []
        named += [(("review", "by", i), name) for i, name in enumerate(self.review.by if self.review else ())]
        known = f"one of {', '.join(cast)}"
        flaws: list[Flaw] = [(at, f"no agent {name!r} in the cast", known) for at, name in named if name not in cast]
        for i, name in enumerate(self.workers):
            if name == self.lead:
                flaws.append((("workers", i), f"{name!r} is the lead", "another agent, or a board without a lead"))
            elif name in self.workers[:i]:
                flaws.append((("workers", i), f"{name!r} appears twice among the workers", "each agent once"))
        for i, path in enumerate(self.fixed):
            if wrong := workspace.fault(path, "", {}):
                reason = wrong.partition(";")[0]
                flaws.append((("fixed", i), reason, "a file such as src/rank.py or a folder such as data"))
        flaws += [*shared_flaws(self.shared, self.fixed), *plant_flaws(self.plant, self.fixed)]
        strange = any(name not in cast for _, name in named)
        idle = [name for name in cast if not strange and name not in {name for _, name in named}]
        flaws += [(("workers",), f"agent {n!r} of the cast has no role", "a role, or a cast without it") for n in idle]
        return flaws

    def turns(self) -> int:
        """Rounds the board needs at the least: plan, work, review."""
        return 1 + (self.lead is not None) + (self.review is not None) + (self.plan.rounds if self.plan else 0)

    def build(self, cast: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None) -> "Board":
        """The routing. With a closing question the board delivers nothing by itself."""
        review = self.review
        rules = Rules(
            self.lead,
            self.stays,
            self.workers,
            self.assign == "claim",
            *((review.by, review.checklist, review.changes) if review else ((), (), 3)),
            self.tries,
            self.moves,
            self.fixed,
            shared=self.shared,
            plants=tuple(plant.build(name) for name, plant in self.plant.items()),
            delivers=closing is None,
        )
        everybody = self.plan is not None and self.plan.by == "all"
        if self.plan is not None:
            rules = replace(rules, plan_rounds=self.plan.rounds, plan_by=cast if everybody else rules.planners)
        if writers is None:
            writers = (closing.agent,) if closing else (self.lead,) if self.lead and self.stays else ()
        briefed = frozenset(cast if self.brief == "all" or everybody else rules.planners)
        return Board(rules, frozenset(writers), briefed, self.show)


@dataclass(frozen=True, slots=True)
class Board:
    """Tickets and files are folds over the log."""

    rules: Rules
    writers: frozenset[str]
    briefed: frozenset[str]
    show: Literal["texts", "names"]
    anew: bool = False
    """Whether every turn begins with the task's files: the tries of one agent, of which none sees another's."""
    kinds = KINDS
    tags = route.TAGS

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Tickets go from the lead to workers, work to reviewers, wanted changes back, files to the output."""
        rules = self.rules
        roles = dict.fromkeys((*rules.planners, *rules.workers, *rules.reviewers))
        asked = dict.fromkeys((*rules.planners, *rules.plan_by))
        edges: dict[str, tuple[str, ...]] = {TASK: (*asked, BOARD, WORKSPACE), BOARD: (*roles, BOARD, OUTPUT)}
        for name in roles:
            to = [*rules.workers] if name == rules.lead or name in rules.reviewers else []
            to += rules.reviewers if name in rules.workers else ()
            delivers = name in rules.workers or name in self.writers
            ends = (OUTPUT, BOARD, WORKSPACE) if delivers else (BOARD, WORKSPACE) if rules.shared else (BOARD,)
            edges[name] = (*dict.fromkeys(other for other in to if other != name), *ends)
        return edges

    def misfit(self, task: Task) -> Flaw | None:
        """A field of the task that the board cannot use; None if it can use all."""
        given, made = task.fields.get("files", {}), dict[str, str]()
        if not isinstance(given, Mapping):
            return ("fields", "files"), "files that are no mapping", "a text for each path, such as {data.csv: TEXT}"
        for path, text in cast(Mapping[str, object], given).items():
            if not isinstance(text, str):
                return ("fields", "files", path), f"the file {path} is no text", "the text of the file, in quotes"
            if wrong := workspace.fault(path, text, made):
                reason, _, right = wrong.partition("; write ")
                return ("fields", "files", path), reason, right or "files that a workspace can hold"
            made[path] = text
        asked = task.fields.get("constraints", {})
        if not isinstance(asked, Mapping):
            return ("fields", "constraints"), "constraints that are no mapping", "a regular expression for each name"
        for name, pattern in cast(Mapping[str, object], asked).items():
            try:
                re.compile(str(pattern))
            except re.error as error:
                wrong = f"the constraint {name} is no regular expression ({error})"
                return ("fields", "constraints", name), wrong, r"one, with a backslash before signs such as ( and ["
        return None

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to those who plan, the task's files into the workspace; one agent alone has one ticket."""
        return tuple(self._open(task))

    def _open(self, task: Task) -> Iterator[Message]:
        yield Message(TASK, self.rules.planners, "task", task.prompt)
        yield from workspace.given(task)
        if self.rules.plan_rounds:
            yield Message(BOARD, self.rules.plan_by, "planning", plan.asked(self.rules, 1))
        elif (agent := self.rules.solo) is not None:
            yield Message(TASK, (BOARD,), "ticket", WHOLE, "T1")
            yield Message(BOARD, (agent,), "work", WHOLE, "T1")

    def manual(self, agent: str) -> str:
        """What its roles are, and how to write for them."""
        return manual.manual(self.rules, self.writers, agent)

    def manual_with(self, agent: str, tools: frozenset[str]) -> str:
        """The same for an agent that may write with these tools instead of tags."""
        return manual.manual(self.rules, self.writers, agent, tools)

    def view(self, agent: str, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The board and the workspace as the round begins."""
        del round
        return (Message(BOARD, (agent,), "board", view.view(self.rules, self.seen(log), agent, self.show == "texts")),)

    def act(self, agent: str, turn: Sequence[Call], log: Sequence[Message], round: int) -> Sequence[Message]:
        """What its tools did to files, and to tickets, under the same rules as tags."""
        return route.acted(self.rules, agent, turn, self.seen(log), round)

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """A message for each block that the agent may write, and a bounce for each other block."""
        return route.route(self.rules, self.writers, agent, reply, log, round)

    def settle(self, log: Sequence[Message], round: int) -> Sequence[Message]:
        """What the messages of the round change about the tickets."""
        return settle(self.rules, log, round)

    def workspace(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The files by path."""
        return workspace.files(log)

    def seen(self, log: Sequence[Message]) -> Sequence[Message]:
        """The part of the log that a turn sees: all of it, or only the opening if every step begins `anew`."""
        return [message for message in log if message.round == 0] if self.anew else log

    @property
    def board(self) -> "Board":
        """Itself; a protocol of other rules that shows a board has it as its own `board`."""
        return self

    def alone(self, agent: str, anew: bool) -> "Board":
        """The board's workspace for one agent that has no tickets."""
        rules = replace(self.rules, lead=None, workers=(agent,), reviewers=(), checklist=(), plan_rounds=0, plants=())
        return Board(rules, frozenset((agent,)), frozenset((agent,)), self.show, anew)
