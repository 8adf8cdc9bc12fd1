"""A run's report, written as a folder: one page, its figures as SVG, its tables as CSV."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from agentlab.analysis import Analysis
from agentlab.analysis.registry import attempts
from agentlab.errors import AnalysisError, StoreError
from agentlab.frames import Run
from agentlab.report import forest, losses, measures, panels, plan, plane, prompts, spend, trust
from agentlab.report.page import page
from agentlab.report.section import Section, of
from agentlab.report.style import Look, looks, svg
from agentlab.summary import Summary, summarize
from agentlab.transcript.inert import inert


def write(run: Run, folder: Path) -> Path:
    """Writes the report into `folder`, over an older one, and gives the page's path. Raises StoreError if it cannot."""
    parts = list(sections(run))
    charts = [chart for part in parts for chart in part.charts]
    pictures = {chart.name: svg(chart.name, chart.title, chart.draw) for chart in charts}
    tables = {name: table for part in parts for name, table in part.tables.items()}
    tables |= {chart.name: chart.data for chart in charts}
    name = str(run.meta.get("name") or run.folder.name)
    about = str(run.meta.get("about") or "")
    text = page(f"{name}: report of a run", about, parts, pictures, _again(run.folder.name))
    try:
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for chart, marks in pictures.items():
            (folder / "figures" / f"{chart}.svg").write_text(
                f'<?xml version="1.0" encoding="utf-8"?>\n{marks}', "utf-8"
            )
        for table, data in tables.items():
            data.to_csv(folder / "tables" / f"{table}.csv", index=False)
        (folder / "index.html").write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(f"{folder}: cannot write the report ({error.strerror}); give another --out") from error
    return folder / "index.html"


def sections(run: Run) -> Iterator[Section]:
    """All parts of the page in their order."""
    summary, known = summarize(run), looks(run)
    yield plan.section(run)
    if not summary.arms:
        yield Section("measures", "Measures by condition", "No rollout is finished yet: there is nothing to show.")
        yield prompts.section(run, ())
        return
    found: dict[str, Analysis | AnalysisError] = dict(attempts(run, {}))
    yield measures.section(run, summary, known)
    yield _differences(summary, found.pop("contrasts", None))
    yield plane.section(run, known)
    yield panels.section(run, known)
    yield from (_analysed(name, result, known) for name, result in found.items())
    yield trust.section(run, summary)
    yield spend.section(run, summary.contrasts, known)
    yield losses.section(run, known)
    yield prompts.section(run, summary.contrasts)


def _differences(summary: Summary, found: Analysis | AnalysisError | None) -> Section:
    title = "Paired differences"
    data = forest.table(summary.contrasts)
    if data.empty:
        return Section("differences", title, "There are no two arms with the same tasks and draws to compare.")
    charts = forest.charts(data)
    return Section(
        "differences", title, "", charts, {"forest" if len(charts) == 1 else "contrasts": data}, summary.notes
    )


def _analysed(name: str, found: Analysis | AnalysisError, known: dict[str, Look]) -> Section:
    if isinstance(found, AnalysisError):
        return Section(name, name, str(found))
    return of(found, name)


def _again(name: str) -> Sequence[str]:
    return (
        f"Run folder: {inert(name)}. All numbers of this page are in the folder tables, all pictures in figures.",
        f"agentlab report runs/{name}",
        f"agentlab stats runs/{name}",
        f'python -c "import agentlab; print(agentlab.load({"runs/" + name!r}).measures)"',
    )
