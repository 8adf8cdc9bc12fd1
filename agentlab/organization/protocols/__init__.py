"""Protocols: pure rules of where a reply goes. `KINDS` maps the `kind` of a scenario to its configuration."""

from pydantic import BaseModel

from agentlab.organization.protocols.chain import Chain, ChainConfig
from agentlab.organization.protocols.mail import Mail, MailConfig
from agentlab.organization.protocols.solo import Refine, Tries

KINDS: dict[str, type[BaseModel]] = {"chain": ChainConfig, "mail": MailConfig}
SHIPPED: tuple[type, ...] = (Mail, Chain, Refine, Tries)
"""What the configurations and baselines build."""
