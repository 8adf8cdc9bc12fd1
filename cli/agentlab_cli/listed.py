"""Runs as the table of `agentlab list`."""

from collections.abc import Sequence
from pathlib import Path

from agentlab.models.cost import money
from agentlab.runs.listing import ListedRun
from agentlab.text import line, pluralize, sanitize
from agentlab_cli.layout import console_for, show_rows

_WORDS = ("run", "scenario", "made (UTC)", "status")


def print_list(runs: Sequence[ListedRun], folder: Path) -> None:
    """A row for each run, then what is wrong with those that cannot be read."""
    if not runs:
        print(f"There is no run in {folder}. Next: agentlab run SCENARIO")
        return
    console = console_for()
    show_rows(console, pluralize(len(runs), "run"), (*_WORDS, "rollouts", "cost"), list(map(_cells, runs)), _WORDS)
    for run in runs:
        if run.problem:
            console.print(sanitize(f"{run.run}: {run.problem}"), markup=False, soft_wrap=True)


def _cells(run: ListedRun) -> tuple[str, ...]:
    return (
        line(run.run),
        line(run.scenario or ""),
        (run.created or "")[:16].replace("T", " "),
        f"{run.state}, {run.failed} failed" if run.failed else run.state,
        "" if run.done is None else f"{run.done:,}/{run.planned:,}",
        "" if run.calls is None else money(run.cost),
    )
