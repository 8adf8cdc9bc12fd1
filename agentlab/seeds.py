"""Identities of rollouts and the random streams of calls: pure hashes, no global generator.

A rollout's key hashes what decides its content. A call's stream leaves the condition out, so that arms share random
numbers draw by draw (common random numbers) while agents, rounds, draws and attempts all differ.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from agentlab.types import Settings

_encode: Callable[[Any], bytes] = msgspec.json.Encoder(order="deterministic").encode

PROVIDER_BITS = 31
"""Seeds sent to a provider: positive and below the value that llama.cpp reads as 'random'."""


def digest(*parts: Any) -> str:
    """32 hex digits over the canonical JSON of `parts`; equal for equal content under any PYTHONHASHSEED.

    The order of a mapping's keys does not count; where it means something, the mapping goes in as `ordered`.
    """
    return hashlib.blake2b(_encode(parts), digest_size=16).hexdigest()


def plain(settings: Settings) -> msgspec.Raw:
    """Settings as what a digest takes. A setting that earlier versions did not have counts only where it is set."""
    text, end = _encode(settings), b',"score":null}'  # the last field
    return msgspec.Raw(text.removesuffix(end) + b"}" if text.endswith(end) else text)


def ordered(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The mapping as what a digest keeps the order of; mappings inside it have to be told apart the same way."""
    return list(mapping.items())


def stream(*parts: Any) -> int:
    """A random stream as a non-negative integer below 2**63."""
    return int.from_bytes(hashlib.blake2b(_encode(parts), digest_size=8).digest()) >> 1


def provider_seed(stream: int) -> int:
    """The stream as a seed that every provider takes, below 2**31 - 1."""
    return stream % (2**PROVIDER_BITS - 1)
