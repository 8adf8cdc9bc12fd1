"""How tables look."""

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def console_for(quiet: bool = False) -> Console:
    """Where tables are printed: as wide as the terminal, or wide enough for a file; nowhere when `quiet`."""
    console = Console(highlight=False, quiet=quiet)
    return console if console.is_terminal else Console(highlight=False, quiet=quiet, width=140)


def table(title: str) -> Table:
    """An empty table with its title."""
    return Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left", title_style="bold", pad_edge=False)


def number(value: float | None, form: str = ".3f", missing: str = "none") -> str:
    """The value, or what stands for a missing one."""
    return missing if value is None else format(value, form)
