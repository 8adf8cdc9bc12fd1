"""What a server answers that is not the API: an HTML page of a portal or a proxy, or a redirect."""

import html
import re

from agentlab.errors import FailureKind
from agentlab.text import line

_LOOKED_AT = 20_000
"""Characters of a text that are looked at."""
_PAGE = re.compile(r"(?i)<(?:!doctype\s{1,9}html|html|head|body)\b")
_TITLE = re.compile(r"(?i)<title[^<>]{0,99}>([^<]{1,200})")
_FOR_NOW = frozenset({302, 303, 307})


def page(text: str, at_base_url: bool = True) -> str:
    """A sentence on the HTML page that `text` is, with its title; empty for any other text."""
    start = text[:_LOOKED_AT].lstrip("\ufeff \t\r\n")
    if not start.startswith("<") or not _PAGE.search(start):
        return ""
    match = _TITLE.search(start)
    title = line(" ".join(html.unescape(match[1]).split())) if match else ""
    hint = "; check base_url" if at_base_url else ""
    return (
        f"the server answered with an HTML page ({f'title {title!r}' if title else 'without a title'}), not JSON{hint}"
    )


def redirect(status: int, location: str) -> tuple[FailureKind, str]:
    """What a redirect means, with what to do about it; it passes where its status says that it is for now."""
    return "transient" if status in _FOR_NOW else "fatal", (
        f"the server redirects to {line(location, 200)}; agentlab does not follow redirects, because that would send "
        f"the key along; if the API is at this address, write it as base_url"
    )
