"""Protocols: pure rules of where a reply goes. `KINDS` maps the `kind` of a scenario to its configuration."""

from pydantic import BaseModel

from agentlab.organization.protocols.chain import ChainConfig
from agentlab.organization.protocols.mail import MailConfig

KINDS: dict[str, type[BaseModel]] = {"chain": ChainConfig, "mail": MailConfig}
