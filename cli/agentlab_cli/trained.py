"""Plays a self-training loop while its progress is shown, then prints its table by generation."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from agentlab.analysis.analyse import analyse
from agentlab.analysis.analysis import Analysis
from agentlab.experiment.addresses import Moved
from agentlab.experiment.decisions import Registration
from agentlab.experiment.progress import Progress
from agentlab.experiment.sandboxed import unsafe_local
from agentlab.runs.frames import load
from agentlab.scenario.design import Design
from agentlab.text import sanitize
from agentlab.training.loop import loop
from agentlab_cli.analysed import as_object, print_analysis
from agentlab_cli.printed import print_json
from agentlab_cli.work import SAME, End, work

SHOWN = 1
"""Tables of the analysis that are printed when the loop ends."""


def train(
    design: Design,
    folder: Path,
    concurrency: int,
    registration: Registration | None = None,
    accept: bool = False,
    where: Moved | None = None,
    quiet: bool = False,
    as_json: bool = False,
    unsafe: bool = False,
) -> int:
    """Plays every generation of the design; returns the exit code."""

    async def job(progress: Progress) -> None:
        with unsafe_local(unsafe):
            await loop.train(
                design, folder, progress, concurrency, registration=registration, accept=accept, where=where
            )

    return work(folder, job, _end(folder, as_json), SAME, quiet)


def _end(folder: Path, as_json: bool) -> End:
    """The loop by generation, and what to type next."""

    def end(console: Console) -> None:
        run = load(folder)
        if run.rollouts.empty:
            return
        analysis = analyse(run, "generations", {})
        if as_json:
            print_json(as_object(analysis))
            return
        print_analysis(console, replace(analysis, notes=tuple(_about(analysis, SHOWN))), SHOWN)
        console.print()
        for i, command in enumerate(("stats {} generations", "stats {} contrasts", "report {}")):
            line = f"{'Next:' if i == 0 else '     '} agentlab {command.format(folder)}"
            console.print(sanitize(line), markup=False, soft_wrap=True)

    return end


def _about(analysis: Analysis, tables: int) -> Iterator[str]:
    """The notes but those on tables after the first ones, which begin with their names: `gains of right: …`."""
    hidden = tuple(analysis.tables)[tables:]
    yield from (note for note in analysis.notes if note.partition(":")[0].partition(" of ")[0] not in hidden)
