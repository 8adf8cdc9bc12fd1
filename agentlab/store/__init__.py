"""A run folder: what was paid for is committed before it is used, found again, and held by one process at a time."""

from agentlab.store.lock import held
from agentlab.store.looks import look, looks
from agentlab.store.reading import DATABASE, closed, decoded, read
from agentlab.store.store import UNFINISHED, JudgeDraws, Known, Store, find

__all__ = [
    "DATABASE",
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
