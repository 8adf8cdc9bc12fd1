"""A run folder: what was paid for is committed before it is used, found again, and held by one process at a time.

What writes is imported when it is first used: to read a run takes none of it (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentlab.store.lock import held
from agentlab.store.looks import look, looks
from agentlab.store.reading import DATABASE, UNFINISHED, closed, decoded, find, read

if TYPE_CHECKING:
    from agentlab.store.store import NO_DRAWS, JudgeDraws, Known, Store

__all__ = [
    "DATABASE",
    "NO_DRAWS",
    "UNFINISHED",
    "JudgeDraws",
    "Known",
    "Store",
    "closed",
    "decoded",
    "find",
    "held",
    "look",
    "looks",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.store"), name)
