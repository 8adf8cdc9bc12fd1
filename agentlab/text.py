"""Words for people: counts with their nouns, and text that somebody else wrote made safe to show."""

import os
import re
from collections.abc import Mapping, Sequence
from math import ceil
from typing import IO, Any, cast


def pluralize(number: int, noun: str, several: str | None = None) -> str:
    """`1 task`, `2 tasks`, `1,000 rollouts`; `several` is the plural where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def pluralize_range(low: int, high: int, noun: str) -> str:
    """`12 tasks`, or `10 to 12 tasks` where the ends differ."""
    return pluralize(high, noun) if low == high else f"{low:,} to {pluralize(high, noun)}"


def enumerate_some(items: Sequence[str], most: int, total: int | None = None) -> str:
    """`a; b`, or the first `most` with how many there are besides: `a; b; and 3 more`.

    `total` is how many there are where `items` are only the first ones.
    """
    rest = (len(items) if total is None else total) - most
    return "; ".join([*items[:most], f"and {rest:,} more"] if rest > 0 else items)


UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed, characters that turn or hide text, and what no terminal can encode."""

_BREAK = re.compile(r"[ \t]*\n\s*")
"""A new line with the empty lines after it."""
MARGIN = "  │ "
TAIL = 16_384
"""Bytes at the end of what a process printed that are read."""


def sanitize(text: str) -> str:
    """`text` with whatever a terminal or a browser would act on shown as a sign: ␛ for an escape."""
    return UNSAFE.sub(_sign, text)


def line(text: object, most: int = 80) -> str:
    """`text` on one line of at most so many characters."""
    flat = sanitize(_BREAK.sub("⏎", str(text)[: 4 * most])[: most + 1].replace("\t", " "))
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def last_lines(file: IO[bytes], start: int = 0) -> list[str]:
    """The lines at the end of a file that a process printed to, each safe to show, without empty ones.

    `start` is where the process began to print, in bytes. Raises OSError.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(start, end - TAIL))
    rows = file.read().decode("utf-8", "replace").splitlines()
    return [line(row.strip(), 300) for row in rows if row.strip()]


def quoted(text: str, margin: str = MARGIN) -> str:
    """`text` with a margin before every line, so that no line of it can pose as one of ours."""
    return "\n".join(margin + part for part in sanitize(text).split("\n"))


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def middle(text: str, longest: int) -> str:
    """`text`, or its two ends with a line between them that says how much was left out."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def utf8_safe(value: Any) -> Any:
    """`value` (JSON-able) with lone surrogates, which no file can hold, replaced by `?` in every text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {utf8_safe(key): utf8_safe(item) for key, item in cast(Mapping[Any, Any], value).items()}
    return [utf8_safe(item) for item in cast(list[Any], value)] if isinstance(value, list | tuple) else value


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def about(seconds: float) -> str:
    """A time that is not known well, rounded up: `about 40 s`, `about 3 min`, `about 2 h 10 min`."""
    step = next((step for most, step in ((60, 10), (3600, 60)) if seconds <= most), 600)
    text = duration(ceil(max(seconds, 1) / step) * step)
    return "about " + text.removesuffix(" 0 s").removesuffix(" 0 min")
