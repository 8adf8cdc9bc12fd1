"""Tells what a model thinks from what it says, where both come in one text.

Models mark their thoughts with tags, and servers without a parser for them send the tags as text. The rules:

- `<think>…</think>` is thought, wherever it stands; so are the other names and signs below.
- What stands before a closing tag without an opening one is thought: some chat templates open the tag themselves.
- A thought that is never closed goes on to the end of the text. A tag within a line that is never closed is a mention,
  unless the reply was cut off.
- A tag or a pair in quotes or back-ticks is a mention, and so is a tag in a closed code fence: both stay as they are.
"""

import re

from msgspec import Struct
from msgspec.structs import replace

from agentlab.types import Completion

_NAME = r"(?:[a-z][a-z0-9]{0,20}[:_])?(?:think(?:ing)?|thoughts?|reasoning|scratchpad)"
_SIGNS = {
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|START_THINKING|>": "<|END_THINKING|>",
}
"""Magistral, Kimi-VL, OpenThinker and Command A; the names above are those of everybody else."""
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_TAG = re.compile(
    rf"(?P<opens><(?i:(?P<name>{_NAME}))>|{'|'.join(map(re.escape, _SIGNS))})"
    rf"|(?P<closes></(?i:{_NAME})>|{'|'.join(map(re.escape, _SIGNS.values()))})"
)
_TOKEN = re.compile(rf"(?P<fence>{_FENCE.pattern})|{_TAG.pattern}", re.MULTILINE)
_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}
_INDENT = 40
"""Blanks before a tag that begins a line, at most."""


class Speech(Struct, frozen=True):
    """A text taken apart."""

    said: str
    thought: str | None
    """None when no thought was found."""
    unclosed: bool = False
    """Whether the text ends within a thought: what it was to say never came."""


def spoken(completion: Completion) -> Completion:
    """The completion with thoughts moved out of its text; one that ends within a thought has `stop` `length`."""
    if not _may_think(completion.text):
        return completion
    parts = split(completion.text, completion.stop == "length")
    if parts.thought is None:
        return completion
    thoughts = [thought for thought in (completion.reasoning, parts.thought) if thought]
    cut = parts.unclosed and completion.stop == "end"
    stop = "length" if cut else completion.stop
    return replace(completion, text=parts.said, reasoning="\n\n".join(thoughts) or None, stop=stop)


def begun(text: str) -> str:
    """The text of a model whose chat template opens the thought, as if the model had opened it."""
    return text if not text or any(tag["closes"] for tag in _TAG.finditer(text)) else f"<think>{text}"


def split(text: str, cut: bool = False) -> Speech:
    """What a text says and what it thinks; `cut` when it was cut off by a limit. Total, and linear in the text."""
    if not _TAG.search(text):
        return Speech(text, None)
    spoken, thoughts = list[str](), list[str]()
    start, at, fenced = 0, 0, False
    last = {m[0].lower(): m.start() for m in _TAG.finditer(text) if m["closes"] and not _in_quotes(text, *m.span())}
    while token := _TOKEN.search(text, at):
        at = token.end()
        if token["fence"]:
            fenced = not fenced
            continue
        if _in_quotes(text, *token.span()):
            continue
        if token["closes"]:
            thoughts.append(text[start : token.start()])
            start, fenced = at, False
            continue
        if fenced:
            fenced = False
            if fence := _FENCE.search(text, at):
                at = fence.end()
                continue
        closing = _SIGNS.get(token[0], f"</{token['name']}>").lower()
        if last.get(closing, -1) < at:
            if cut or _begins_line(text, start, token.start()):
                spoken.append(text[start : token.start()])
                return _speech(spoken, [*thoughts, text[at:]], unclosed=True)
            continue
        opened, close = at, _closing(text, closing, at)
        at = close.end()
        if not _in_quotes(text, token.start(), at):
            spoken.append(text[start : token.start()])
            thoughts.append(text[opened : close.start()])
            start = at
    return _speech([*spoken, text[start:]], thoughts) if thoughts else Speech(text, None)


def _may_think(text: str) -> bool:
    """Whether a tag can be in the text, since one of these is in each; looking for tags takes many times as long."""
    low = text.lower()
    return not text.isascii() or "think" in low or "thought" in low or "reasoning" in low or "scratchpad" in low


def _speech(spoken: list[str], thoughts: list[str], unclosed: bool = False) -> Speech:
    """A blank joins what thoughts stood between, so that no new tag comes about."""
    return Speech(
        " ".join(part for part in spoken if part.strip()).strip(),
        "\n\n".join(thought.strip() for thought in thoughts if thought.strip()),
        unclosed,
    )


def _closing(text: str, closing: str, at: int) -> re.Match[str]:
    """The first of these closing tags from `at` on that stands in no quotes; there is one."""
    tags = re.compile(re.escape(closing), re.IGNORECASE).finditer(text, at)
    return next(tag for tag in tags if not _in_quotes(text, *tag.span()))


def _in_quotes(text: str, start: int, end: int) -> bool:
    return start > 0 and text[end : end + 1] == _QUOTES.get(text[start - 1], "none")


def _begins_line(text: str, said_from: int, tag: int) -> bool:
    """Whether nothing but blanks stands before the tag, in its line or since the last thought."""
    before = text[max(said_from, tag - _INDENT) : tag]
    line = before.rpartition("\n")[2]
    return not line.strip() and ("\n" in before or tag - _INDENT <= said_from)
