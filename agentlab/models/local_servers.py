"""How a model of this machine is served: how many servers it has, and the calls and the threads of each."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agentlab.errors import ScenarioError

DEFAULTS: Mapping[str, int] = {"slots": 1, "context": 3072, "threads": 0, "servers": 0}
ADAPTER = ("adapter", "adapter_sha256")
"""The options of a LoRA adapter: its file, and what that must hold."""
OPTIONS = (*DEFAULTS, *ADAPTER)
"""The options of a local model."""
SMALL = 512 * 2**20
"""Bytes of a file that is loaded by more than one server unless said otherwise."""
MOST_SERVERS, MOST_THREADS = 4, 8
"""Of one model, unless said otherwise. Each server of the embedded model takes 0.4 GB."""


class LocalServers(Struct, frozen=True):
    """The servers of one model."""

    servers: int
    slots: int
    """Calls that a server answers at once, in one batch."""
    context: int
    """Tokens of prompt and reply, for each call."""
    threads: int
    """Of each server."""

    @property
    def at_once(self) -> int:
        """Calls that are answered at the same time."""
        return self.servers * self.slots


def servers_of(model: str, options: Mapping[str, Any], file: Path) -> LocalServers:
    """What the options say; by default one server for each core if the file is small, each with one thread.

    Raises ScenarioError for an option that is unknown or is no whole number.
    """
    numbers = dict(DEFAULTS)
    for name, value in options.items():
        if name in ADAPTER:
            continue
        if name not in DEFAULTS:
            raise ScenarioError(f"options of {model} has no {name!r}; known options: {', '.join(OPTIONS)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ScenarioError(f"options.{name} of {model} is {value!r}; write a whole number, 0 or more")
        numbers[name] = value
    slots, cores = max(1, numbers["slots"]), min(MOST_THREADS, os.cpu_count() or 1)
    several = slots == 1 and file.stat().st_size <= SMALL
    servers = numbers["servers"] or (min(MOST_SERVERS, max(1, cores // max(1, numbers["threads"]))) if several else 1)
    return LocalServers(servers, slots, max(256, numbers["context"]), numbers["threads"] or max(1, cores // servers))
