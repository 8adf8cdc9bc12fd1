"""The screen at the end of a run: what was found, by condition and by contrast, what threatens it, what to do next."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from agentlab.analysis.column import Column
from agentlab.analysis.fitted import natural
from agentlab.analysis.headline import headline
from agentlab.analysis.summary import Summary
from agentlab.analysis.summary_tables import UNFINISHED, ConditionsTable, conditions, differences
from agentlab.text import pluralize, sanitize
from agentlab_cli.layout import say, show


def ending(console: Console, summary: Summary, folder: Path) -> None:
    """The sentences, both tables, warnings, and what to type next."""
    for sentence in headline(summary):
        say(console, sentence)
    if not summary.arms:
        return
    console.print()
    made = conditions(summary)
    show(console, _layout(made, console.width))
    say(console, made.legend, " ")
    if (contrasts := differences(summary, summary.shared)) is not None:
        console.print()
        show(console, contrasts.columns)
        say(console, contrasts.legend, " ")
        if contrasts.more:
            more = pluralize(contrasts.more, "more exploratory contrast")
            say(console, f"{more}: agentlab stats {folder} contrasts", " ")
    for said in (*summary.unmeasured, *summary.registered):
        say(console, said)
    if summary.warnings:
        console.print()
    for warning in summary.warnings:
        say(console, warning, "Warning: ", "         ")
    console.print()
    for i, line in enumerate(_next(summary, folder)):
        console.print(f"{'Next:' if i == 0 else '     '} {sanitize(line)}", markup=False, soft_wrap=True)


def _layout(made: ConditionsTable, width: int) -> tuple[Column, ...]:
    """A column for each measure where they fit, else a row for each condition and measure."""
    if len(made.measures) < 2 or natural(made.columns) <= width:
        return made.columns
    size = len(made.measures)
    names = Column("measure", tuple(m.heading for m in made.measures) * len(made.heads[0].cells), False)
    cells = tuple(m.cells[i] for i in range(len(made.heads[0].cells)) for m in made.measures)
    heads, counts = (tuple(_once(column, size) for column in some) for some in (made.heads, made.counts))
    return (*heads, names, Column("mean", cells, True), *counts)


def _once(column: Column, size: int) -> Column:
    """Each cell in the first of as many rows."""
    return replace(column, cells=tuple(cell if i == 0 else "" for cell in column.cells for i in range(size)))


def _next(summary: Summary, folder: Path) -> Iterator[str]:
    """At most four commands; the first leads to what was lost."""
    for what in lost(summary)[:1]:
        yield f"agentlab show {folder} --status {what}"
    yield f"agentlab show {folder} --rollout {summary.example}"
    yield f"agentlab stats {folder}" + (" contrasts" if summary.contrasts else "")
    yield f"agentlab report {folder}"


def lost(summary: Summary) -> list[str]:
    """The values of `--status` that list what was lost, the gravest first."""
    statuses = {UNFINISHED.get(status, status) for arm in summary.arms for status in arm.statuses}
    order = ("failed", "stopped", "limit", "incomplete", "vetoed", "declined", "rejected")
    missing = any(bounds.missing for arm in summary.arms for bounds in arm.measures.values())
    cut = any(arm.cut for arm in summary.arms)
    return [*(s for s in order if s in statuses), *(["unscored"] if missing else []), *(["cut"] if cut else [])]
