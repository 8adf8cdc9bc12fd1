"""Protocols: pure rules of where a reply goes. `KINDS` maps the `kind` of a scenario to its configuration."""

from collections.abc import Mapping

from pydantic import BaseModel

from agentlab.interfaces import Routing
from agentlab.organization.declaration import kinds_of
from agentlab.organization.protocols.board import Board, BoardConfig
from agentlab.organization.protocols.cascade import Cascade, CascadeConfig
from agentlab.organization.protocols.chain import Chain, ChainConfig
from agentlab.organization.protocols.mail import Mail, MailConfig
from agentlab.organization.protocols.python_program import PythonProgram
from agentlab.organization.protocols.solo import Refine, Tries
from agentlab.organization.protocols.solo_files import Steps
from agentlab.types import MessageKind

KINDS: dict[str, type[BaseModel]] = {
    "board": BoardConfig,
    "cascade": CascadeConfig,
    "chain": ChainConfig,
    "mail": MailConfig,
}
SHIPPED: tuple[type, ...] = (Board, Cascade, PythonProgram, Mail, Chain, Refine, Tries, Steps)
"""What the configurations and baselines build."""
MESSAGES: Mapping[str, MessageKind] = {name: kind for routing in SHIPPED for name, kind in kinds_of(routing).items()}
"""Every kind of message under a shipped protocol, by name."""


def board_of(routing: Routing) -> Board | None:
    """The board whose view its agents have, if they have one."""
    return routing if isinstance(routing, Board) else routing.board if isinstance(routing, Steps) else None
