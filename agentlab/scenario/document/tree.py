"""A document in memory: plain values, and where each came from."""

from collections.abc import Iterator, Mapping
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
