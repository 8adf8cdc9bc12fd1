"""An analysis of a run by its registered name, or all of them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.registry import ANALYSES
from agentlab.analysis.withheld import withheld
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.scenario.replicates import TOGETHER

Options = Mapping[str, str | None]
"""By keyword: what stands after an analysis' name, and its options, such as `measure`."""


def analyse(run: Run, name: str, options: Options) -> Analysis:
    """One analysis, of a self-training loop on held-out tasks unless it is about all of them.

    Raises AnalysisError when the run does not hold what it needs, or has no measure of that name.
    """
    entry = ANALYSES[name]
    run = run.whole if entry.whole else run.held_out
    measure, known = options.get("measure"), [m.name for m in run.measured]
    if measure is not None and measure not in known:
        raise AnalysisError(f"{run.folder} has no measure {measure!r}; it has {', '.join(known) or 'none'}")
    if entry.needed and options.get(entry.value) is None:
        example = f" ({entry.example})" if entry.example else ""
        raise AnalysisError(f"name a {entry.value}: agentlab stats {run.folder} {name} {entry.metavar}{example}")
    wanted = {*entry.takes, entry.value}
    given = {key: value for key, value in options.items() if key in wanted and value is not None}
    arms = run.pooled if entry.together else run
    analysis: Analysis = withheld(run, name, entry.load()(arms, **given))
    return analysis if arms is run else replace(analysis, notes=(*analysis.notes, f"{TOGETHER}."))


def attempts(
    run: Run, options: Options, without: Collection[str] = ()
) -> Iterator[tuple[str, Analysis | AnalysisError]]:
    """Every analysis but those left out, or why it does not apply to this run.

    Of a self-training loop, its generations come first, and all others are about the last one.
    """
    run = latest(run.held_out)
    first = [name for name, entry in ANALYSES.items() if entry.whole and run.splits]
    for name in (name for name in (*first, *(name for name in ANALYSES if name not in first)) if name not in without):
        entry = ANALYSES[name]
        if entry.frame and getattr(run, entry.frame).empty:
            yield name, AnalysisError(entry.without.format(run=run.folder))
            continue
        try:
            yield name, analyse(run, name, options)
        except AnalysisError as why:
            yield name, why
