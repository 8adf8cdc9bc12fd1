"""Notes of an analysis as they are gathered, each stated once, with the arms that it is about."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agentlab.text import enumerate_some


@dataclass(slots=True)
class Remarks:
    """Notes by their text; a remark without an arm is about all of them."""

    places: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, text: str, arm: str = "") -> None:
        arms = self.places.setdefault(text, [])
        if arm not in arms:
            arms.append(arm)

    def notes(self, arms: int, most: int | None = None) -> tuple[str, ...]:
        """Each with its arms, unless it is about all of that number; more than `most` arms are counted."""
        return tuple(
            text
            if "" in places or len(places) >= arms > 0
            else f"{text} ({enumerate_some(places, most or len(places))})"
            for text, places in self.places.items()
        )


def by_reason(notes: Iterable[str]) -> str:
    """Notes such as `NAME: reason` in a line, with a reason that several names share once: `a, b: reason; c: other`."""
    names: dict[str, list[str]] = {}
    for note in notes:
        name, _, reason = note.partition(": ")
        names.setdefault(reason, []).append(name)
    return "; ".join(
        f"{', '.join(sharing)}: {reason}" if reason else "; ".join(sharing) for reason, sharing in names.items()
    )
