"""How what a command prints is laid out: as wide as the terminal, with sentences that wrap between words."""

import os
from collections.abc import Sequence
from textwrap import wrap

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.analysis.column import Column
from agentlab.analysis.fitted import fitted
from agentlab.text import sanitize

FILE = 140
"""Characters of a line in a file or a pipe, unless COLUMNS says otherwise."""


def console_for(quiet: bool = False) -> Console:
    """Where tables are printed: as wide as the terminal, or wide enough for a file; nowhere when `quiet`."""
    console = Console(highlight=False, quiet=quiet)
    wide = console.is_terminal or "COLUMNS" in os.environ
    return console if wide else Console(highlight=False, quiet=quiet, width=FILE)


def say(console: Console, text: str, first: str = "", then: str | None = None) -> None:
    """Prints a sentence after `first`, its further lines after `then`; on one line where nobody set a width."""
    safe, hanging = sanitize(text), " " * len(first) if then is None else then
    if not console.is_terminal and "COLUMNS" not in os.environ:
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


def show(console: Console, columns: Sequence[Column], title: str = "") -> None:
    """Prints a table under its title; columns that do not fit side by side stand below each other."""
    if title:
        console.print(sanitize(title), markup=False, style="bold", soft_wrap=True)
    console.print(fitted(columns, console.width), markup=False, soft_wrap=True)


def table(title: str) -> Table:
    """An empty table with its title."""
    return Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left", title_style="bold", pad_edge=False)


def number(value: float | None, form: str = ".3f", missing: str = "none") -> str:
    """The value, or what stands for a missing one."""
    return missing if value is None else format(value, form)
