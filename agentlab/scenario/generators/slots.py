"""Texts with slots for the numbers of a sum: a text that was found on one sum can stand before another one."""

import re
from collections.abc import Mapping

SLOTS = ("x", "y", "right", "wrong")
"""Written `[x]`; `[sum]` stands for the whole of `3 + 4`."""
_SLOT = re.compile(r"\[(x|y|right|wrong|sum)\]")
_NUMBER = re.compile(r"(?<![\d.,])\d+(?!\d|[.,]\d)")


def filled(text: str, numbers: Mapping[str, object]) -> str:
    """The text with each slot replaced by its number, in one pass; a slot without a number stays as it is."""
    return _SLOT.sub(lambda slot: str(numbers.get(slot[1], slot[0])), text)


def template(text: str, numbers: Mapping[str, object]) -> str:
    """The text with each whole number that is one of the sum's replaced by its slot; the first slot of equal ones."""
    slots = {str(numbers[slot]): f"[{slot}]" for slot in reversed(SLOTS) if slot in numbers}
    return _NUMBER.sub(lambda number: slots.get(number[0], number[0]), text)
