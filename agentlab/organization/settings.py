"""Merges sampling settings: those that are set replace the others."""

from functools import lru_cache

import msgspec

from agentlab.types import Settings


def merged(base: Settings, over: Settings) -> Settings:
    """`base`, with the settings of `over` in place of its own where they are set.

    The same settings give the same object, since each new one is hashed anew.
    """
    return base if over == Settings() else _merged(msgspec.json.encode(base), msgspec.json.encode(over))


@lru_cache(maxsize=4096)
def _merged(base: bytes, over: bytes) -> Settings:
    """Cached by content: a schema makes settings unhashable."""
    decode = msgspec.json.Decoder(Settings).decode
    base_settings, over_settings = decode(base), decode(over)
    named = {
        name: getattr(over_settings, name) for name in Settings.__slots__ if getattr(over_settings, name) is not None
    }
    return Settings(**{**{name: getattr(base_settings, name) for name in Settings.__slots__}, **named})
