"""An account at a provider: its key from the environment, its connection pool."""

import os

import httpx2

from agentlab.errors import ScenarioError
from agentlab.models.spec import ModelSpec

CONNECTIONS, KEPT = 1000, 100
"""Most connections, and most idle ones: the pool looks at every idle one before each request."""


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


def client_of(base_url: str, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """A connection pool for an account; loopback is reached past any proxy."""
    host = httpx2.URL(base_url).host
    return httpx2.AsyncClient(
        transport=transport,
        limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=KEPT),
        timeout=None,
        follow_redirects=True,
        trust_env=host not in ("localhost", "127.0.0.1", "::1"),
    )
