"""What a team has agreed on: who plans, works and reviews, and how often one is reminded."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Plant:
    """A flaw that is put into the work as if its author had made it."""

    name: str
    where: Literal["files", "report", "ticket"]
    ticket: int | None
    """Its place among all tickets, from 1; None for all of them."""
    path: str | None
    find: str | None
    """A regular expression whose first match is replaced; None to add the text at the end."""
    text: str
    caught: str | None
    """What a request for changes must match to have found it; None for any."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one board."""

    lead: str | None
    """Who plans; without a lead the workers do."""
    stays: bool
    """Whether the lead is told how tickets end, and may put up more."""
    workers: tuple[str, ...]
    claim: bool
    """Whether workers take tickets without an owner; else they go to the worker with the fewest."""
    reviewers: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    changes: int = 3
    """After so many wanted changes a ticket fails."""
    tries: int = 3
    """Turns in a row that somebody may take without coming to an end."""
    moves: int = 1
    """How often a ticket goes from a silent owner to another."""
    fixed: tuple[str, ...] = ()
    """Files and folders that nobody may change."""
    plan_rounds: int = 0
    """Rounds of planning before there are tickets."""
    plan_by: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    """Files that all agents are shown whole in every round, and may write."""
    plants: tuple[Plant, ...] = ()
    delivers: bool = True
    """Whether the board delivers a summary once every ticket is over; else the closing question is asked."""

    @property
    def planners(self) -> tuple[str, ...]:
        """Who may put up tickets."""
        return self.workers if self.lead is None else (self.lead,)

    @property
    def solo(self) -> str | None:
        """The one agent that does it all, so that its one ticket is the task."""
        return self.workers[0] if self.lead is None and len(self.workers) == 1 else None
