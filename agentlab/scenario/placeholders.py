"""Texts with placeholders: filled in one pass, each mistake reported where it stands."""

import re
from collections.abc import Mapping
from typing import Any

from agentlab.scenario.document import Keys, position
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest

_PLACEHOLDER = re.compile(r"\{\{(\s*)([\w.-]+)(\s*)\}\}")
_BRACES = re.compile(r"(?<![{$\\\w])(\{{1,2})([A-Za-z_]\w*)(\}{1,2})(?!\})")
"""Where somebody may have meant a placeholder; not `${name}` and not a command of LaTeX."""


def fill(site: CheckedDocument, text: str, path: Keys, values: Mapping[str, Any]) -> str:
    """`text` with its placeholders filled in one pass; what was filled in is not looked at again."""
    if "{" not in text:
        return text

    def filled(match: re.Match[str]) -> str:
        name, value = match[2], values.get(match[2])
        wrong = f"the placeholder {match[0]}"
        if match[1] or match[3]:
            _misplaced(site, path, text, match, wrong, f"write {{{{{name}}}}}, without spaces")
        elif name not in values:
            right = f"{suggest(name, values)} (to show it as it is, fill it in from a task's field)"
            _misplaced(site, path, text, match, wrong + " is not known", right)
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            _misplaced(site, path, text, match, wrong + " is neither text nor a number", "quote the value of the field")
        return str(value)

    for match in _BRACES.finditer(text):
        if (name := match[2]) in values and (match[1], match[3]) != ("{{", "}}"):
            right = f"write {{{{{name}}}}}; if the braces are meant, write {{ {name} }}"
            _misplaced(site, path, text, match, f"{match[0]} is not a placeholder and is left as it is", right)
    return _PLACEHOLDER.sub(filled, text)


def _misplaced(site: CheckedDocument, path: Keys, text: str, match: re.Match[str], wrong: str, right: str) -> None:
    """Points into an included text file, where lines are known; else to the value."""
    place, before = site.tree.place(path), text[: match.start()]
    if (place.line, place.column) == (1, 1) and not place.file.endswith((".yaml", ".yml", ".jsonl")):
        place = position(place.file, before)
    site.findings.add(place, path, wrong, right)


def paragraphs(*texts: str) -> str:
    """Each text as a paragraph of its own."""
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())
