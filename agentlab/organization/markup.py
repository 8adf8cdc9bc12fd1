"""Tagged blocks in text: one total parser in one linear scan, and the escape that stops forgery, for a set of tags."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from msgspec import Struct

_QUOTES = "task|transcript|message"
"""Tags that judges' prompts quote in."""
_QUOTED = re.compile(r"\bfrom\s*=", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z_]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
"""What a tag may be called."""


class Block(Struct, frozen=True):
    """A tag with the raw text of its attributes. `body` is None when the tag was never closed."""

    tag: str
    raw: str
    body: str | None
    span: tuple[int, int] = (0, 0)
    """Where it stands in the text, its tags included; of an unclosed one, where its opening tag does."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Quoted attributes by lower-case name."""
        return attributes(self.raw)


@lru_cache(maxsize=1024)
def attributes(raw: str) -> Mapping[str, str]:
    """Quoted attributes by lower-case name. Agents write the same few tags again and again."""
    return {m[1].lower(): (m[2] if m[2] is not None else m[3]).strip() for m in _ATTRIBUTE.finditer(raw)}


def _unclosed(tag: str, raw: str, low: int, high: int) -> Block:
    return Block(tag, raw, None, (low, high))


def _once(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, of unclosed ones that are equal the first alone."""
    first: dict[tuple[str, str], Block] = {}
    for block in blocks:
        if block.body is None:
            first.setdefault((block.tag, block.raw), block)
    return [block for block in blocks if block.body is not None or first[block.tag, block.raw] is block]


@dataclass(frozen=True)
class Markup:
    """A set of tags, in lower case: `parse` reads blocks of them and `escape` makes them inert."""

    tags: tuple[str, ...]

    @cached_property
    def _names(self) -> str:
        return "|".join(map(re.escape, self.tags))

    @cached_property
    def _tag(self) -> re.Pattern[str]:
        return re.compile(rf"<(/?)({self._names})(?=[\s>])([^<>]{{0,2000}})>", re.IGNORECASE)

    @cached_property
    def _inert(self) -> re.Pattern[str]:
        names = f"{self._names}|{_QUOTES}"
        return re.compile(rf"<(?=\s*+/?\s*+(?:{names})\b|\||/?s>|(?:start|end)_of_turn>)", re.IGNORECASE)

    def parse(self, text: str) -> list[Block]:
        """The top-level blocks of `text` in order; text outside them is private and left out.

        Total and linear: any text has a parse. A block ends at the first closing tag of its name; tags inside it are
        its content. An opening tag is unclosed when no closing tag follows it, or when the same tag opens again as a
        block of its own (quoted mail carries `from` and does not count). Unclosed tags that are equal are reported
        once.
        """
        tokens = list(self._tag.finditer(text))
        last_close = {token[2].lower(): token.start() for token in tokens if token[1]}
        blocks: list[Block] = []
        opened: tuple[str, str, int, int] | None = None
        all_closed = True
        for token in tokens:
            slash, tag, raw = token.groups()
            tag = tag.lower()
            if slash:
                if opened is not None and tag == opened[0]:
                    _, raw, low, start = opened
                    blocks.append(Block(tag, raw, text[start : token.start()].strip(), (low, token.end())))
                    opened = None
            elif opened is None or (tag == opened[0] and not _QUOTED.search(raw)):
                if opened is not None:
                    blocks.append(_unclosed(*opened))
                    opened, all_closed = None, False
                if last_close.get(tag, -1) > token.start():
                    opened = (tag, raw, *token.span())
                else:
                    blocks.append(_unclosed(tag, raw, *token.span()))
                    all_closed = False
        return blocks if all_closed else _once(blocks)

    def outside(self, text: str) -> str:
        """What stands in no complete block of these tags: a paragraph for each piece."""
        pieces, end = list[str](), 0
        for low, high in (block.span for block in self.parse(text) if block.body is not None):
            pieces.append(text[end:low])
            end = high
        return "\n".join(piece.strip() for piece in (*pieces, text[end:]) if piece.strip())

    def escape(self, text: str) -> str:
        """`text` with these tags and chat models' control tokens made inert: quoted words cannot pose as a message."""
        return self._inert.sub("&lt;", text) if "<" in text else text

    def attribute(self, text: str) -> str:
        """`text` as the value of an attribute, on one line."""
        if text.isalnum():
            return text
        return self.escape(" ".join(text.split())).replace('"', "&quot;").replace(">", "&gt;")


@lru_cache(maxsize=256)
def markup(tags: tuple[str, ...]) -> Markup:
    """The markup of these tags, compiled once."""
    return Markup(tags)
