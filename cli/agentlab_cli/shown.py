"""Shows what a command does while it works: as a display on a terminal, as lines in a file."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterator
from contextlib import contextmanager, suppress

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
WIDEST, COUNTS, MOST, OTHER = 100, 44, 12, 7
"""Columns of the display and of its counts; groups that it lists, and rows of the terminal beside these."""

Job = Callable[[Progress], Awaitable[None]]


async def shown(progress: Progress, job: Job, quiet: bool = False) -> None:
    """Does `job`, and shows how it goes on standard error, unless `quiet`."""
    started = time.monotonic()
    shower = None if quiet else asyncio.create_task(_shown(progress, started))
    try:
        await job(progress)
    finally:
        if shower is not None:
            shower.cancel()
            with suppress(asyncio.CancelledError):
                await shower
            with _harmless():
                if progress.made.calls or progress.ended:
                    print(facts.last(progress, time.monotonic() - started), file=sys.stderr)


@contextmanager
def _harmless() -> Generator[None]:
    """An error in the display is reported and stops nothing: a terminal may be gone, or of an unknown kind."""
    try:
        yield
    except Exception as error:
        with suppress(OSError, ValueError):
            print(f"The progress display failed ({error!r}). The run goes on.", file=sys.stderr)


async def _shown(progress: Progress, started: float) -> None:
    with _harmless():
        console = Console(stderr=True, highlight=False)
        if console.is_interactive and not console.no_color:
            await _live(console, progress, started)
        else:
            await _plain(progress, started)


async def _live(console: Console, progress: Progress, started: float) -> None:
    speed = Speed()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            now = time.monotonic()
            speed.note(progress, now)
            live.update(frame(progress, speed, now - started, console.width, console.height), refresh=True)
            await asyncio.sleep(TICK)


async def _plain(progress: Progress, started: float) -> None:
    """Lines every ten seconds, at each change of phase, and as soon as a model's calls wait to be tried again."""
    speed, printed = Speed(), started
    phase, known = "", set[Hashable]()
    while True:
        await asyncio.sleep(TICK)
        now, retried = time.monotonic(), progress.waits.alike()
        speed.note(progress, now)
        if now - printed >= LINES or progress.phase != phase or retried.keys() - known:
            printed = now
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
    more = Text(others)
    table = [_table(chosen, wide), more] if others else [_table(chosen, wide)] if len(chosen) > 1 else []
    for text in (*head, more):
        text.truncate(wide, overflow="ellipsis")
    return Constrain(Group(_bar(progress, wide), *head, *table, *waits), wide)


def _bar(progress: Progress, wide: int) -> Table:
    made, phase = Table.grid(padding=(0, 1)), facts.phase(progress)
    ended = progress.planned - progress.units_left
    width = max(10, wide - len(phase) - 1)
    made.add_row(Text(phase, style="bold"), ProgressBar(progress.planned or 1, ended, width=width))
    return made


def _table(chosen: dict[str, Tally], wide: int) -> Table:
    made = Table(box=None, pad_edge=False)
    made.add_column("", no_wrap=True)
    for what in ("done", "running", "waiting", "failed"):
        made.add_column(what, justify="right", no_wrap=True)
    for name, tally in chosen.items():
        counts = (tally.done, tally.running, tally.waiting, tally.failed)
        made.add_row(Text(facts.group(name, wide - COUNTS)), *(f"{count:,}" for count in counts))
    return made
