"""Every analysis by the name of its option: `agentlab stats RUN --NAME`.

A new one takes a line here and, with the same name, an option in `cli/agentlab_cli/stats.py`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.components.components import components
from agentlab.analysis.contrasts.contrast import suppressed
from agentlab.analysis.contrasts.mixed import mixed
from agentlab.analysis.contrasts.table import contrasts
from agentlab.analysis.forks.attribution import attribution
from agentlab.analysis.forks.interventions import interventions
from agentlab.analysis.forks.path import path
from agentlab.analysis.frontier import frontier
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.analysis.incoherence.length import length
from agentlab.analysis.judges.judges import judges
from agentlab.analysis.judges.labels import labels
from agentlab.analysis.judges.pairs import pairs
from agentlab.analysis.judges.probes import probes
from agentlab.analysis.passes import tries
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run

Options = Mapping[str, str | None]
"""By keyword: what stands after an analysis' own option, and those that several could take, such as `measure`."""


@dataclass(frozen=True, slots=True)
class RegisteredAnalysis:
    """An analysis: a function of a run."""

    analyse: Callable[..., Analysis]
    about: str
    """What it is about; a title, and the beginning of a sentence."""
    takes: tuple[str, ...] = ("measure",)
    """Its keyword parameters among the options."""
    value: str = ""
    """The parameter that gets the text after its option, as in `--path ROLLOUT`; empty for a flag."""
    needed: bool = False
    """Whether it cannot start without that text."""


ANALYSES: dict[str, RegisteredAnalysis] = {
    "contrasts": RegisteredAnalysis(contrasts, "Arms compared, with everything known of it"),
    "mixed": RegisteredAnalysis(mixed, "The mixed model"),
    "decompose": RegisteredAnalysis(decomposition, "Bias and variance", takes=("measure", "embeddings")),
    "components": RegisteredAnalysis(components, "Variance components", takes=("measure", "by")),
    "frontier": RegisteredAnalysis(frontier, "What each arm attains of two measures", takes=("axes",)),
    "attribution": RegisteredAnalysis(attribution, "Where variance arises"),
    "path": RegisteredAnalysis(path, "The path of one rollout", value="rollout", needed=True),
    "interventions": RegisteredAnalysis(interventions, "What edits, swaps and drops change"),
    "passes": RegisteredAnalysis(tries, "What several tries are worth", takes=("measure", "k")),
    "length": RegisteredAnalysis(length, "What takes longer", takes=("measure", "reference", "by"), value="of"),
    "labels": RegisteredAnalysis(labels, "Judges against people"),
    "judges": RegisteredAnalysis(judges, "Judge diagnostics"),
    "pairs": RegisteredAnalysis(pairs, "Arms compared two at a time", takes=()),
    "probes": RegisteredAnalysis(probes, "What moves the judges", takes=()),
}


DESCRIBING = ("decompose", "components", "length", "attribution", "path", "interventions")
"""Analyses that tell of measures without saying which arm did better."""


def analyse(run: Run, name: str, options: Options) -> Analysis:
    """One analysis. Raises AnalysisError when the run does not hold what it needs, or has no measure of that name."""
    entry = ANALYSES[name]
    measure, known = options.get("measure"), [m.name for m in run.measured]
    if measure is not None and measure not in known:
        raise AnalysisError(f"{run.folder} has no measure {measure!r}; it has {', '.join(known) or 'none'}")
    if entry.needed and options.get(entry.value) is None:
        raise AnalysisError(f"{entry.about}: agentlab stats RUN --{name} {entry.value.upper()}")
    wanted = {*entry.takes, entry.value}
    given = {key: value for key, value in options.items() if key in wanted and value is not None}
    return _doubted(run, name, entry.analyse(run, **given))


def _doubted(run: Run, name: str, found: Analysis) -> Analysis:
    """With a note on every measure whose judge fails its anchor texts, where the analysis itself withholds nothing."""
    tables = found.tables.values() if name in DESCRIBING else ()
    named = {str(one) for table in tables if "measure" in table for one in table["measure"].unique()}
    doubts = {m.name: why for m in run.measured if m.name in named and (why := suppressed(run, m.judge))}
    told = tuple(f"{m}: what its judge says, which may not be what is so: {why}" for m, why in doubts.items())
    return replace(found, notes=(*told, *found.notes))


def attempts(
    run: Run, options: Options, without: Collection[str] = ()
) -> Iterator[tuple[str, Analysis | AnalysisError]]:
    """Every analysis but those left out, or why it does not apply to this run."""
    for name in (name for name in ANALYSES if name not in without):
        try:
            yield name, analyse(run, name, options)
        except AnalysisError as why:
            yield name, why
