"""How what a command prints is laid out: as wide as the terminal, with sentences that wrap between words."""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from textwrap import wrap

from rich.console import Console

from agentlab.analysis.column import Column
from agentlab.analysis.fitted import fitted
from agentlab.models.cost import Cost
from agentlab.text import sanitize

_MARGIN = re.compile(r" *(│ )?")
FILE = 140
"""Characters of a line in a file or a pipe, unless COLUMNS says otherwise."""


def console_for(quiet: bool = False) -> Console:
    """Where tables are printed: as wide as the terminal, or wide enough for a file; nowhere when `quiet`."""
    console = Console(highlight=False, quiet=quiet)
    return console if _wraps(console) else Console(highlight=False, quiet=quiet, width=FILE)


def say(console: Console, text: str, first: str = "", then: str | None = None) -> None:
    """Prints a sentence after `first`, its further lines after `then`; on one line where nobody set a width."""
    safe, hanging = sanitize(text), " " * len(first) if then is None else then
    if not _wraps(console):
        console.print(first + safe, markup=False, soft_wrap=True)
        return
    for line in safe.split("\n"):
        for part in wrap(
            line,
            max(20, console.width - 1),
            initial_indent=first,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]:
            console.print(part, markup=False, soft_wrap=True)


def folded(console: Console, text: str) -> str:
    """The text with lines that fit the terminal, each after the indent and margin of its own; unchanged for a file."""
    safe = sanitize(text)
    if not _wraps(console):
        return safe
    return "\n".join(part for line in safe.split("\n") for part in _fold(line, max(20, console.width)))


def _fold(line: str, width: int) -> list[str]:
    margin = _MARGIN.match(line)
    head = margin[0] if margin else ""
    then = head if head.endswith("│ ") else f"{head}  "
    if len(line) <= width:
        return [line]
    return wrap(
        line[len(head) :],
        width,
        initial_indent=head,
        subsequent_indent=then,
        expand_tabs=False,
        replace_whitespace=False,
        break_on_hyphens=False,
        break_long_words=False,
    )


def line_width(console: Console) -> int | None:
    """Characters that fit into a line; None where nobody set a width."""
    return console.width if _wraps(console) else None


def _wraps(console: Console) -> bool:
    """Whether somebody set a width: a terminal, or COLUMNS."""
    return console.is_terminal or "COLUMNS" in os.environ


def show(console: Console, columns: Sequence[Column], title: str = "") -> None:
    """Prints a table under its title; columns that do not fit side by side stand below each other."""
    if title:
        console.print(sanitize(title), markup=False, style="bold", soft_wrap=True)
    console.print(fitted(columns, console.width), markup=False, soft_wrap=True)


def show_rows(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str]
) -> None:
    """Prints rows of cells as a table, the columns of `words` to the left and the others, of numbers, to the right."""
    columns = [Column(name, tuple(row[i] for row in rows), name not in words) for i, name in enumerate(headings)]
    show(console, columns, title)


def number(value: float | None, form: str = ".3f", missing: str = "none") -> str:
    """The value, or what stands for a missing one."""
    return missing if value is None else format(value, form)


def show_costs(console: Console, title: str, costs: Iterable[tuple[str, Cost]]) -> None:
    """Prints calls, tokens and money, a row for each name."""
    rows = [
        (name, f"{cost.calls:,}", f"{cost.usage.input:,}", f"{cost.usage.output:,}", cost.money) for name, cost in costs
    ]
    show_rows(console, title, ("", "calls", "input tokens", "output tokens", "cost"), rows, ("",))
