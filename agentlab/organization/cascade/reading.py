"""How a reply becomes a value: text, lines, a number, a choice, a field of JSON, or a match of a pattern."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from agentlab.answers.find_answer import number_answers
from agentlab.answers.find_choice import choice_answers
from agentlab.answers.numerals import plain
from agentlab.organization.cascade.pattern_child import first_and_last
from agentlab.organization.cascade.timed import TimeLimit, in_main_thread, timed
from agentlab.organization.cascade.values import WHOLE, is_value

ReaderKind = Literal["text", "lines", "until", "number", "choice", "json", "regex"]
LONGEST = 20_000
"""Characters of a text in which a pattern is searched: the last ones."""
PATTERN_SECONDS = 1.0
"""After so long a pattern has found nothing. A pattern that needs it is one that `pattern_problem` did not see."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a value from a text; None if there is none in it."""

    kind: ReaderKind = "text"
    of: Any = None
    """The marker, the choices (or a template of them), the field, or the pattern."""
    where: Literal["first", "last"] = "last"
    """Which of several numbers, choices or matches counts."""
    by: Literal["text", "likelihood"] = "text"
    pick: Literal["draw", "best"] = "draw"

    def __call__(self, text: str) -> Any:
        match self.kind:
            case "text":
                return text.strip() or None
            case "until":
                return text.partition(str(self.of))[0].strip() or None
            case "lines":
                return [line.strip() for line in text.splitlines() if line.strip()] or None
            case "number":
                return _number(text, self.where)
            case "choice":
                return _choice(text, tuple(self.of), self.where)
            case "json":
                return _json(text, str(self.of))
            case "regex":
                return _match(text, str(self.of), self.where)


def _number(text: str, where: str) -> int | float | None:
    answers = number_answers(plain(text), where)
    if not answers:
        return None
    value = float(answers[0 if where == "first" else -1].text)
    return int(value) if value.is_integer() and abs(value) < WHOLE else value


def _choice(text: str, choices: tuple[str, ...], where: str) -> str | None:
    """The whole reply if it is a choice, else the one that the reply settles on."""
    whole = {choice.casefold(): choice for choice in choices}.get(text.strip().casefold())
    if whole is not None:
        return whole
    answers = choice_answers(plain(text), choices, where)
    return answers[0].text if answers else None


def _json(text: str, path: str) -> Any:
    """The field at a dotted path of the first JSON object in the text."""
    start = text.find("{")
    try:
        value: Any = json.JSONDecoder(parse_constant=_refused).raw_decode(text, start)[0] if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    for name in path.split("."):
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    return value if is_value(value) else None


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _match(text: str, pattern: str, where: str) -> str | None:
    """The first group of the first or last match, or the whole match if the pattern has no group."""
    try:
        if in_main_thread():
            groups = timed(PATTERN_SECONDS, lambda: _groups(pattern, text[-LONGEST:]))
        else:
            groups = first_and_last(pattern, text[-LONGEST:], PATTERN_SECONDS)
    except TimeLimit:
        return None
    return (groups[0 if where == "first" else -1] or None) if groups else None


def _groups(pattern: str, text: str) -> list[str | None]:
    """The first group (or the whole) of each match."""
    compiled = _compiled(pattern)
    return [match[1 if compiled.groups else 0] for match in compiled.finditer(text)]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
