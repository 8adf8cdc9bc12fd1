"""Several tries through a run: every subset counted by hand, what is refused, and what the command line prints."""

import asyncio
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.components.components import components
from agentlab.analysis.passes import tries
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.components.two_values import two_valued
from tests.support.proven import proven
from tests.support.tables import only, rows
from tests.support.tried import play

ARM = "team=one"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Eight tasks of five draws, by judges that told their anchor texts apart."""
    return proven(asyncio.run(play(tmp_path_factory.mktemp("tries"), 8)))


def answers(run: Run) -> list[list[str]]:
    """By task, what one arm answered; an output without an answer has none."""
    own = run.scores[(run.scores["judge"] == "answer") & (run.scores["condition"] == ARM)]
    found: dict[str, list[str]] = {}
    for task, label in zip(own["task"], own["label"].fillna("none"), strict=True):
        found.setdefault(str(task), []).append(str(label))
    return list(found.values())


def wins(subset: tuple[str, ...]) -> float:
    """The share of A in a vote: of answers that tie each wins as often."""
    counts = Counter(subset)
    most = max(counts.values())
    return (counts["A"] == most) / sum(count == most for count in counts.values())


def test_every_subset_of_draws_counts_once(run: Run) -> None:
    tasks = answers(run)
    assert any("none" in task for task in tasks)
    for k in (1, 2, 3, 5):
        found = only(tries(run, k=str(k)), "new_tasks", measure="correct", condition=ARM)
        shares: list[tuple[float, float, float]] = []
        for task in tasks:
            every = list(combinations(task, k))
            one, whole = sum("A" in subset for subset in every), sum(subset.count("A") == k for subset in every)
            shares.append((one / len(every), whole / len(every), sum(map(wins, every)) / len(every)))
        assert [found["pass_at"], found["pass_all"], found["majority"]] == pytest.approx(np.mean(shares, axis=0))
        assert (found["k"], found["tasks"], found["draws"]) == (k, 8, 5)
        ends = found["pass_at_low"], found["pass_at_high"]
        assert k == 5 or 0 < ends[0] < found["pass_at"] < ends[1] < 1


def test_sizes_double_up_to_the_draws_and_the_sure_have_no_interval(run: Run) -> None:
    found = tries(run)
    assert [row["k"] for row in rows(found, "new_tasks", measure="correct", condition=ARM)] == [1, 2, 4]
    sure = only(found, "new_tasks", measure="correct", condition="team=sure", k=4)
    assert sure["pass_at"] == sure["pass_all"] == sure["majority"] == 1
    assert [sure["pass_at_low"], sure["pass_at_high"]] == pytest.approx([0.025 ** (1 / 8), 1])
    assert (
        "harm, k = 2, pass at, pass all: no interval for these tasks: it needs 10 draws of each task, and a task has 5"
        in found.notes
    )
    these = only(found, "these_tasks", measure="correct", condition=ARM, k=1)
    assert 0 < these["pass_all_low"] < these["pass_all"] < these["pass_all_high"]
    assert "harm, k = 4: no interval for these tasks: it needs 20 draws of each task, and a task has 5" in found.notes
    assert [*dict.fromkeys(found.tables["these_tasks"]["measure"])][:2] == ["correct", "harm"]
    assert found.says.startswith("Success with k tries on 8 tasks in 2 arms, from all subsets of k among the 5 draws")


def test_one_quantity_has_one_interval(run: Run) -> None:
    """Accuracy in the result and of one try; the variance over draws in both tables of components."""
    summaries = {arm.condition: arm.means["correct"].new_tasks for arm in agentlab.summarize(run).arms}
    for row in rows(tries(run, k="1"), "new_tasks", measure="correct"):
        mean = summaries[row["condition"]]
        for name in ("pass_at", "pass_all", "majority"):
            assert (row[f"{name}_low"], row[f"{name}_high"]) == (mean.low, mean.high)
    found = components(run, "correct")
    draw = only(found, "components", condition=ARM, level="draw")
    variance = only(found, "rollouts", condition=ARM)
    assert (variance["score_variance"], variance["low"], variance["high"]) == pytest.approx(
        (draw["variance"], draw["low"], draw["high"])
    )
    right = [task.count("A") for task in answers(run)]
    known = two_valued([t for t in range(8) for _ in range(5)], [float(i < c) for c in right for i in range(5)], (0, 1))
    assert known is not None
    assert draw["low"] == pytest.approx(known.draw[0])
    assert only(found, "components", condition=ARM, level="total")["low"] == pytest.approx(known.total[0])
    assert any(line.startswith("anova: ") for line in found.explained(found.tables.values()))


def test_a_suppressed_measure_is_worth_nothing(run: Run) -> None:
    bare = agentlab.load(run.folder)
    found = tries(bare)
    assert set(found.tables["new_tasks"]["measure"]) == {"correct"}
    assert any(note.startswith("harm: suppressed: the judge has no anchor texts") for note in found.notes)
    with pytest.raises(AnalysisError, match="harm: suppressed: the judge has no anchor texts"):
        tries(bare, "harm")


def test_right_is_the_better_end_of_the_scale(run: Run) -> None:
    """The target of harm is 0, so that a score of 0 is right."""
    own = run.scores[(run.scores["judge"] == "once") & (run.scores["condition"] == ARM)]
    found = only(tries(run, "harm", "1"), "these_tasks", condition=ARM)
    assert found["pass_at"] == pytest.approx(float((own["value"] == 0).mean()))


def test_rollouts_without_a_score_are_left_out_and_told(run: Run) -> None:
    copy, scores = agentlab.load(run.folder), run.scores.copy()
    lost = scores.index[(scores["judge"] == "answer") & (scores["condition"] == ARM)][:2]
    scores.loc[lost, ["outcome", "value"]] = ["error", np.nan]
    copy.__dict__["scores"] = scores
    found = tries(copy, "correct")
    assert f"correct, {ARM}: 2 rollouts without a score excluded" in found.notes
    assert only(found, "these_tasks", condition=ARM, k=1)["draws"] == 5 - max(
        Counter(scores.loc[lost, "task"]).values()
    )


@pytest.mark.parametrize(
    ("measure", "k", "why"),
    [
        ("correct", "1,6", "k = 6, but team=one has a task with 5 scored draws of correct"),
        ("correct", "0", "k = '0'; give whole numbers from 1, such as 1,5,10"),
        ("correct", "two", "k = 'two'; give whole numbers"),
        (
            "again",
            None,
            "no 'again' that one judge draw scores as right or wrong; a `match` judge provides one: agentlab judge",
        ),
    ],
)
def test_what_is_refused(run: Run, measure: str, k: str | None, why: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        tries(run, measure, k)
    assert why in str(caught.value)


async def test_under_six_tasks_nothing_is_claimed_beyond_them(tmp_path: Path) -> None:
    found = tries(await play(tmp_path, 3), "correct", "1")
    row = only(found, "new_tasks", condition=ARM)
    assert row["pass_at_low"] is None or np.isnan(row["pass_at_low"])
    assert only(found, "these_tasks", condition=ARM)["pass_at_low"] > 0
    assert "correct, k = 1: 3 tasks: too few for conclusions about new tasks (at least 6 are needed)" in found.notes


def test_the_command_line_prints_them(run: Run, workdir: Path) -> None:
    words = ["stats", str(run.folder), "passes", "--k", "1,3", "--measure", "correct", "--csv", "out"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "Several tries" in result.stdout
    assert "wrote into out: passes.csv, passes_these_tasks.csv" in result.stdout
    table = pd.read_csv("out/passes.csv")
    assert table["k"].tolist() == [1, 3, 1, 3]
    assert table["pass_at"].tolist() == pytest.approx(tries(run, "correct", "1,3").tables["these_tasks"]["pass_at"])
    refused = CliRunner().invoke(app, ["stats", str(run.folder), "passes", "--k", "9"])
    assert isinstance(refused.exception, AnalysisError)
