"""Tickets of a board as tools: put up, assigned, claimed, reported as done, and reviewed.

Each act is the tag that an agent without tools would write, so that the board's rules decide about both alike.
"""

from typing import Annotated, Literal

from pydantic import Field

from agentlab.tools.tool import tool
from agentlab.types import Act, Returned, Scene

Id = Annotated[str, Field(description="Of the ticket, such as T1.", max_length=40)]
_TEXT = Field(min_length=1)


@tool
async def ticket(
    scene: Scene,
    text: Annotated[str, _TEXT, Field(description="What is to be done.")],
    id: Annotated[str, Field(description="A new id such as T1; without one the next number.", max_length=40)] = "",
    to: Annotated[str, Field(description="The worker that is to do it.")] = "",
    after: Annotated[str, Field(description="Tickets that must be done before it, such as T1, T2.")] = "",
) -> Returned:
    """Puts up a ticket on the board."""
    return _noted("ticket", text, id=id, to=to, after=after)


@tool
async def assign(
    scene: Scene, id: Id, to: Annotated[str, Field(description="The worker that is to do it.", min_length=1)]
) -> Returned:
    """Gives an open ticket to a worker."""
    return _noted("assign", "", id=id, to=to)


@tool
async def claim(scene: Scene, id: Id) -> Returned:
    """Takes an open ticket that has no owner."""
    return _noted("claim", "", id=id)


@tool
async def done(
    scene: Scene,
    text: Annotated[str, _TEXT, Field(description="What you did.")],
    id: Annotated[str, Field(description="Of the ticket; the one you work on if left out.", max_length=40)] = "",
) -> Returned:
    """Reports a ticket of yours as done."""
    return _noted("done", text, id=id)


@tool
async def review(
    scene: Scene,
    verdict: Literal["approve", "change"],
    text: Annotated[str, _TEXT, Field(description="Why, or what is to be changed.")],
    id: Annotated[str, Field(description="Of the ticket; the one you review if left out.", max_length=40)] = "",
) -> Returned:
    """Approves what was done for a ticket, or asks for changes."""
    return _noted("review", text, id=id, verdict=verdict)


def _noted(kind: str, text: str, **attributes: str) -> Returned:
    ref = " ".join(f'{name}="{_plain(value)}"' for name, value in attributes.items() if value.strip())
    return Returned("Noted. It counts once your turn is over.", (Act(kind, text, ref),))


def _plain(value: str) -> str:
    """`value` as an attribute; a quotation mark would end it, and no id or name has one."""
    return " ".join(value.split()).replace('"', "'")
