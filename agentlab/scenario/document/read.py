"""Reads YAML files into trees and collects every mistake of a document and of the files it includes.

Nothing is constructed from a tag, so a document cannot run code. The parser's events are read one by one: nesting and
size are bounded before anything is built.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from agentlab.errors import Mistake, Place, ScenarioError
from agentlab.scenario.document.parser_errors import cut_by_a_comment, explained, unnamed
from agentlab.scenario.document.paths import confined, shown_path
from agentlab.scenario.document.scalar import scalar
from agentlab.scenario.document.text import CONTROL, Unreadable, control, position, text_of
from agentlab.scenario.document.tree import Keys, Tree, dotted

MAX_DEPTH, MAX_NODES = 40, 500_000
FILE_NODES = 500
"""An included file counts for so many values: files that include each other double at every step."""
FEW = 5
"""Keys of one mapping that a message names."""
YAML = (".yaml", ".yml")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_STRING = (None, "!", "tag:yaml.org,2002:str")


class _Stop(Exception):
    """The rest of a file cannot be read; the reason is among the mistakes."""


def load(path: str | Path, root: Path | None = None) -> Tree:
    """The document at `path`; raises `ScenarioError` with all its mistakes. `!file` stays under `root`."""
    tree, mistakes = read(path, root)
    if mistakes:
        raise ScenarioError(mistakes)
    return tree


def read(
    path: str | Path, root: Path | None = None, as_written: Callable[[Keys], bool] = lambda _: False
) -> tuple[Tree, list[Mistake]]:
    """The document as far as it can be read, and its mistakes, so that later checks can add theirs.

    `as_written` says where a number, true and false are the text that stands there.
    """
    path = Path(path)
    reader = _Reader((root or path.parent).resolve(), as_written)
    value = reader.file(path, shown_path(path), ())
    return Tree(value, reader.places, reader.keys), sorted(reader.mistakes, key=lambda mistake: mistake.place)


def read_text(
    text: str, file: Path, at: Keys, as_written: Callable[[Keys], bool] = lambda _: False
) -> tuple[Any, list[Mistake]]:
    """The value that stands in `text`, and its mistakes, as if it stood in `file` at this path of a document."""
    reader = _Reader(file.parent.resolve(), as_written)
    try:
        return _File(reader, file, shown_path(file), ()).document(text, at), reader.mistakes
    except _Stop:
        return None, reader.mistakes


class _Reader:
    """What all files of one document share: places, mistakes and bounds."""

    def __init__(self, root: Path, as_written: Callable[[Keys], bool]) -> None:
        self.root, self.as_written = root, as_written
        self.places: dict[Keys, Place] = {}
        self.keys: dict[Keys, Place] = {}
        self.mistakes: list[Mistake] = []
        self.nodes = 0

    def wrong(self, place: Place, path: Keys, wrong: str, right: str) -> None:
        self.mistakes.append(Mistake(place, dotted(path), wrong, right))

    def file(self, path: Path, shown: str, at: Keys, stack: tuple[Path, ...] = ()) -> Any:
        self.places.setdefault(at, Place(shown, 1, 1))
        try:
            text = text_of(path, shown)
        except Unreadable as error:
            self.wrong(error.place, at, error.wrong, error.right)
            return None
        if stack and path.suffix not in YAML:
            self.places[at] = Place(shown, 1, 1)
            return text
        try:
            return _File(self, path, shown, (*stack, path.resolve())).document(text, at)
        except _Stop:
            return None


class _File:
    """Reads the events of one YAML file."""

    def __init__(self, reader: _Reader, path: Path, shown: str, stack: tuple[Path, ...]) -> None:
        self.reader, self.path, self.shown, self.stack = reader, path, shown, stack
        self.events: Iterator[Any] = iter(())
        self.text = ""

    def place(self, mark: Any) -> Place:
        return Place(self.shown, mark.line + 1, mark.column + 1)

    def document(self, text: str, at: Keys) -> Any:
        self.events, self.text = yaml.parse(text, Loader=LOADER), text
        known = len(self.reader.mistakes)
        try:
            return self._document(at)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is not None and too_deep(before := text[: mark.index], at):
                # The parser looks ahead: it gave up on a bound of its own before this reader came to MAX_DEPTH.
                del self.reader.mistakes[known:]
                return self.document(before, at)
            index, wrong, right = explained(error, text)
            place = position(self.shown, text[:index])
            if not any(mistake.place.line == place.line for mistake in self.reader.mistakes[known:]):
                self.reader.wrong(place, at, wrong, right)
        raise _Stop

    def _document(self, at: Keys) -> Any:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            self.reader.wrong(Place(self.shown, 1, 1), at, "the file is empty", "write a document")
            raise _Stop
        value = self.node(next(self.events), at)
        next(self.events)
        extra = next(self.events)
        if isinstance(extra, yaml.DocumentStartEvent):
            self.reader.wrong(self.place(extra.start_mark), at, "a second document", "keep one document per file")
        return value

    def node(self, event: Any, path: Keys) -> Any:
        place = self.reader.places[path] = self.place(event.start_mark)
        self.bound(place, path)
        self.marks(event, path, place)
        if isinstance(event, yaml.AliasEvent):
            return None
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.include(event.value, path, place) if event.tag == "!file" else self.scalar(event, path, place)

    def marks(self, event: Any, path: Keys, place: Place, tags: tuple[str, ...] = ("!file",)) -> None:
        """Refuses anchors, aliases and tags."""
        if event.anchor is not None:
            mark = "an alias (*" if isinstance(event, yaml.AliasEvent) else "an anchor (&"
            self.reader.wrong(
                place, path, f"{mark}{event.anchor})", "write the value out; quote a text that begins with * or &"
            )
        tag = None if isinstance(event, yaml.AliasEvent) else event.tag
        if tag not in _STRING and not (tag in tags and isinstance(event, yaml.ScalarEvent)):
            right = "write `!file PATH`" if tag == "!file" else "remove it; the only tag is `!file PATH`"
            self.reader.wrong(place, path, f"the tag {tag.replace('tag:yaml.org,2002:', '!!')}", right)

    def bound(self, place: Place, path: Keys) -> None:
        self.reader.nodes += 1
        if len(path) > MAX_DEPTH:
            self.reader.wrong(place, path[:3], f"nested deeper than {MAX_DEPTH} levels", "write a flatter document")
            raise _Stop
        if self.reader.nodes > MAX_NODES:
            self.reader.wrong(place, path[:3], "too many values or included files in total", "write a smaller document")
            raise _Stop

    def scalar(self, event: Any, path: Keys, place: Place) -> Any:
        if not event.implicit[0]:
            if character := CONTROL.search(event.value):
                self.reader.wrong(place, path, control(character[0]), "remove it")
            return event.value
        try:
            value = scalar(event.value)
            if cut := cut_by_a_comment(event, self.text):
                right = f"quote the text; if {cut} begins a comment, leave a space after the #"
                self.reader.wrong(place, path, f"the text ends before {cut!r}, because a comment begins there", right)
            return event.value if value is not None and self.reader.as_written(path) else value
        except ValueError as error:
            self.reader.wrong(place, path, f"{event.value[:40]!r} is ambiguous", str(error))
            return event.value

    def sequence(self, path: Keys) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return items

    def mapping(self, path: Keys) -> dict[str, Any]:
        items: dict[str, Any] = {}
        not_text: list[tuple[Place, str]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.place(event.start_mark)
            key = self.key(event, path, place, not_text)
            here = (*path, key)
            if key in items:
                right = f"keep one; the first is at {self.reader.keys[here]}"
                self.reader.wrong(place, here, f"the key {key!r} appears twice", right)
                here = (*path, key, "again")
            value = self.node(next(self.events), here)
            if key not in items:
                items[key] = value
                self.reader.keys[here] = place
        if not_text:
            self.reader.wrong(not_text[0][0], path, *_unquoted([key for _, key in not_text]))
        return items

    def key(self, event: Any, path: Keys, place: Place, not_text: list[tuple[Place, str]]) -> str:
        """The key as text; what YAML reads as a number or the like is added to `not_text`."""
        if not isinstance(event, yaml.ScalarEvent):
            self.reader.wrong(place, path, *unnamed(self.text[event.start_mark.index - 1 :]))
            self.node(event, (*path, "?"))
            return "?"
        self.marks(event, path, place, tags=())
        value = self.scalar(event, (*path, event.value), place)
        if event.value == "<<" and event.implicit[0]:
            self.reader.wrong(place, path, "a merge key (<<)", "write the fields out")
        elif not isinstance(value, str):
            not_text.append((place, event.value))
        return event.value

    def include(self, name: str, path: Keys, place: Place) -> Any:
        target = self.path.parent / name
        if wrong := self.refusal(name, target):
            self.reader.wrong(place, path, *wrong)
            return None
        self.reader.nodes += FILE_NODES
        return self.reader.file(target, str(Path(self.shown).parent / name), path, self.stack)

    def refusal(self, name: str, target: Path) -> tuple[str, str] | None:
        """What is wrong with including `target`, and what would be right."""
        if wrong := confined(name, target, self.reader.root):
            return f"!file {wrong[0]}", wrong[1]
        if target.suffix in YAML and target.resolve() in self.stack:
            return f"!file {name!r} includes itself", "break the circle"
        return None


def _unquoted(keys: Sequence[str]) -> tuple[str, str]:
    """What is wrong with keys of one mapping that are numbers or the like, and what would be right."""
    named = [key or "null" for key in keys[:FEW]]
    if len(keys) == 1:
        return f"the key {named[0]} is not text", f'quote it: "{keys[0]}"'
    more = f" and {len(keys) - FEW} more" if len(keys) > FEW else ""
    return f"the keys {', '.join(named)}{more} are not text", f'quote each of them: "{keys[0]}"'


def too_deep(text: str, at: Keys) -> bool:
    """Whether the document in `text`, which stands at `at` in a larger one, has collections beyond `MAX_DEPTH`."""
    depth = len(at)
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=LOADER):
            starts = isinstance(event, yaml.CollectionStartEvent)
            if starts and depth > MAX_DEPTH:
                return True
            depth += starts - isinstance(event, yaml.CollectionEndEvent)
    return False
