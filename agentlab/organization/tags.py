"""The tagged blocks agents communicate by: one total parser in one linear scan, with the escape that stops forgery."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TAGS = ("mail", "reply", "output", "veto", "bounce", "unparsed", "truncated", "verdict", "reason", "score")
"""Every tag that agentlab writes into a prompt or reads from a reply."""

_NAMES = "|".join(TAGS)
_TAG = re.compile(rf"<(/?)({_NAMES})(?=[\s>])([^<>]{{0,2000}})>", re.IGNORECASE)
_CLOSE = re.compile(rf"</({_NAMES})(?=[\s>])[^<>]{{0,2000}}>", re.IGNORECASE)
_QUOTES = "task|transcript|message"
"""Tags that judges' prompts quote in."""
_MARKUP = re.compile(rf"<(?=\s*+/?\s*+(?:{_NAMES}|{_QUOTES})\b|\||/?s>|(?:start|end)_of_turn>)", re.IGNORECASE)
_QUOTED = re.compile(r"\bfrom\s*=", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z_]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class Block:
    """A tag with the raw text of its attributes. `body` is None when the tag was never closed."""

    tag: str
    raw: str
    body: str | None

    @property
    def attributes(self) -> Mapping[str, str]:
        """Quoted attributes by lower-case name."""
        return {m[1].lower(): (m[2] if m[2] is not None else m[3]).strip() for m in _ATTRIBUTE.finditer(self.raw)}


def parse(text: str) -> list[Block]:
    """The top-level blocks of `text` in order; text outside them is private and left out.

    Total and linear: any text has a parse. A block ends at the first closing tag of its name; tags inside it are its
    content. An opening tag is unclosed when no closing tag follows it, or when the same tag opens again as a block of
    its own (quoted mail carries `from` and does not count). Unclosed tags that are equal are reported once.
    """
    last_close = {m[1].lower(): m.start() for m in _CLOSE.finditer(text)}
    blocks: list[Block] = []
    unclosed = set[tuple[str, str]]()
    opened, start = None, 0

    def give_up(tag: str, raw: str) -> None:
        if (tag, raw) not in unclosed:
            unclosed.add((tag, raw))
            blocks.append(Block(tag, raw, None))

    for token in _TAG.finditer(text):
        slash, tag, raw = token.groups()
        tag = tag.lower()
        if slash:
            if opened is not None and tag == opened[0]:
                blocks.append(Block(tag, opened[1], text[start : token.start()].strip()))
                opened = None
        elif opened is None or (tag == opened[0] and not _QUOTED.search(raw)):
            if opened is not None:
                give_up(*opened)
                opened = None
            if last_close.get(tag, -1) > token.start():
                opened, start = (tag, raw), token.end()
            else:
                give_up(tag, raw)
    return blocks


def escape(text: str) -> str:
    """`text` with our own tags and chat models' control tokens made inert: quoted words cannot pose as a message."""
    return _MARKUP.sub("&lt;", text) if "<" in text else text


def attribute(text: str) -> str:
    """`text` as the value of an attribute, on one line."""
    if text.isalnum():
        return text
    return escape(" ".join(text.split())).replace('"', "&quot;").replace(">", "&gt;")
