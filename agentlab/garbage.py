"""How often Python searches for garbage while a process holds many living objects."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

YOUNG = 50_000
"""New objects between two searches for garbage; Python's own 700 has every living rollout looked through many times."""


@contextmanager
def seldom_collected() -> Generator[None]:
    """Garbage is searched for after every `YOUNG` objects at the earliest."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], YOUNG) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
