"""Where the tool calls of a text begin and end, and which of them are only quoted."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct, field

from agentlab.organization.markup import attributes

_CALL = r"<(?P<slash>/?)(?i:call)(?=[\s>])(?P<raw>[^<>]{0,2000})>"
_FENCE = r"^[ \t]*(?P<fence>`{3,}(?![^\n]*`)|~{3,})"
_CURLY = {"“": "”", "«": "»", "‘": "’"}
_JSON = json.JSONDecoder(strict=False)
_NESTED = 1_000
"""Tags that are looked at for the end of an argument that seems to end within another call."""
_CLOSE = re.compile(r"</call\s*>", re.IGNORECASE)


class Written(Struct, frozen=True):
    """A call as it stands in a text."""

    attributes: Mapping[str, str]
    """By lower-case name."""
    body: str | None
    """What stands between its tags; None if it is never closed."""
    arguments: Mapping[str, str]
    """The text between the tags of each argument."""
    span: tuple[int, int]
    """Its tags included; of an unclosed one, from its opening tag to the end of its last whole argument."""

    @property
    def name(self) -> str:
        """The name of the tool."""
        return self.attributes.get("tool", self.attributes.get("name", ""))


class Calls(Struct):
    """The calls of a text."""

    made: list[Written] = field(default_factory=list[Written])
    """Those that are meant. Unclosed ones that are equal are here once."""
    quoted: list[Written] = field(default_factory=list[Written])
    """Those in a code block, between quotation marks or backticks, or in a line that begins with `>`."""
    blocks: int = 0
    """How many blocks of a protocol's tags there are; what these hold is no call."""
    stray: bool = False
    """Whether there is a closing tag too many, so that nobody can tell which call ends where."""
    more: str | None = None
    """The tool of the first call that was not looked at, if there are so many."""


def calls(text: str, arguments: Mapping[str, Sequence[str]], tags: Sequence[str], most: int) -> Calls:
    """The first `most` calls. `arguments` are the names of those that each tool takes, `tags` those of the protocol.

    Total: any text can be read. What stands in an argument is text, and so is a call there. The time is linear in the
    length of the text, since it is gone through at most once for each of `most` calls.
    """
    scanned, at, line = Calls(), 0, _Line(text)
    last = max((closing.start() for closing in _CLOSE.finditer(text)), default=-1)
    token_of = _outside(tuple(tags))
    while token := token_of.search(text, at):
        at = token.end()
        if token["fence"]:
            at = _after_fence(text, token["fence"], at)
            inside = _next_opening(text, token.end(), at)
            scanned.quoted += [] if inside is None or scanned.quoted else [_written(text, inside, None)]
        elif token["tag"]:
            end = _block_end(text, token["tag"], at)
            scanned.blocks += end is not None
            at = end or at
        elif token["slash"]:
            scanned.stray = True
        else:
            call = _written(text, token, arguments if token.end() <= last else None)
            into = scanned.quoted if line.quotes(token.start()) else scanned.made
            if len(into) >= most:
                scanned.more = call.name
                break
            unclosed = [earlier.attributes for earlier in into if earlier.body is None]
            if call.body is not None or call.attributes not in unclosed:
                into.append(call)
            at = line.seen = call.span[1]
    return scanned


class _Line(Struct):
    """The quotation marks that are open in the line that is being read."""

    text: str
    seen: int = 0
    odd: set[str] = field(default_factory=set[str])
    quoting: bool = False

    def quotes(self, at: int) -> bool:
        """Whether what begins at `at` stands between quotation marks that open before it in its line."""
        start = self.text.rfind("\n", self.seen, at) + 1
        if start or self.seen == 0:
            self.odd, self.seen = set(), max(start, self.seen)
            self.quoting = self.text[start:at].lstrip().startswith(">")
        piece = self.text[self.seen : at]
        for mark in ('"', "`"):
            if piece.count(mark) % 2:
                self.odd ^= {mark}
        for opening, closing in _CURLY.items():
            last, end = piece.rfind(opening), piece.rfind(closing)
            if last != end:
                (self.odd.add if last > end else self.odd.discard)(opening)
        self.seen = at
        return bool(self.odd) or self.quoting or piece.endswith("'")


@lru_cache(maxsize=256)
def _outside(tags: tuple[str, ...]) -> re.Pattern[str]:
    """What is looked for outside of calls."""
    of_protocol = "|".join(re.escape(tag) for tag in tags if tag not in ("call", "result")) or r"(?!)"
    return re.compile(rf"{_FENCE}|{_CALL}|<(?P<tag>(?i:{of_protocol}))(?=[\s>])[^<>]{{0,2000}}>", re.MULTILINE)


@lru_cache(maxsize=256)
def _inside(names: tuple[str, ...]) -> re.Pattern[str]:
    """What is looked for in a call, outside of its arguments."""
    return re.compile(rf"{_CALL}|<(?P<name>{'|'.join(map(re.escape, names)) or '(?!)'})>")


@lru_cache(maxsize=256)
def _argument(name: str) -> re.Pattern[str]:
    """What is looked for in an argument."""
    return re.compile(rf"{_CALL}|</(?P<name>{re.escape(name)})>")


@lru_cache(maxsize=256)
def _behind(names: tuple[str, ...]) -> re.Pattern[str]:
    """What stands behind an argument: another one, or the end of the call."""
    return re.compile(rf"\s*(?:</(?i:call)\s*>|<(?:{'|'.join(map(re.escape, names))})>)")


def _written(text: str, opening: re.Match[str], arguments: Mapping[str, Sequence[str]] | None) -> Written:
    """Without `arguments` it is known to be unclosed."""
    given = attributes(opening["raw"])
    if arguments is None:
        return Written(given, None, {}, opening.span())
    names = tuple(arguments.get(given.get("tool", given.get("name", "")), ()))
    inside, at, close = dict[str, str](), opening.end(), _json_end(text, opening.end())
    while close is None and (token := _inside(names).search(text, at)):
        if token["slash"]:
            close = token.span()
        elif not token["name"]:
            break  # another call begins, and no argument is open
        elif ends := _argument_end(text, token.end(), token["name"], names):
            inside.setdefault(token["name"], text[token.end() : ends[0]].removeprefix("\n").removesuffix("\n"))
            at = ends[1]
        else:
            closing = _CLOSE.search(text, token.end())
            at, close = len(text), None if closing is None else closing.span()
            break
    if close is None:
        return Written(given, None, {}, (opening.start(), at))
    return Written(given, text[opening.end() : close[0]].strip(), inside, (opening.start(), close[1]))


def _json_end(text: str, start: int) -> tuple[int, int] | None:
    """Where the closing tag of a call begins and ends whose arguments are a JSON object, whatever its texts hold."""
    begin = start + len(text[start : start + 200]) - len(text[start : start + 200].lstrip())
    if not text.startswith("{", begin):
        return None
    try:
        _, end = _JSON.raw_decode(text, begin)
    except (ValueError, RecursionError):
        end = begin
    close = _CLOSE.search(text, end)
    return None if close is None else close.span()


def _argument_end(text: str, start: int, name: str, names: tuple[str, ...]) -> tuple[int, int] | None:
    """Where the closing tag of an argument begins and ends; None if there is none.

    It is the first one behind which another argument or the end of the call follows, outside of whole calls in the
    argument's text. Where there is no such tag, it is the first one of that name before the call's end.
    """
    if text.rfind(f"</{name}>") < start:
        return None
    depth, seen, plain, nested = 0, 0, None, None
    for token in _argument(name).finditer(text, start):
        if nested is not None and (seen := seen + 1) > _NESTED:
            break
        if not token["name"]:
            depth += -1 if token["slash"] else 1
            if depth < 0 and plain is not None:
                return plain
            depth = max(0, depth)
        elif _behind(names).match(text, token.end()):
            if depth == 0:
                return token.span()
            nested = nested or token.span()
        elif depth == 0:
            plain = plain or token.span()
    return nested or plain


def _after_fence(text: str, fence: str, at: int) -> int:
    """Behind the code block that such a fence opens; at the end of the text if nothing closes it."""
    close = re.compile(rf"^[ \t]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$", re.MULTILINE).search(text, at)
    return len(text) if close is None else close.end()


def _next_opening(text: str, start: int, end: int) -> re.Match[str] | None:
    return next((token for token in _inside(()).finditer(text, start, end) if not token["slash"]), None)


def _block_end(text: str, tag: str, at: int) -> int | None:
    """Behind the closing tag of a protocol's block; None where it opens again before, or nothing closes it."""
    token = _tag(tag).search(text, at)
    return token.end() if token is not None and token[1] else None


@lru_cache(maxsize=256)
def _tag(tag: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?){re.escape(tag)}(?=[\s>])[^<>]{{0,2000}}>", re.IGNORECASE)
