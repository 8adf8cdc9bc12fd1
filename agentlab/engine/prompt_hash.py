"""The hash of a prompt, by which a stored call is checked. The model's name is not part of it.

Each entry of a chat is hashed once, however often it is sent.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from agentlab.seeds import digest, plain
from agentlab.types import ChatMessage, Request, Settings, ToolSpec

SIZE = 16
"""Bytes of the hash of an entry."""
_VERSION = "2:"
"""Begins every hash made here. Runs made earlier hold hashes without it, each made over a whole request at once."""
_encode: Callable[[Any], bytes] = msgspec.json.Encoder(order="deterministic").encode
_known: dict[int, tuple[Settings, tuple[ToolSpec, ...], bytes]] = {}


def entry_hash(entry: ChatMessage) -> bytes:
    """`SIZE` bytes that tell one entry of a chat from every other."""
    return blake2b(_encode(entry), digest_size=SIZE).digest()


def prompt_hash(entries: bytes, settings: Settings, tools: tuple[ToolSpec, ...]) -> str:
    """The hash of a request. `entries` are the hashes of its entries, one after the other."""
    return _VERSION + blake2b(_setting_hash(settings, tools) + entries, digest_size=16).hexdigest()


def hash_of(request: Request) -> str:
    """The hash of a request."""
    return prompt_hash(b"".join(map(entry_hash, request.chat)), request.settings, request.tools)


def answers(stored: str, hashed: str, request: Request) -> bool:
    """Whether a call with the hash `stored` answers this request, whose hash is `hashed`."""
    if stored.startswith(_VERSION):
        return stored == hashed
    return stored == digest(request.chat, plain(request.settings), request.tools)


def _setting_hash(settings: Settings, tools: tuple[ToolSpec, ...]) -> bytes:
    """Cached per object, since one object serves thousands of calls."""
    known = _known.get(id(settings))
    if known is None or known[0] is not settings or known[1] != tools:
        if len(_known) > 1000:
            _known.clear()
        known = _known[id(settings)] = (
            settings,
            tools,
            blake2b(_encode((plain(settings), tools)), digest_size=SIZE).digest(),
        )
    return known[2]
