"""A run on one screen: its result, a line on each analysis, and what the analyses that do not apply need."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentlab.analysis.analyse import attempts
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.contrasts.compared import reported
from agentlab.analysis.forks.outcomes import measured
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.headline import headline
from agentlab.analysis.results import results
from agentlab.analysis.unread import differing
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab_cli.analysed import as_object, write
from agentlab_cli.layout import console_for, say
from agentlab_cli.printed import print_json

INDENT = 15
"""Characters before what is said of an analysis."""


def overview(run: Run, options: Mapping[str, Any], csv: Path | None, as_json: bool, quiet: bool) -> None:
    """Prints it, each line as soon as it is known, and writes the tables of all analyses into `csv`.

    Raises AnalysisError for an unknown measure.
    """
    if options.get("measure") is not None:
        measured(run, options["measure"])
    console = console_for(quiet or as_json)
    sentences = headline(results(run, reported))
    for sentence in _first(run, sentences):
        say(console, sentence)
    made, lacking, written = dict[str, Analysis](), dict[str, str](), list[Path]()
    for name, analysis in attempts(run, options):
        if isinstance(analysis, AnalysisError):
            lacking[name] = _reason(run, analysis)
            continue
        if not made:
            console.print()
        made[name] = analysis
        written += write(analysis, csv) if csv is not None else ()
        say(console, _result(analysis, sentences), name.ljust(INDENT), " " * INDENT)
    if as_json:
        analyses = {name: as_object(analysis) for name, analysis in made.items()}
        print_json({"headline": sentences, "analyses": analyses, "lacking": lacking})
        return
    if not made and not run.measured:
        say(console, f"\nNo analysis applies yet: agentlab judge {run.folder} --with JUDGE adds a measure.")
        return
    if lacking:
        say(console, "\nWhat the other analyses need:")
    for name, why in lacking.items():
        say(console, why, name.ljust(INDENT), " " * INDENT)
    if made:
        say(console, f"\nTables of one analysis: agentlab stats {run.folder} {next(iter(made))}")
    if csv is not None:
        say(console, f"wrote into {csv}: {', '.join(path.name for path in written)}")


def _first(run: Run, sentences: Sequence[str]) -> Iterator[str]:
    """The result, then where conditions differ in what could not be read."""
    yield from sentences
    yield from differing(latest(run.held_out))


def _result(analysis: Analysis, printed: Sequence[str]) -> str:
    """The result of an analysis. If it is several sentences, those not yet printed; if all are, its tables' names."""
    if not analysis.sentences:
        return analysis.headline
    new = [sentence for sentence in analysis.sentences if sentence not in printed]
    return " ".join(new) or f"see the first lines; its tables are {', '.join(analysis.tables)}."


def _reason(run: Run, why: AnalysisError) -> str:
    """The reason without the run's folder, which the user has just typed."""
    first = str(why).partition("\n")[0].removeprefix(f"{run.folder}: ")
    return f"the run {first.removeprefix(f'{run.folder} ')}" if first.startswith(f"{run.folder} ") else first
