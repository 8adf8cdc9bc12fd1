"""A run's report, written as a folder: one page, its figures as SVG, its tables as CSV."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agentlab.analysis.analyse import analyse, attempts
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.registry import ANALYSES
from agentlab.analysis.summary import Summary, summarize
from agentlab.analysis.unread import differing
from agentlab.errors import AnalysisError, StoreError
from agentlab.report import (
    attribution,
    bias_variance,
    board,
    components,
    compute,
    design,
    distributions,
    forest,
    frontier,
    generations,
    measures,
    missing,
    organizations,
    path,
    prompts,
    reachable,
    scatter,
)
from agentlab.report.lead import Lead, lead
from agentlab.report.page import page
from agentlab.report.section import Chart, Material, Section, of
from agentlab.report.style import ArmStyle, arm_styles, svg
from agentlab.runs.csv_table import write_csv
from agentlab.runs.frames import Run
from agentlab.text import sanitize

BEFORE: tuple[Callable[[Material], Section], ...] = (scatter.section, distributions.section)
AFTER: tuple[Callable[[Material], Section], ...] = (board.section, compute.section, missing.section, prompts.section)
"""Sections made of the run itself, before and after those of the analyses, in the page's order."""
FIGURES: dict[str, Callable[[Analysis, Mapping[str, ArmStyle]], tuple[Chart, ...]]] = {
    "decompose": bias_variance.charts,
    "components": components.charts,
    "attribution": attribution.charts,
    "frontier": frontier.charts,
    "generations": generations.charts,
    "cases": reachable.charts,
}
"""The figures of analyses, by their names in the registry; an analysis without one is shown by its tables."""
SLOW = ("mixed",)
"""Analyses that are left to `agentlab stats`."""
PATHS = 3
"""Rollouts whose path is drawn."""


def write(run: Run, folder: Path) -> Path:
    """Writes the report into `folder`, over an older one; returns the page's path. Raises StoreError if it cannot."""
    try:
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        return _write(run, folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot write the report ({error.strerror}); give another --out") from error


def _write(run: Run, folder: Path) -> Path:
    run = latest(run.held_out)
    summary = summarize(run)
    summary = replace(summary, again=summary.again.replace(str(run.folder), run.folder.name))  # no path of this machine
    material = Material(run, summary, arm_styles(run))
    first = lead(material)
    parts = [part for part in sections(material, first) if not part.empty]
    charts = [*([first.figure] if first.figure else []), *(chart for part in parts for chart in part.charts)]
    pictures = {chart.name: svg(chart.name, chart.title, chart.draw) for chart in charts}
    narrow = {
        f"{chart.name}_narrow": svg(f"{chart.name}_narrow", chart.title, chart.draw_narrow)
        for chart in charts
        if chart.draw_narrow is not None
    }
    tables = {name: table for part in parts for name, table in part.tables.items()}
    tables |= {chart.name: chart.data for chart in charts}
    text = page(first, parts, pictures | narrow, _again(run.folder.name))
    for chart, marks in pictures.items():
        (folder / "figures" / f"{chart}.svg").write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{marks}', "utf-8")
    for table, data in tables.items():
        write_csv(data, folder / "tables" / f"{table}.csv")
    (folder / "index.html").write_text(text, "utf-8")
    return folder / "index.html"


def sections(material: Material, first: Lead) -> Iterator[Section]:
    """All parts of the page after its lead, in their order; those that are empty are left out of it."""
    if not material.summary.arms:
        yield from (prompts.section(material), design.section(material))
        return
    run, results = material.run, dict(attempts(material.run, {}, without=SLOW))
    if run.splits and isinstance(loop := results.pop("generations"), Analysis):
        yield replace(_analysed("generations", loop, material.styles), says="")  # the page begins with it
    yield measures.section(material)
    yield _differences(run, material.summary, results.pop("contrasts"))
    yield from (section(material) for section in BEFORE)
    for name, result in results.items():
        if isinstance(result, Analysis):
            yield _analysed(name, result, material.styles)
        if name == "attribution":
            yield from _paths(run)
    yield organizations.section(material, first.organizations)
    yield from (section(material) for section in AFTER)
    yield design.section(material)
    yield from _lacking(run, {name: why for name, why in results.items() if isinstance(why, AnalysisError)})


def _lacking(run: Run, errors: Mapping[str, AnalysisError]) -> Iterator[Section]:
    notes = tuple(f"{ANALYSES[name].about}: {_without(run, why)}" for name, why in errors.items() if name != "path")
    if notes:
        yield Section(
            "lacking",
            "Analyses without the data they need",
            "These analyses need data that this run does not have.",
            notes=notes,
        )


def _differences(run: Run, summary: Summary, analysis: Analysis | AnalysisError) -> Section:
    title = "Paired differences"
    if isinstance(analysis, AnalysisError):
        return Section("contrasts", title, _without(run, analysis))
    charts = forest.charts(summary.table, summary.measures)
    known = forest.headline(summary.table, summary.measures)
    said = (
        analysis.says
        if known
        else (f"{analysis.says} These differences do not support conclusions about which arm did better.")
    )
    made, short = of(analysis, "contrasts", title), differing(run)  # which the notes of the summary say in full
    return Section(
        "contrasts",
        title,
        said,
        charts,
        made.tables,
        tuple(dict.fromkeys((*(note for note in analysis.notes if note not in short), *summary.notes))),
        made.reading,
        shown=analysis.shown,
    )


def _analysed(name: str, analysis: Analysis, styles: Mapping[str, ArmStyle]) -> Section:
    return of(analysis, analysis.name, ANALYSES[name].about, FIGURES[name](analysis, styles) if name in FIGURES else ())


def _without(run: Run, why: AnalysisError) -> str:
    """The reason without the run's path, which readers of the page need not know."""
    return str(why).replace(str(run.folder), run.folder.name)


def _paths(run: Run) -> Iterator[Section]:
    """The paths of the rollouts with the most forks, if there are any."""
    if "path" not in ANALYSES or run.forks.empty:
        return
    plain = run.forks[(run.forks["change"] == "") & (run.forks["agents"].map(len) == 0)]
    cuts = plain.groupby(plain["parent"].astype("str"))["round"].nunique().sort_values(ascending=False, kind="stable")
    for i, key in enumerate(cuts.index[:PATHS]):
        try:
            analysis = analyse(run, "path", {"rollout": str(key)})
        except AnalysisError:
            continue  # forks at one cut are no path; what is said of the run's forks stands under attribution
        yield of(analysis, f"path_{i + 1}", analysis.title, (path.chart(analysis, f"path_{i + 1}"),))


def _again(name: str) -> Sequence[str]:
    return (
        (
            f"Run folder: {sanitize(name)}. All numbers on this page are in the folder tables; all "
            f"figures are in the folder figures."
        ),
        f"agentlab report runs/{name}",
        f"agentlab stats runs/{name} (an overview; each analysis by its name)",
        f'python -c "import agentlab; print(agentlab.load({"runs/" + name!r}).measures)"',
    )
