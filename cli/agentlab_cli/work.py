"""Runs something in a run folder while its progress is shown, then prints the ending table.

What reads the run as frames is imported where it is used: the first call does not wait for pandas, and a finished run
that is typed again with `--quiet` needs none.
"""

import asyncio
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT

from rich.console import Console

from agentlab.experiment import session
from agentlab.experiment.addresses import Moved
from agentlab.experiment.decisions import Registration
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.scenario.design import Design
from agentlab.store import DATABASE
from agentlab_cli.interrupted import NOTHING
from agentlab_cli.layout import console_for
from agentlab_cli.printed import print_json
from agentlab_cli.shown import Job, shown

SAME, RAISED = "Raise it", "Raise it in the scenario and run `agentlab run`, which applies the new limit"
"""What to do about a limit where the command reads the scenario, and where it reads what the run recorded of it."""

End = Callable[[Console], None]
"""What is printed when the work is over, or was stopped."""


def run(
    design: Design,
    folder: Path,
    chosen: Selection,
    concurrency: int,
    registration: Registration | None = None,
    accept: bool = False,
    where: Moved | None = None,
    quiet: bool = False,
    as_json: bool = False,
    unsafe: bool = False,
) -> int:
    """Plays the design; returns the exit code."""

    async def job(progress: Progress) -> None:
        await session.run(
            design,
            folder,
            chosen,
            progress,
            concurrency,
            registration=registration,
            accept=accept,
            where=where,
            unsafe=unsafe,
        )

    return work(folder, job, as_object(folder) if as_json else None, SAME, quiet)


def work(folder: Path, job: Job, end: End | None = None, limit: str = RAISED, quiet: bool = False) -> int:
    """Does `job` while its progress is shown, then prints the ending table, or what `end` does.

    When `quiet`, only errors are printed. Returns the exit code.
    """
    progress, interrupted = Progress(), False
    try:
        asyncio.run(shown(progress, job, quiet))
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = True
    try:
        _ending(folder, progress, end, quiet)
    except KeyboardInterrupt:
        interrupted = True
    again = f"agentlab {_again(folder)}"
    if interrupted or progress.stopping:
        by = progress.signal or SIGINT
        why = "" if by is SIGINT else f" by {by.name}"
        kept = f"Stopped{why}; everything committed is kept. To continue: {again}"
        _tell(kept if (folder / DATABASE).is_file() else NOTHING)
        return 128 + by
    if progress.limited:
        _tell(f"Stopped by the run's limit (limits.run). {limit}, then continue with: {again}")
        return 4
    if progress.failed:
        why = _lasting(folder)
        until = f" for a reason that will not go away by itself ({why}); once it is fixed," if why else ";"
        _tell(f"{progress.failed} failed{until} the same command retries them: {again}")
        return 1
    return 0


def _ending(folder: Path, progress: Progress, end: End | None, quiet: bool) -> None:
    """Prints why no model could be reached, or else the ending."""
    errors = _unreached(folder) if progress.failed else []
    if errors:
        _tell("No model could be reached, so nothing was judged:", *errors)
    elif progress.planned and not quiet:
        (end or as_table(folder))(console_for())


def as_table(folder: Path) -> End:
    """The ending for people."""

    def end(console: Console) -> None:
        from agentlab.analysis.excerpt import excerpt
        from agentlab.analysis.summary import summarize
        from agentlab.runs.frames import load
        from agentlab_cli.excerpt import say_excerpt
        from agentlab_cli.table import ending

        run = load(folder)
        ending(console, summarize(run), folder)
        if excerpted := excerpt(run):
            say_excerpt(console, excerpted, folder)

    return end


def as_object(folder: Path) -> End:
    """The ending for programs."""

    def end(_: Console) -> None:
        from agentlab.analysis.summary import summarize
        from agentlab.runs.frames import load

        print_json(summarize(load(folder)))

    return end


def _unreached(folder: Path) -> list[str]:
    """What every call failed with, where no model could be reached."""
    from agentlab.analysis.unreached import unreached
    from agentlab.runs.frames import load

    return unreached(load(folder))


def _lasting(folder: Path) -> str:
    """Why rollouts failed that no retry helps; empty where a retry may."""
    from agentlab.analysis.lasting import lasting
    from agentlab.runs.frames import load

    return lasting(load(folder))


def _tell(*lines: str) -> None:
    print("\n".join(lines), file=sys.stderr)


def _again(folder: Path) -> str:
    """The command to type again; it continues in the folder that `--new` made."""
    typed = [word for word in sys.argv[1:] if word != "--new"]
    return shlex.join(typed if typed == sys.argv[1:] else [*typed, "--out", str(folder)])
