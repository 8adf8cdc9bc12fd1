"""Runs as the table of `agentlab list`."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from agentlab.models import money
from agentlab.runs.listing import ListedRun
from agentlab.text import line, pluralize, sanitize
from agentlab_cli.layout import console_for, table

_RIGHT = ("rollouts", "cost")


def print_list(runs: Sequence[ListedRun], folder: Path) -> None:
    """A row for each run, then what is wrong with those that cannot be read."""
    if not runs:
        print(f"There is no run in {folder}. Next: agentlab run SCENARIO")
        return
    console, shown = console_for(), table(pluralize(len(runs), "run"))
    for heading in ("run", "scenario", "made (UTC)", "rollouts", "status", "cost"):
        right = heading in _RIGHT
        shown.add_column(heading, overflow="fold", justify="right" if right else "left", no_wrap=right)
    for run in runs:
        shown.add_row(*map(escape, _cells(run)))
    console.print(shown)
    for run in runs:
        if run.problem:
            console.print(f"{run.run}: {sanitize(run.problem)}", markup=False, soft_wrap=True)


def _cells(run: ListedRun) -> tuple[str, ...]:
    return (
        line(run.run),
        line(run.scenario or ""),
        (run.created or "")[:16].replace("T", " "),
        "" if run.done is None else f"{run.done:,}/{run.planned:,}",
        f"{run.state}, {run.failed} failed" if run.failed else run.state,
        "" if run.calls is None else money(run.cost),
    )
