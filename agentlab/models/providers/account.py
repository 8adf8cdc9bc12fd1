"""An account at a provider: its key from the environment, its connections."""

import os

import httpx2

from agentlab.errors import ScenarioError
from agentlab.models.providers.connections import Connections, allow_files, opener
from agentlab.models.spec import ModelSpec


def key_of(spec: ModelSpec, variable: str = "") -> str:
    """The account's key from the environment, where no `api_key_env` is given from `variable`; `EMPTY` without either.

    Raises ScenarioError if it is missing.
    """
    name = spec.api_key_env or variable
    if not name:
        return "EMPTY"
    if not (key := os.environ.get(name, "").strip()):
        raise ScenarioError(
            f"model {spec.name!r} needs a key: set the environment variable {name}, or name another under api_key_env"
        )
    return key


def client_of(spec: ModelSpec, url: str, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """What an SDK sends its requests through; `transport` in place of the network. A redirect is not followed."""
    allow_files()
    opens = opener(url) if transport is None else lambda: transport
    return httpx2.AsyncClient(transport=Connections(opens, spec.reply_bytes), timeout=None)
