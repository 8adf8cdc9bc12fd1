"""Runs something in a run folder while a line of progress is shown, then prints the ending table."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Hashable
from itertools import count
from pathlib import Path
from signal import SIGINT

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agentlab.analysis.lasting import lasting
from agentlab.analysis.summary import summarize
from agentlab.analysis.unreached import unreached
from agentlab.experiment import session
from agentlab.experiment.addresses import Moved
from agentlab.experiment.decisions import Registration
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.models import money
from agentlab.runs.frames import load
from agentlab.scenario import Design
from agentlab.text import pluralize
from agentlab_cli.layout import console_for
from agentlab_cli.table import ending

SAME, RAISED = "Raise it", "Raise it in the scenario, `agentlab run` it, which takes the new limit over"
"""What to do about a limit where the command reads the scenario, and where it reads what the run recorded of it."""


def run(
    design: Design,
    folder: Path,
    chosen: Selection,
    concurrency: int,
    registration: Registration | None = None,
    accept: bool = False,
    where: Moved | None = None,
) -> int:
    """Plays the design; gives the exit code."""

    async def job(progress: Progress) -> None:
        await session.run(
            design, folder, chosen, progress, concurrency, registration=registration, accept=accept, where=where
        )

    return work(folder, job, limit=SAME)


def work(
    folder: Path,
    job: Callable[[Progress], Awaitable[None]],
    end: Callable[[Console], None] | None = None,
    limit: str = RAISED,
    what: str = "rollouts",
) -> int:
    """Does `job` under a line of progress on `what`, then prints the ending table, or what `end` does.

    Gives the exit code.
    """
    console, progress = console_for(), Progress()
    interrupted = False
    try:
        asyncio.run(_shown(console, progress, job, what))
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = True
    errors = unreached(load(folder)) if progress.failed else []
    if errors:
        print("\n".join(["No model could be reached, and nothing was judged:", *errors]), file=sys.stderr)
    elif progress.planned:
        end(console) if end else ending(console, summarize(load(folder)), folder)
    if interrupted or progress.stopping:
        by = progress.signal or SIGINT
        why = "" if by is SIGINT else f" by {by.name}"
        print(
            f"Stopped{why}; nothing committed is lost. The same command goes on: agentlab {_typed()}", file=sys.stderr
        )
        return 128 + by
    if progress.limited:
        print(f"Stopped by the run's limit (limits.run). {limit}, and the same command goes on.", file=sys.stderr)
        return 4
    if progress.failed:
        why = lasting(load(folder))
        until = f" for a reason that stays ({why}); once it is mended," if why else ";"
        print(
            f"{progress.failed} failed{until} the same command tries them again: agentlab {_typed()}", file=sys.stderr
        )
        return 1
    return 0


def _typed() -> str:
    return " ".join(sys.argv[1:])


async def _shown(console: Console, progress: Progress, job: Callable[[Progress], Awaitable[None]], what: str) -> None:
    started = time.monotonic()
    shower = asyncio.create_task(
        _live(console, progress, started, what) if console.is_terminal else _plain(progress, started, what)
    )
    try:
        await job(progress)
    finally:
        shower.cancel()
        if not console.is_terminal and (progress.made.calls or progress.done):
            print(line(progress, time.monotonic() - started, what), file=sys.stderr)


async def _live(console: Console, progress: Progress, started: float, what: str) -> None:
    with Live(Text(""), console=console, refresh_per_second=5) as live:
        try:
            while True:
                live.update(
                    Text(
                        "\n".join([line(progress, time.monotonic() - started, what), *progress.waits.alike().values()])
                    )
                )
                await asyncio.sleep(0.2)
        finally:
            live.update(Text(line(progress, time.monotonic() - started, what)))


async def _plain(progress: Progress, started: float, what: str) -> None:
    """A line every ten seconds, and as soon as a model's calls begin to wait for another reason."""
    known: set[Hashable] = set()
    for second in count(1):
        await asyncio.sleep(1)
        waiting = progress.waits.alike()
        if second % 10 == 0 or waiting.keys() - known:
            print("\n".join([line(progress, time.monotonic() - started, what), *waiting.values()]), file=sys.stderr)
        known = set(waiting)


def line(progress: Progress, seconds: float, what: str = "rollouts") -> str:
    """One line on a run: its phase, how many of `what` are done, speed, money."""
    p = progress
    parts = [p.phase] if p.phase else []
    parts += [f"{p.done}/{p.planned} {what}", f"{p.running} running", f"{p.failed} failed"]
    if seconds > 0:
        parts += [f"{p.made.calls / seconds:.1f} calls/s", f"{p.made.tokens / seconds:.0f} tokens/s"]
    if p.cost.uncounted:
        parts.append(f"{pluralize(p.cost.uncounted, 'reply', 'replies')} without token counts")
    parts.append(money(p.cost.priced) + (" + unpriced calls" if p.cost.unpriced else ""))
    new = p.done - p.before
    if p.made.priced and not p.made.unpriced and new and p.done < p.planned:
        parts.append(f"about {money(p.cost.priced + p.made.priced / new * (p.planned - p.done))} in all")
    if p.stopping:
        parts.append("stopping: what is in flight is finished; Ctrl-C again cancels it")
    return " · ".join(parts)
