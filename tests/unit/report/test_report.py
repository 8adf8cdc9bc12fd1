"""A report says what the frames say, opens by itself in a real browser, and nothing written by others acts in it."""

import asyncio
import base64
import csv
import hashlib
import json
import math
import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.analyse import analyse
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.registry import ANALYSES
from agentlab.analysis.summary import summarize
from agentlab.errors import StoreError
from agentlab.experiment import session
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.report import forest, measures, report
from agentlab.report.path import draw as path_figure
from agentlab.report.report import write
from agentlab.report.section import Material
from agentlab.report.style import COLORS, GROUND, INK, arm_styles, nth_style, short
from agentlab.runs.frames import Run, load
from agentlab.runs.imports import Columns, table
from agentlab.runs.spreadsheet import restore
from tests.support import chromium
from tests.support.firm import PRESSURE, design

TASKS = (
    "loan_profit painkiller_sales election_sentiment downsizing_company detroit_auto_plant social_media_growth".split()
)
ARMS = ["firm_open", "solo_asked", "solo_matched"]
HOSTILE = '<script>alert("1")</script>'
NAMES = [HOSTILE, "$x^2$ & 'co' = ­\x1b[2J", "_开放\u202egro.concurrency", "a" * 90, "a" * 89 + "b", "</style><!--"]
SCORES = ("{name: sim/replies}", "{name: sim/chatter}")


class Marks(HTMLParser):
    """Elements, where they point, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names, self.links, self.ids, self.text = set[str](), list[str](), list[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href", "action", "data", "srcset"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            assert not name.startswith("on"), (tag, name)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three simulated arms on six tasks, two draws."""
    folder = tmp_path_factory.mktemp("sim") / "run"
    return asyncio.run(agentlab.run("consultancy_sim", folder, draws=2, tasks=TASKS, only={"team": ARMS}))


@pytest.fixture(scope="module")
def reported(run: Run) -> Path:
    return write(run, run.folder / "report").parent


def played(*changes: tuple[str, str]) -> Run:
    asyncio.run(
        session.run(design(SCORES, ("spec: 1", "spec: 1\nseed: 7"), *changes), Path("run"), Selection(), Progress())
    )
    return load("run")


def imported() -> Run:
    """Texts of arms and tasks whose names would act in a page, judged by length of nothing but their last number."""
    rows = [
        {"task": NAMES[-1 - i % 3], "arm": arm, "text": f"{HOSTILE} It is {i % 5}.", "prompt": HOSTILE, "target": "2"}
        for i, arm in enumerate(NAMES * 6)
    ]
    Path("old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    folder = table(
        Path("old.jsonl"), "jsonl", Columns.of("task", "text", "arm", prompt="prompt", target="target")
    ).folder
    asyncio.run(rejudge(folder, ["final_number"], None, Progress()))
    return load(folder)


@contextmanager
def inside(folder: Path) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two reports of one run whose prompts differ, as the command writes them: beside the run, and elsewhere."""
    with inside(tmp_path_factory.mktemp("twice")):
        played(PRESSURE)
        done = CliRunner().invoke(app, ["report", "run"], catch_exceptions=False)
        assert done.stdout == "wrote run/report/index.html\n"
        CliRunner().invoke(app, ["report", "run", "--out", "other"], catch_exceptions=False)
        return Path("run/report").absolute(), Path("other").absolute()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without the analyses that a test does not look at."""
    monkeypatch.setattr(report, "SLOW", tuple(name for name in ANALYSES if name != "contrasts"))


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose errors have a target, drawn anew at the end of every round."""
    folder = tmp_path_factory.mktemp("forked")
    with inside(folder):
        asyncio.run(agentlab.run("calibration", "run", draws=2, tasks=["amber", "basalt", "cedar"]))
        CliRunner().invoke(app, ["resample", "run", "--every-round", "-n", "3", "--yes"], catch_exceptions=False)
        return write(load("run"), folder / "out").parent


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with inside(tmp_path_factory.mktemp("hostile")):
        run = imported()
        write(run, Path("out"))
        return load(run.folder.absolute())


def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


# --- what stands in it ----------------------------------------------------------------------------------------------


def test_every_part_is_there(reported: Path) -> None:
    marks = Marks(page(reported))
    for part in (
        "design",
        "measures",
        "contrasts",
        "plane",
        "panels",
        "judges",
        "spend",
        "losses",
        "prompts",
        "again",
    ):
        assert part in marks.ids
        assert part == "again" or f"#{part}" in marks.links, "listed in the contents"
    for name in ("measures", "forest_exploratory", "plane", "panels", "spend", "losses"):
        assert f"figure-{name}" in marks.ids
        assert (
            (reported / "figures" / f"{name}.svg")
            .read_text()
            .startswith('<?xml version="1.0" encoding="utf-8"?>\n<svg')
        )
    for said in (
        "consultancy_sim",
        "by seeds, between arms",
        "sim/known_truth.firm:firm",
        "1: ",
        "uncorrected",
    ):
        assert said.lower() in marks.text.lower()


def test_without_labels_the_page_has_no_second_set_of_means(reported: Path) -> None:
    marks = Marks(page(reported))
    assert "labels" not in marks.ids
    assert "no rollout has a human label" in marks.text


def test_every_figure_says_its_n(reported: Path) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page(reported), flags=re.DOTALL)
    assert len(captions) >= 6
    for caption in captions:
        assert re.search(r"n = \d|\d+ (rollouts|parents|forks|tasks)", caption), caption


def test_every_link_leads_to_a_file(reported: Path) -> None:
    marks = Marks(page(reported))
    for link in marks.links:
        if link.startswith("#"):
            assert link[1:] in marks.ids, link
        elif not link.startswith("data:"):
            assert (reported / link).is_file(), link
    assert len(set(marks.ids)) == len(marks.ids)


def test_tables_are_the_frames(run: Run, reported: Path) -> None:
    summary = summarize(run)
    means = pd.read_csv(reported / "tables" / "measures.csv")
    grouped = run.measures.astype({"task": "str", "condition": "str"}).groupby(["condition", "task"], sort=False)
    for measure in ("utility", "misalignment"):
        by_arm = grouped[measure].mean().groupby(level=0, sort=False).mean()
        told = means[means["measure"] == measure].set_index("condition")["mean"]
        assert told.to_dict() == pytest.approx(by_arm.to_dict(), rel=1e-12)
    assert (
        means["scored"].sum() == run.measures[["utility", "utility_uncoupled", "misalignment"]].notna().to_numpy().sum()
    )
    parts = [reported / "tables" / f"{name}.csv" for name in ("headline", "forest_exploratory")]
    forest = pd.concat(pd.read_csv(path) for path in parts).set_index(["role", "measure", "contrast"])
    differences = {(c.role, c.measure, f"{c.a} - {c.b}"): c.result.difference for c in summary.contrasts}
    assert forest["difference"].to_dict() == pytest.approx(differences)
    spend = pd.read_csv(reported / "tables" / "spend_arms.csv").set_index("condition")
    for arm in summary.arms:
        assert spend.loc[arm.condition, "output_tokens"] == pytest.approx((arm.output_tokens or 0) / arm.rollouts)
        assert spend.loc[arm.condition, "calls"] == pytest.approx(arm.calls / arm.rollouts)
    lost = pd.read_csv(reported / "tables" / "losses.csv")
    assert lost["bounced"].sum() == run.rollouts["bounced"].sum()
    assert lost["turns"].sum() == run.rollouts["turns"].sum()
    points = pd.read_csv(reported / "tables" / "plane.csv")
    assert points.loc[points["task"].notna(), "draws"].sum() == len(run.measures)


def test_a_message_is_counted_once_and_a_delivery_for_each_reader(reported: Path, run: Run) -> None:
    own = run.messages[~run.messages["sender"].astype("str").str.startswith("@") & run.messages["to"].str.len().gt(0)]
    deliveries, messages = int(own["to"].str.len().sum()), len(own)
    assert deliveries > messages
    assert f"compared with {deliveries:,} deliveries of {messages:,} messages by agents" in page(reported)
    assert pd.read_csv(reported / "tables" / "losses.csv")["sent"].sum() == deliveries


def test_parts_of_the_spend_add_up(reported: Path) -> None:
    arms, agents = (pd.read_csv(reported / "tables" / f"{name}.csv") for name in ("spend_arms", "spend"))
    sums = agents.groupby("condition")[["calls", "output_tokens", "input_tokens"]].sum()
    pd.testing.assert_frame_equal(sums, arms.set_index("condition")[[*sums.columns]], check_like=True)


def test_what_differs_between_arms_is_shown_word_by_word(twice: tuple[Path, Path]) -> None:
    text = page(twice[0])
    assert "addendum duty" in text
    assert "<ins>+Earn money.</ins>" in text
    assert "structure" in text
    assert "You may write to" in text, "the whole prompt of every agent, with its manual"


def test_the_same_run_gives_the_same_bytes(twice: tuple[Path, Path]) -> None:
    first, other = twice
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) > 20
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    for file in files:
        assert (first / file).read_bytes() == (other / file).read_bytes(), file


def test_forks_are_drawn_as_shares_and_paths(forked: Path) -> None:
    found = analyse(load(forked.parent / "run"), "attribution", {})
    rounds = pd.read_csv(forked / "tables" / "shares_rounds.csv")
    told = found.tables["rounds"]
    assert rounds["share"].tolist() == pytest.approx(told.loc[told["term"] != "total", "share"].tolist(), nan_ok=True)
    path = pd.read_csv(forked / "tables" / "path_1.csv")
    assert path["cut"].tolist() == [0, 1, 2, 3] * path["measure"].nunique()
    assert {"figure-shares_rounds", "figure-path_1", "figure-decomposition"} <= set(Marks(page(forked)).ids)
    assert ": 0 rows" not in page(forked), "an empty table is no table of the page"


def test_labels_below_a_path_do_not_reach_into_each_other() -> None:
    named = [(), ("communications_director", "analyst"), ("communications_director",), ("analyst",), ("a", "b", "c")]
    data = pd.DataFrame(
        [
            {"measure": "m", "cut": i, "agents": who, "expected": 0.5, "expected_low": 0.4, "expected_high": 0.6}
            for i, who in enumerate(named)
        ]
    ).assign(decisive=False)
    for several in (data, pd.concat([data] * 4, ignore_index=True)):
        figure = path_figure(several)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert "2 agents" in path_figure(data).axes[0].get_xticklabels()[1].get_text()


@pytest.mark.usefixtures("few")
def test_the_guide_adds_a_figure(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
    code = re.search(r"## A figure.*?```python\n(.*?)```", guide, flags=re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    monkeypatch.setattr(report, "AFTER", (names["section"], *report.AFTER))
    folder = write(run, tmp_path / "out").parent
    assert "figure-pace" in Marks(page(folder)).ids
    told = pd.read_csv(folder / "tables" / "pace.csv").set_index("condition")["seconds"]
    for condition, rows in run.rollouts.astype({"condition": "str"}).groupby("condition"):
        assert told[condition] == pytest.approx(rows["seconds"].mean())
    assert "solo_matched" in (folder / "figures" / "pace.svg").read_text(encoding="utf-8")


def test_every_contact_is_drawn_with_how_often_it_was_used(run: Run, reported: Path) -> None:
    told = pd.read_csv(reported / "tables" / "contacts.csv").set_index(["condition", "sender", "recipient"])["messages"]
    own = run.edges.astype(dict.fromkeys(("condition", "sender", "recipient"), "str"))
    own = own[(own["sender"] != "@task") & (own["condition"] == "team=firm_open")]
    own["recipient"] = own["recipient"].str.removeprefix("@")
    counts = own.groupby(["sender", "recipient"])["sent"].sum() / (run.rollouts["condition"] == "team=firm_open").sum()
    counts = counts[counts > 0]  # a name that may not be written to gets nothing
    assert len(counts) > 10
    assert told["team=firm_open"].reindex(counts.index).to_list() == pytest.approx(counts.to_list())
    numbers = re.findall(r'class="o-number"[^>]*>([^<]+)<', page(reported))
    assert f"{counts.max():.1f}" in numbers


def test_the_colors_of_arms_are_used_for_nothing_else(reported: Path, forked: Path) -> None:
    for folder, names in ((reported, ("headline", "forest_exploratory", "spend", "losses")), (forked, ("path_1",))):
        for name in names:
            picture = (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8").lower()
            assert not [color for color in COLORS if color.lower() in picture], name


def test_the_colors_stand_out_from_white() -> None:
    assert all(contrast(color) >= 3 for color in COLORS)
    assert all(contrast(color) >= 4.5 for color in (INK, GROUND))
    sheet = (Path(agentlab.__file__).parent / "base.css").read_text(encoding="utf-8")
    words = re.findall(r"--(?:ink|soft|link): (#\w{6})", sheet)
    assert len(words) == 3
    assert all(contrast(color) >= 4.5 for color in words)


def contrast(color: str) -> float:
    """With white, by WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_a_measures_axis_is_its_range_with_room_for_marks_at_its_ends(run: Run) -> None:
    (chart,) = measures.section(Material(run, summarize(run), arm_styles(run))).charts
    for ax in chart.draw().axes:
        low, high = ax.get_xlim()
        assert -0.05 <= low < 0
        assert 1 < high <= 1.05
        drawn = [float(x) for line in ax.get_lines() for x in line.get_xdata()]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownArgumentType, reportUnknownVariableType]
        assert all(0 <= x <= 1 for x in drawn)


# --- runs that lack something ---------------------------------------------------------------------------------------


def test_a_run_without_a_rollout_has_a_report(workdir: Path) -> None:
    with closing(sqlite3.connect(played().folder / "run.db")) as connection:
        for name in ("rollouts", "message_rows", "call_rows", "verdict_rows"):
            connection.execute(f"DELETE FROM {name}")
        connection.commit()
    text = page(write(load("run"), Path("out")).parent)
    assert "No rollout is finished yet" in text
    assert "0 finished rollouts" in text


@pytest.mark.usefixtures("few")
def test_an_unknown_price_is_not_zero(workdir: Path) -> None:
    played()
    with closing(sqlite3.connect("run/run.db")) as connection:
        connection.execute(
            "UPDATE call_rows SET cost = NULL WHERE rollout IN (SELECT id FROM rollouts WHERE condition = 'team=firm')"
        )
        connection.commit()
    folder = write(load("run"), Path("out")).parent
    arms = pd.read_csv(folder / "tables" / "spend_arms.csv").set_index("condition")["cost"]
    assert pd.isna(arms["team=firm"])
    assert arms["team=solo"] == 0
    assert "The price is unknown for 2 rollouts" in page(folder)


@pytest.mark.usefixtures("few")
def test_nothing_is_said_of_a_judge_that_cannot_tell_good_from_bad(workdir: Path) -> None:
    text = page(write(played(), Path("out")).parent)
    assert "These differences do not support conclusions about which arm did better" in text
    assert "suppressed: the judge has no anchor texts" in text
    assert 'id="figure-forest' not in text
    assert 'id="figure-headline' not in text


def test_pairs_that_a_measure_lacks_are_drawn_in_the_forest_all_the_same() -> None:
    rows = [("m", "b - c", 0.1), ("m", "a - c", math.nan), ("n", "a - b", 0.3), ("n", "b - c", 0.2)]
    table = pd.DataFrame([{**dict.fromkeys(forest.COLUMNS), "role": "exploratory", "pairs": 5} for _ in rows])
    table[["measure", "contrast", "difference"]] = rows
    table[["a", "b"]] = [contrast.split(" - ") for _, contrast, _ in rows]
    known = {name: MeasureSummary(name, (0.0, 1.0), 1, None, "", "") for name in "mn"}
    table["within"], table["conclusion"] = "", "not tested"
    (chart,) = forest.charts(pd.concat([table, table.iloc[[0]].assign(measure="o")]), {**known, "o": known["m"]})
    assert list(dict.fromkeys(chart.data["contrast"])) == ["a - b", "b - c", "a - c"]
    assert len(chart.draw().axes) == 3


@pytest.mark.usefixtures("few")
def test_one_arm_is_compared_with_nothing(workdir: Path) -> None:
    solo = "    solo: {organization: {cast: [boss], protocol: {kind: chain, stages: [[boss]]}}}\n"
    text = page(write(played(("factors:\n  team:\n    firm: {}\n" + solo, "")), Path("out")).parent)
    assert 'id="contrasts"' not in text, "a part that has nothing to show is left out"
    assert "nothing is compared" in text
    assert "nothing to compare" in text


# --- texts of others ------------------------------------------------------------------------------------------------


def test_names_that_would_act_are_shown(hostile: Run) -> None:
    run, folder = hostile, hostile.folder.parents[1] / "out"
    assert run.rollouts["arm"].nunique() == len(NAMES)
    text = page(folder)
    marks = Marks(text)
    assert not marks.names & {"iframe", "img", "object", "embed", "form", "base"}
    assert text.count("<script") == 1, "our own, and the policy lets no other run"
    assert HOSTILE in marks.text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "not recorded" in text
    labels = [style.label for style in arm_styles(run).values()]
    assert len(set(labels)) == len(NAMES)
    with (folder / "tables" / "measures.csv").open(encoding="utf-8", newline="") as file:
        assert {restore(row["condition"]) for row in csv.DictReader(file)} == set(run.measures["condition"])


@pytest.mark.usefixtures("few")
def test_levels_with_commas_are_levels(workdir: Path) -> None:
    arms = [("a,b", "x"), ("c=d", "x"), ("a,b", "y,z=1"), ("c=d", "y,z=1")]
    rows = [
        {"task": f"t{i % 3}", "one": one, "two": two, "text": f"It is {(i + len(one + two)) % 4}.", "target": "2"}
        for i in range(12)
        for one, two in arms
    ]
    Path("old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = Columns.of("task", "text", factors=["one=one", "two=two"], target="target")
    folder = table(Path("old.jsonl"), "jsonl", columns).folder
    asyncio.run(rejudge(folder, ["final_number"], None, Progress()))
    out = write(load(folder), Path("out")).parent
    effects = pd.read_csv(out / "tables" / "contrasts_effects.csv")
    assert set(effects["within"]) == {"one=a,b", "one=c=d", "two=x", "two=y,z=1"}
    assert effects["in_draw_sd"].notna().all()


def test_no_page_asks_for_anything(reported: Path) -> None:
    text = page(reported)
    marks = Marks(text)
    script = text[text.index("<script>") + 8 : text.index("</script>")]
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; script-src &#39;sha256-{known}&#39;" in text
    assert text.count("<script") == 1
    assert [link for link in marks.links if re.match(r"(?!data:,)\w+:|//", link)] == []
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []


def test_where_the_run_lies_is_not_told(run: Run, reported: Path) -> None:
    assert str(run.folder.parent) not in page(reported)


def test_56_things_can_be_told_apart() -> None:
    seen = {(one.color, one.marker) for one in (nth_style(i, "") for i in range(56))}
    assert len(seen) == 56


def test_a_long_name_is_cut_in_its_middle() -> None:
    assert short("organization_variant_17", 12) == "organi…nt_17"
    assert short("firm", 12) == "firm"


# --- the command ----------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_or_found_is_told(run: Run, workdir: Path) -> None:
    Path("file").write_text("")
    with pytest.raises(StoreError, match="give another --out"):
        write(run, Path("file"))
    with pytest.raises(StoreError, match="no run 'nothing', neither as a folder nor under runs/"):
        CliRunner().invoke(app, ["report", "nothing"], catch_exceptions=False)


# --- in a browser ---------------------------------------------------------------------------------------------------

browser = pytest.mark.skipif(chromium.BROWSER is None, reason="needs Chromium")


@pytest.fixture
def many(workdir: Path) -> Path:
    """Seven arms with long names on ten tasks."""
    arms = "".join(
        f"    organization_{i:02}: {{addendum: {{note: {{text: It is {i}., to: all}}}}}}\n" for i in range(5)
    )
    tasks = "".join(f"  a_task_with_quite_a_long_name_{i}: {{prompt: Help {i}.}}\n" for i in range(10))
    both = "    criteria: {focus: {text: Is it focused?}, harm: {text: Does it harm?}}\n"
    run = played(
        ("    firm: {}\n", f"    firm: {{}}\n{arms}"),
        ('  loan: {prompt: "Help {{client}}.", fields: {client: Bank}}\n', tasks),
        ("    criteria: {focus: {text: Is it focused?}}\n", both),
        (
            "criteria: [focus]}\n",
            "criteria: [focus]}\n  misalignment: {judge: quality, criteria: [harm], range: [1, 0]}\n",
        ),
        ("draws: 2", "draws: 1"),
    )
    return write(run, Path("many")).parent


@pytest.mark.process
@browser
def test_a_browser_shows_it_whole(reported: Path, many: Path, hostile: Run, forked: Path, workdir: Path) -> None:
    folders = (reported, many, hostile.folder.parents[1] / "out", forked)
    pages = [(folder / "index.html", width) for folder in folders for width in (900, 390)]
    seen, complaints = chromium.look(workdir, pages)
    assert complaints == ""
    for (path, width), one in zip(pages, seen, strict=True):
        assert one.width == width
        assert one.wide <= width, f"{path} is wider than the window"
        assert one.requests == []
        assert one.background == "rgb(255, 255, 255)"
        assert one.wrong == [], path
        assert one.smallest >= 8.5, f"{path} has letters of {one.smallest} pixels at {width}"
        assert len(one.figures) == page(path.parent).count("<figure ")
        for name, (across, high) in one.figures.items():
            assert across > (80 if name.startswith("figure-organization") else 300), name
            assert high > 60, name


@pytest.mark.process
@browser
def test_the_first_screen_has_the_question_the_findings_the_figure_and_the_organizations(
    reported: Path, workdir: Path
) -> None:
    code = """
    const top = element => element.getBoundingClientRect().top, low = element => element.getBoundingClientRect().bottom;
    const figure = page.querySelector("#figure-headline"), drawings = [...page.querySelectorAll(".lead .organization")];
    return {words: page.querySelector("h1").textContent, figure: low(figure), found: low(page.querySelector(".found")),
            limits: top(page.querySelector(".limits")), drawn: Math.max(...drawings.map(top)), n: drawings.length};
    """
    seen = chromium.evaluate(workdir, reported / "index.html", code)
    assert "planted in a simulated firm" in seen["words"]
    assert max(seen["figure"], seen["found"], seen["limits"], seen["drawn"]) < 800
    assert seen["n"] == 2, "of the two arms that are compared"


@pytest.mark.process
@browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_figure_needs_no_scrolling(reported: Path, workdir: Path, width: int) -> None:
    code = """
    const figure = page.querySelector("#figure-headline");
    const shown = [...figure.querySelectorAll("svg")].filter(one => one.checkVisibility());
    const ends = [...shown[0].querySelectorAll("text")].map(text => text.getBoundingClientRect().right);
    return {shown: shown.length, words: shown[0].textContent, end: Math.max(...ends)};
    """
    seen = chromium.evaluate(workdir, reported / "index.html", code, (width, 800))
    assert seen["shown"] == 1
    assert seen["end"] <= width
    assert "firm_open − solo_matched" in seen["words"]
    assert "n = " in seen["words"]


@pytest.mark.process
@browser
def test_a_table_is_sorted_by_a_click_and_searched(reported: Path, workdir: Path) -> None:
    code = """
    const table = page.querySelector("#organizations table");
    const place = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent === "messages");
    const click = () => table.tHead.rows[0].cells[place].querySelector("button").click();
    const read = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[place].textContent));
    click(); const rising = read(); click(); const falling = read();
    const search = table.closest(".wide").previousElementSibling.querySelector("input");
    search.value = "firm_open ANALYST"; search.dispatchEvent(new Event("input"));
    const left = [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => row.textContent);
    return {rising, falling, left, all: table.tBodies[0].rows.length};
    """
    seen = chromium.evaluate(workdir, reported / "index.html", code)
    assert seen["rising"] == sorted(seen["rising"])
    assert seen["falling"] == seen["rising"][::-1]
    assert 0 < len(seen["left"]) < seen["all"]
    assert all("firm_open" in row and "analyst" in row for row in seen["left"])


@pytest.mark.process
@browser
def test_the_browser_would_see_texts_upon_each_other(workdir: Path) -> None:
    texts = '<text x="10" y="30">one</text><text x="12" y="31">two</text><text x="290" y="50">far out</text>'
    svg = f'<svg width="300" height="80">{texts}</svg>'
    Path("bad.html").write_text(f'<!doctype html><figure id="f">{svg}</figure><p style="width: 2000px">wide</p>')
    (one,), _ = chromium.look(workdir, [(Path("bad.html"), 900)])
    assert ["f", "one", "two"] in one.wrong
    assert ["f", "cut off", "far out"] in one.wrong
    assert one.wide > 900
