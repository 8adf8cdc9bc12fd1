"""Protocols: pure rules of where a reply goes. `KINDS` maps the `kind` of a scenario to its configuration."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from agentlab.interfaces import Routing
from agentlab.organization.declaration import kinds_of
from agentlab.registry import Registry
from agentlab.types import MessageKind

KINDS = Registry[type[BaseModel]](
    __name__,
    {
        "board": "board:BoardConfig",
        "cascade": "cascade:CascadeConfig",
        "chain": "chain:ChainConfig",
        "mail": "mail:MailConfig",
    },
)
SHIPPED = Registry[type[Any]](
    __name__,
    {
        "board": "board:Board",
        "cascade": "cascade:Cascade",
        "program": "python_program:PythonProgram",
        "mail": "mail:Mail",
        "chain": "chain:Chain",
        "refine": "solo:Refine",
        "tries": "solo:Tries",
        "steps": "solo_files:Steps",
    },
)
"""What the configurations and baselines build."""


@cache
def messages() -> Mapping[str, MessageKind]:
    """Every kind of message under a shipped protocol, by name."""
    return {name: kind for routing in SHIPPED.values() for name, kind in kinds_of(routing).items()}


def board_of(routing: Routing) -> Any:
    """The `Board` whose view its agents have; None if they have none."""
    board = getattr(routing, "board", None)
    return board if board is not None and isinstance(board, SHIPPED["board"]) else None


def is_board(routing: Routing) -> bool:
    """Whether it is a `Board`, on which agents have tickets."""
    return board_of(routing) is routing
