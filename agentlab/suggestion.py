"""What would be right instead of a name that nobody knows."""

import difflib
from collections.abc import Iterable, Sequence

LONGEST = 60
"""Characters of a name that are compared."""


def suggest(name: object, known: Iterable[str], most: int = 12, noun: str = "") -> str:
    """What would be right instead of `name`: the nearest known name, or what is known.

    With `noun`, such as "a tool", it says too how to name one of the user's own.
    """
    right = _nearest(name, list(known), most)
    if not noun:
        return right
    return f"{right}{' Or' if right.endswith('?') else '; or'} write my_module:Name for {noun} of your own"


def _nearest(name: object, names: Sequence[str], most: int) -> str:
    lower = {known.lower(): known for known in names}
    if near := difflib.get_close_matches(str(name)[:LONGEST].lower(), lower, n=1, cutoff=0.6):
        return f"did you mean {lower[near[0]]!r}?"
    if not names:
        return "there are no names to choose from here"
    return f"known: {', '.join(names[:most])}{', …' if len(names) > most else ''}"
