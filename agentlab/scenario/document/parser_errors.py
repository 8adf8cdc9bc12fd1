"""What a YAML parser gives up on, in plain words, with the way out and the place where the cause stands."""

import re
from typing import Any

import yaml

_QUOTE = "quote a text that holds"
_COMMENT = re.compile(r"[ \t]+(#[^\s#][^\n]*)")
_HASH = re.compile(r"[ \t]#")
_HINTS = (
    ("mapping values are not allowed", "a second ': ' in one line", f"{_QUOTE} ': ', and check the indentation"),
    ("could not find expected ':'", "a line without ': '", "write `key: value`"),
    ("did not find expected key", "a line that does not fit those above it", "indent it like the lines around it"),
    ("did not find expected '-' indicator", "an entry of a list that does not begin with '- '",
     "start every entry of the list with '- ', all equally indented"),
    ("unexpected end of stream", "a quote that is never closed", "close the quote"),
)  # fmt: skip


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """Where in `text` the cause of a parser's error stands, what is wrong, and what would be right."""
    marks = [mark.index for mark in (error.problem_mark, error.context_mark) if mark is not None]
    at, begun = (marks[0], marks[-1]) if marks else (0, 0)
    problem, here = error.problem or "this is not YAML", text[at : at + 1]
    if here == "\t":
        return at, "a tab", "indent with spaces"
    if "cannot start any token" in problem:
        return at, f"a text that begins with {here!r}", "quote it"
    if "did not find expected ',' or" in problem:
        return _within_brackets(text, begun, at)
    if here in (",", "}", "]"):
        return at, f"a {here!r} without a matching bracket", "remove it, or quote the text"
    for part, wrong, right in _HINTS:
        if part in problem:
            cause = begun if part.startswith(("could not", "unexpected")) else at
            return cause, wrong, right
    return at, f"{problem} {error.context or ''}".strip(), "write YAML that parses"


def _within_brackets(text: str, begun: int, at: int) -> tuple[int, str, str]:
    """A list or a mapping in brackets, which the parser followed from `begun` to `at`."""
    bracket, here = text[begun : begun + 1], text[at : at + 1]
    line = text[: text.find("\n", begun) % (len(text) + 1)]
    if comment := _HASH.search(line, begun):
        right = f"{_QUOTE} ' #', or close the bracket before the comment"
        return comment.start() + 1, "a comment within brackets", right
    if here and here in "{[":
        return at, f"a text with {here!r} within brackets", f"{_QUOTE} {here}, as in 'You are {{{{agent}}}}.'"
    if not here or "\n" in text[begun:at]:
        return begun, f"the {bracket!r} that begins here is not closed", "close it, or put a comma between entries"
    if here == ":":
        return at, "a second ': ' in one text", f"{_QUOTE} ': '"
    return at, "a text that goes on after its closing quote", "write '' for an apostrophe within '…', or use \"…\""


def unnamed(text: str) -> tuple[str, str]:
    """A collection where a key should stand; `text` begins with the character before it."""
    if text.startswith("{{"):
        return "a text that begins with a placeholder", f"{_QUOTE} {{{{…}}}}, as in '{{{{agent}}}} leads.'"
    return "a key that is not a plain name", "write `name: value`; quote a text with { or ["


def cut_by_a_comment(scalar: Any, text: str) -> str:
    """The comment right after a plain text of several words, where no space follows its #: seldom meant as one."""
    if not scalar.implicit[0] or " " not in scalar.value:
        return ""
    comment = _COMMENT.match(text, scalar.end_mark.index)
    return comment[1].rstrip()[:40] if comment else ""
