"""A run folder: what was paid for is committed before it is used, found again, and held by one process at a time."""

from agentlab.store.looks import look, looks
from agentlab.store.store import DATABASE, UNFINISHED, Known, Store, find, read

__all__ = ["DATABASE", "UNFINISHED", "Known", "Store", "find", "look", "looks", "read"]
