"""A text without the formatting that tells who wrote it: a team's mails and reports look unlike one agent's answer.

Words, numbers and their order stay. What goes: Markdown (headings, emphasis, bullets, quotes, rules, code fences, table
bars, links' targets), mail headers, salutations, signatures, and our own tags.
"""

import re
from functools import cache

from agentlab.organization.tags import every_tag

_HEADER = re.compile(r"^[ \t]*(?:from|to|cc|bcc|sent|date|subject|re|reply-to)[ \t]*:[^\n]{0,300}$", re.I | re.M)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]{0,80}$", re.M)
_RULE = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,200}$", re.M)
_BARS = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{1,40}:?[ \t]*\|){1,40}[ \t]*:?-{0,40}:?[ \t]*$", re.M)
_LEAD = re.compile(r"^[ \t]*(?:(?:#{1,6}|[-*+•–◦▪>]|\(?[0-9]{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+){1,6}", re.M)
_CLOSED = re.compile(r"[ \t]+#{1,6}[ \t]*$", re.M)
_LINK = re.compile(r"!?\[([^\[\]\n]{1,300})\]\([^()\s]{1,500}\)")
_STRONG = re.compile(r"(?<![\w*_])[*_]{1,3}(?=[^\s*_])|(?<=[^\s*_])[*_]{1,3}(?![\w*_])")
_CODE = re.compile(r"`{1,3}")
_GREETING = re.compile(
    r"\A\s{0,200}(?:dear|hi|hello|good (?:morning|afternoon|day))\b[^\n]{0,80}[,:!][ \t]*(?=\n|\Z)", re.I
)
_SIGNED = re.compile(
    r"^[ \t]*(?:--|(?:with )?(?:best|kind|warm|warmest|kindest)?[ \t]*(?:regards|wishes)|(?:yours )?(?:sincerely|truly|"
    r"faithfully)(?: yours)?|respectfully|cheers|many thanks|thanks|thank you)[ \t]*[,.!]?[ \t]*$",
    re.I | re.M,
)
_LONGEST_SIGNATURE = 6
"""Lines after the closing formula; more is text that goes on."""


def plain(text: str) -> str:
    """`text` with one blank between words, one line per line and no blank line; the same again for what it gives."""
    for _ in range(4):
        before, text = text, _once(text)
        if text == before:
            break
    return text


@cache
def _tag() -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(every_tag().tags)})(?=[\s>])[^<>]{{0,2000}}>", re.IGNORECASE)


def _once(text: str) -> str:
    text = _tag().sub("\n", _narrow(text))  # narrowed first: the patterns are linear where blanks come singly
    for pattern in (_FENCE, _BARS, _RULE, _HEADER):
        text = pattern.sub("", text)
    text = _unsigned(_GREETING.sub("", text))
    text = _CLOSED.sub("", _LEAD.sub("", _LINK.sub(r"\1", text)))
    text = _CODE.sub("", _STRONG.sub("", text)).replace("|", " ")
    return _narrow(text)


def _narrow(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _unsigned(text: str) -> str:
    """Without a closing formula at the end and the few short lines under it."""
    last = None
    for match in _SIGNED.finditer(text):
        last = match
    if last is None:
        return text
    after = [line for line in text[last.end() :].split("\n") if line.strip()]
    signature = len(after) <= _LONGEST_SIGNATURE and all(len(line) <= 80 for line in after)
    return text[: last.start()] if signature else text
