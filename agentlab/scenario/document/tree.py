"""A document in memory: plain values, and where each came from."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct, field

from agentlab.errors import Place
from agentlab.text import line

LONGEST = 60
"""Characters of a key that a message shows."""
Keys = tuple[str | int, ...]
"""Where a value sits in a document: mapping keys and list indices, from the top."""

Places = Mapping[Keys, Place]


class Tree(Struct, frozen=True):
    """Plain mappings, lists and scalars, with a place for every value and every key."""

    value: Any
    places: Places
    keys: Places = field(default_factory=dict[Keys, Place])
    """The place of the key under which a mapping holds the value."""
    removed: Places = field(default_factory=dict[Keys, Place])
    """The `null` that took a value away."""
    origins: Mapping[Keys, Keys] = field(default_factory=dict[Keys, Keys])
    """Where in the file what has another path here stands: the agent of a copy, an item of a list that grew."""

    def place(self, path: Keys) -> Place:
        """Of the value; for one that is not there, of the `null` that removed it, or of what should have held it."""
        for end in range(len(path), -1, -1):
            place = self.places.get(path[:end]) or self.removed.get(path[:end])
            if place is not None:
                return place
        return Place("<document>", 1, 1)

    def origin(self, path: Keys) -> Keys:
        """The path in the file, for a message."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return (*self.origins[path[:end]], *path[end:])
        return path

    def at(self, path: Keys) -> "Tree":
        """The part of the document under `path`, which must exist."""
        value, n = self.value, len(path)
        for key in path:
            value = value[key]

        def under(known: Places) -> dict[Keys, Place]:
            return {keys[n:]: place for keys, place in known.items() if keys[:n] == path}

        return Tree(value, under(self.places), under(self.keys), under(self.removed))

    def under(self, path: Keys) -> "Tree":
        """The document that holds this one at `path`, and nothing else."""
        value = self.value
        for key in reversed(path):
            value = {key: value}

        def shift(known: Places) -> dict[Keys, Place]:
            return {path + keys: place for keys, place in known.items()}

        above = {path[:end]: self.place(()) for end in range(len(path))}
        return Tree(value, above | shift(self.places), shift(self.keys), shift(self.removed))


def dotted(path: Keys) -> str:
    """`organization.protocol.stages[0]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{line(key, LONGEST)}" for key in path).removeprefix(".")


def every_path(value: Any, above: Keys = ()) -> Iterator[Keys]:
    """Of the value and of everything in it, below `above`."""
    yield above
    if isinstance(value, dict):
        items: Any = cast("dict[str, Any]", value).items()
    else:
        items = enumerate(cast("list[Any]", value) if isinstance(value, list) else [])
    for key, item in items:
        yield from every_path(item, (*above, key))


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
