"""The parts of a board's configuration: reviews, a plan before the tickets, flaws that are planted."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, Field

from agentlab.organization.board import workspace
from agentlab.organization.board.rules import Plant
from agentlab.organization.declaration import Flaw
from agentlab.strict import STRICT

Fields = STRICT


class ReviewConfig(BaseModel):
    """Who reviews what is done, and by what."""

    model_config = Fields

    by: tuple[str, ...] = Field(min_length=1, description="The reviewers. An agent never reviews its own work.")
    checklist: tuple[str, ...] = Field(default=(), description="What reviewers are told to check.")
    changes: int = Field(default=3, ge=1, le=100, description="A ticket fails after this many requests for changes.")


class PlanConfig(BaseModel):
    """Who plans before the first ticket, and for how long."""

    model_config = Fields

    rounds: int = Field(default=1, ge=1, le=100, description="Number of rounds before the first ticket.")
    by: Literal["lead", "all"] = Field(
        default="lead",
        description="Who writes a plan: the lead (or the workers, if there is no lead), or every agent. Every agent "
        "sees all plans from then on.",
    )


class PlantConfig(BaseModel):
    """A flaw that is put into the team's work as if an agent had made it, to measure what reviews catch."""

    model_config = Fields

    where: Literal["files", "report", "ticket"] = Field(
        default="files",
        description="What gets the flaw: a file, when the owner first says that the ticket is done; the owner's report "
        "at that time; or the text of the ticket, when it is created.",
    )
    ticket: int | Literal["all"] = Field(
        default=1, description="Which ticket gets the flaw: 1 is the first one that was created; all: every ticket."
    )
    path: str | None = Field(
        default=None,
        description="The file, for `where: files`. Default: the first file by name that the owner changed.",
    )
    find: str | None = Field(
        default=None,
        min_length=1,
        description="A regular expression. Its first match is replaced. Default: the text is added at the end.",
    )
    text: str = Field(description="The flaw, or an empty text to remove what `find` matches.")
    caught: str | None = Field(
        default=None,
        min_length=1,
        description="A regular expression. A request for changes that matches it catches the flaw. Default: any "
        "request for changes of that ticket catches it.",
    )

    def build(self, name: str) -> Plant:
        """The plant as the rules hold it."""
        nth = None if self.ticket == "all" else self.ticket
        return Plant(name, self.where, nth, self.path, self.find, self.text, self.caught)


def shared_flaws(shared: tuple[str, ...], fixed: tuple[str, ...]) -> Iterator[Flaw]:
    """Shared documents that no file can be, or that nobody may change."""
    for i, path in enumerate(shared):
        if wrong := workspace.fault(path, "", {}):
            yield ("shared", i), wrong.partition(";")[0], "a file such as plan.md"
        elif workspace.within(path, fixed):
            yield ("shared", i), f"{path} is fixed, so nobody can write it", "a file that is not under `fixed`"


def plant_flaws(plants: Mapping[str, PlantConfig], fixed: tuple[str, ...]) -> Iterator[Flaw]:
    """Patterns that cannot be read, and flaws that have no place."""
    for name, plant in plants.items():
        for field, pattern in (("find", plant.find), ("caught", plant.caught)):
            try:
                re.compile(pattern or "")
            except re.error as error:
                wrong = f"this is not a regular expression ({error})"
                yield ("plant", name, field), wrong, r"one, with a backslash before signs such as ( and ["
        if plant.ticket != "all" and plant.ticket < 1:
            yield ("plant", name, "ticket"), f"there is no ticket {plant.ticket}", "1 for the first ticket, or all"
        if plant.path is not None and plant.where != "files":
            yield ("plant", name, "path"), f"a path, but `where` is {plant.where}", "no path, or `where: files`"
        elif plant.path is not None and (wrong := workspace.fault(plant.path, "", {})):
            yield ("plant", name, "path"), wrong.partition(";")[0], "a file such as src/rank.py"
        elif plant.path is not None and workspace.within(plant.path, fixed):
            wrong = f"{plant.path} is fixed, so no agent could have written the flaw"
            yield ("plant", name, "path"), wrong, "a file that is not under `fixed`"
        if not plant.text and plant.find is None:
            yield (
                ("plant", name, "text"),
                "an empty text that replaces nothing",
                "a text, or the pattern to remove under `find`",
            )
