"""Shows what a command does while it works: as a display on a terminal, as lines in a file."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import suppress

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agentlab.experiment.progress import Progress
from agentlab.experiment.speed import Speed
from agentlab.experiment.tally import Tally
from agentlab_cli import facts

TICK, LINES = 0.5, 10.0
"""Seconds between two looks, and between two lines in a file."""
WIDEST, MOST, OTHER = 100, 12, 7
"""Columns of the display, groups that it lists, and rows of the terminal that it leaves to everything else."""

Job = Callable[[Progress], Awaitable[None]]


async def shown(progress: Progress, job: Job, quiet: bool = False) -> None:
    """Does `job`, and shows how it goes on standard error. What fails in the display is told, and stops nothing."""
    started = time.monotonic()
    console = Console(stderr=True, highlight=False)
    display = console.is_interactive and not console.no_color
    shower = asyncio.create_task(_guarded(_live if display else _plain, console, progress, started))
    if quiet:
        shower.cancel()
    try:
        await job(progress)
    finally:
        shower.cancel()
        with suppress(asyncio.CancelledError):
            await shower
        if not quiet and (progress.made.calls or progress.done):
            print(facts.last(progress, time.monotonic() - started), file=sys.stderr)


async def _guarded(
    show: Callable[[Console, Progress, float], Awaitable[None]], console: Console, progress: Progress, started: float
) -> None:
    try:
        await show(console, progress, started)
    except Exception as error:  # a terminal may be gone, or be of a kind that nobody has seen
        with suppress(OSError):
            print(f"The progress display failed ({error!r}). The run goes on.", file=sys.stderr)


async def _live(console: Console, progress: Progress, started: float) -> None:
    speed = Speed()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            now = time.monotonic()
            speed.note(progress, now)
            live.update(frame(progress, speed, now - started, console.width, console.height), refresh=True)
            await asyncio.sleep(TICK)


async def _plain(console: Console, progress: Progress, started: float) -> None:
    """Lines every ten seconds, at each change of phase, and as soon as a model's calls wait to be tried again."""
    speed, told = Speed(), started
    phase, known = progress.phase, set[Hashable]()
    while True:
        await asyncio.sleep(TICK)
        now, retried = time.monotonic(), progress.waits.alike()
        speed.note(progress, now)
        if now - told >= LINES or progress.phase != phase or retried.keys() - known:
            told = now
            print("\n".join(lines(progress, speed, now - started)), file=sys.stderr, flush=True)
        phase, known = progress.phase, set(retried)


def lines(progress: Progress, speed: Speed, seconds: float) -> Iterator[str]:
    """What the display shows, as lines for a file."""
    parts = (facts.time(progress, speed, seconds), facts.rates(speed), facts.spent(progress))
    yield " · ".join((f"{facts.phase(progress)}: {facts.counted(progress)}", *parts))
    chosen, others = facts.busiest(progress.tallies, MOST)
    if len(chosen) > 1:
        groups = [
            f"{facts.group(name)} {tally.done:,}/{tally.planned:,} ({tally.running:,} running, {tally.failed:,} failed)"
            for name, tally in chosen.items()
        ]
        yield "  " + " · ".join([*groups, *([others] if others else [])])
    yield from (f"  {wait}" for wait in facts.waits(progress))


def frame(progress: Progress, speed: Speed, seconds: float, width: int, height: int) -> RenderableType:
    """One picture of the display, no wider and no higher than the terminal."""
    wide = min(width - 1, WIDEST)
    speeds = f"{facts.time(progress, speed, seconds)} · {facts.rates(speed)}"
    head = [Text(facts.counted(progress)), Text(speeds), Text(facts.spent(progress))]
    waits = [Text(wait) for wait in facts.waits(progress)]
    taken = sum(len(wait) // wide + 1 for wait in waits)
    chosen, others = facts.busiest(progress.tallies, max(1, min(MOST, height - OTHER - taken)))
    table = [_table(chosen), Text(others)] if others else [_table(chosen)] if len(chosen) > 1 else []
    for text in head:
        text.truncate(wide, overflow="ellipsis")
    return Constrain(Group(_bar(progress, wide), *head, *table, *waits), wide)


def _bar(progress: Progress, wide: int) -> Table:
    made, phase = Table.grid(padding=(0, 1)), facts.phase(progress)
    ended = progress.planned - progress.units_left
    width = max(10, wide - len(phase) - 1)
    made.add_row(Text(phase, style="bold"), ProgressBar(progress.planned or 1, ended, width=width))
    return made


def _table(chosen: dict[str, Tally]) -> Table:
    made = Table(box=None, pad_edge=False)
    made.add_column("", no_wrap=True, overflow="ellipsis")
    for what in ("done", "running", "waiting", "failed"):
        made.add_column(what, justify="right", no_wrap=True)
    for name, tally in chosen.items():
        counts = (tally.done, tally.running, tally.waiting, tally.failed)
        made.add_row(Text(facts.group(name)), *(f"{count:,}" for count in counts))
    return made
