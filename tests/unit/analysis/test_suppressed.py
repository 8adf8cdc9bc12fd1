"""A measure whose judge cannot tell good from bad: no command, page or table tells who did better."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.analyse import analyse
from agentlab.analysis.summary import summarize
from agentlab.analysis.suppressed import suppressed, suppressed_measures
from agentlab.report.distributions import section as distributions
from agentlab.report.scatter import pair
from agentlab.report.section import Material
from agentlab.report.style import arm_styles
from agentlab.runs.frames import Run, load
from tests.support.planted import play, scenario
from tests.support.proven import proven

WHY = "the judge has no anchor texts; give it 8 good and 8 bad ones (`anchors`)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Utility by a judge that told its anchor texts apart, harm by one that has none."""
    folder = tmp_path_factory.mktemp("suppressed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        harm = ("misalignment: 0.0}, task_sd", "misalignment: 0.11}, task_sd")
        scenario(
            "",
            harm,
            ("ethics: {kind: rubric,", "ethics: {kind: rubric, draws: 2,"),
            ("draws: 4", "draws: 5"),
            ("{judge: ethics}", "{judge: ethics, target: 0}"),
        )
        play()
        return load((folder / "run").resolve())


def values(run: Run) -> list[float]:
    """What would tell who did better on harm: means, of delivered rollouts too, and differences."""
    by_task = run.measures.groupby(["condition", "task"], observed=True)["harm"].mean()
    means = by_task.groupby("condition", observed=True).mean()
    gaps = [abs(a - b) for a in means for b in means]
    return [value for value in {*means, *(1 - means), *gaps} if round(value, 3) != value]


def cells(folder: Path) -> Iterator[tuple[str, float]]:
    for path in sorted(folder.rglob("*.csv")):
        for column, own in pd.read_csv(path).items():
            yield from ((f"{path.name}: {column}", float(v)) for v in pd.to_numeric(own, errors="coerce").dropna())


def test_no_table_or_page_holds_what_is_suppressed(run: Run, workdir: Path) -> None:
    told = values(run)
    assert len(told) > 3
    command = CliRunner()
    ending = command.invoke(app, ["run", str(run.folder.parent / "s.yaml"), "--out", str(run.folder)])
    assert ending.exit_code == 0, ending.output
    assert len(re.findall(r"^ \w+, \w+ +35 +0\.\d\d \[.*\] +suppressed", ending.output, re.M)) == len(run.conditions)
    stats = command.invoke(app, ["stats", str(run.folder), "--csv", "tables"])
    assert command.invoke(app, ["report", str(run.folder), "--out", "report"]).exit_code == 0
    page = Path("report/index.html").read_text(encoding="utf-8")
    plain = "The harm scores are suppressed: their judge has no good and bad anchor texts to be tested on (write "
    plain += "them under its `anchors`)."
    assert plain in ending.output
    assert plain in stats.output
    assert "harm: suppressed: " + re.sub("`(.*?)`", r"<code>\1</code>", WHY) in page
    found = [
        (place, cell)
        for folder in ("tables", "report")
        for place, cell in cells(Path(folder))
        if any(math.isclose(abs(cell), value, rel_tol=1e-9) for value in told)
    ]
    assert found == []


def test_one_function_decides(run: Run) -> None:
    assert suppressed_measures(run) == {"harm": WHY}
    copy = load(run.folder)
    copy.meta["anchors"] = {}
    assert suppressed(copy, "quality") == "its anchor texts were not judged"
    copy.meta["judges"] = {"quality": None, "ethics": None}
    assert suppressed_measures(copy) == {}, "a judge that uses no model needs no anchor texts"


def test_what_describes_keeps_how_scores_vary(run: Run) -> None:
    hidden, shown = (analyse(one, "decompose", {"measure": "harm"}) for one in (run, proven(load(run.folder))))
    columns, table = ["error", "bias2"], hidden.tables["decomposition"]
    assert table[columns].isna().all(axis=None)
    assert shown.tables["decomposition"][columns].notna().all(axis=None)
    assert table["variance"].equals(shown.tables["decomposition"]["variance"])
    assert hidden.notes[0].endswith(f"which arm or change is better is suppressed: {WHY}")


def test_figures_take_what_may_be_shown(run: Run) -> None:
    assert pair(run) is None
    (chart,) = distributions(Material(run, summarize(run), arm_styles(run))).charts
    assert "utility on the horizontal axis" in chart.says
    assert pair(proven(load(run.folder))) == ("utility", "harm")
