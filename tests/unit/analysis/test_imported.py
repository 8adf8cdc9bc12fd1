"""Imported rows are compared as pairs only where a column names their draws: no order of rows is taken for one."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.mixed import mixed
from agentlab.analysis.contrasts.notes import scope
from agentlab.analysis.incoherence.length import length
from agentlab.analysis.judges.labels import labels
from agentlab.errors import AnalysisError, MismatchError
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.runs.frames import Run, load
from agentlab.runs.imports import Columns, table
from agentlab.stats.contrasts.unpaired import unpaired
from tests.support.tables import assert_alike

TASKS = 8


def brought(x: Sequence[Sequence[int]], y: Sequence[Sequence[int]], named: bool = False, out: str = "run") -> Run:
    """A judged run of two arms, each a list of answers for each task, in a file that is sorted by answer."""
    rows = [
        {"q": f"t{t}", "arm": arm, "text": str(answer), "n": draw, "gold": 1}
        for arm, answers in (("x", x), ("y", y))
        for t, own in enumerate(answers)
        for draw, answer in enumerate(own, 1)
    ]
    Path("old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Path("right.yaml").write_text("kind: match\nby: number\n", encoding="utf-8")
    columns = Columns.of("q", "text", "arm", target="gold", draw="n" if named else None)
    folder = table("old.jsonl", "jsonl", columns, out=out).folder
    asyncio.run(rejudge(folder, ["right.yaml"], None, Progress(), 8))
    return load(folder)


def shares(*counts: int, of: int) -> list[list[int]]:
    """By task as many right answers, sorted."""
    return [[0] * (of - count) + [1] * count for count in counts]


def test_ten_sorted_rows_against_five_are_no_difference(workdir: Path) -> None:
    """By the order of rows these had a difference of -0.5 with p < .001, from means of 0.5."""
    x, y = shares(*[4, 6] * 4, of=10), shares(*[2, 3, 3, 2] * 2, of=5)
    (found,) = contrasts(brought(x, y))
    tasks = [[f"t{t}" for t, own in enumerate(arm) for _ in own] for arm in (x, y)]
    assert_alike(
        found.result, unpaired((tasks[0], tasks[1]), ([v for own in x for v in own], [v for own in y for v in own]))
    )
    assert found.result.difference == pytest.approx(0)
    assert (found.paired, found.scored, found.result.pairs, found.result.dropped) == (False, (80, 40), 0, 0)
    assert found.conclusion == "no difference found"
    said = CliRunner().invoke(app, ["stats", "run", "contrasts"]).stdout
    assert "unpaired within tasks, on up to 8 tasks and 40 rollouts of the smaller arm" in said
    assert "rows are never paired by their order" in said


def test_named_draws_are_pairs_and_what_has_no_partner_is_dropped(workdir: Path) -> None:
    x, y = shares(*[4, 6] * 4, of=10), shares(*[2, 3, 3, 2] * 2, of=5)
    (found,) = contrasts(brought(x, y, named=True))
    assert (found.paired, found.result.pairs, found.result.dropped) == (True, 40, 40)
    assert "40 rollouts without a partner in the other arm excluded" in found.result.notes


def test_one_text_of_every_task_and_arm_is_a_pair(workdir: Path) -> None:
    (found,) = contrasts(brought([[1]] * TASKS, [[0]] * TASKS))
    assert (found.paired, found.result.pairs) == (True, TASKS)
    assert (found.p, found.outcome) == (2 / 2**TASKS, "different")


@pytest.mark.parametrize(("tasks", "p"), [(10, 2 / 1024), (3, 2 / 2**15)])
def test_all_right_against_all_wrong_is_the_largest_difference_and_has_a_test(
    tasks: int, p: float, workdir: Path
) -> None:
    run = brought([[1] * 5] * tasks, [[0] * 5] * tasks, named=True)
    (found,) = contrasts(run)
    assert (found.p, found.interval, found.outcome, found.distance) == (p, None, "different", 1.0)
    told = scope([found])
    assert (
        told[0]
        == f"Each conclusion is about {'new tasks' if tasks == 10 else 'these 3 tasks only'}, and considers one "
        f"contrast at a time."
    )
    assert told[-1].endswith("differs by the same amount; its p value comes from the sign-flip test.")
    with pytest.raises(AnalysisError, match="there is nothing to fit"):
        mixed(run)


def test_draws_that_were_named_once_stay_named(workdir: Path) -> None:
    brought([[1]], [[0]], named=True)
    with pytest.raises(MismatchError, match=re.escape("draws are named by a column; name the column with --draw")):
        brought([[1, 1]], [[0, 0]])
    brought([[1]], [[0]], out="other")
    with pytest.raises(MismatchError, match=re.escape("draws are numbered by the order of rows; leave out --draw")):
        brought([[1, 1]], [[0, 0]], named=True, out="other")


def test_a_judge_of_pairs_is_refused_before_it_asks(workdir: Path) -> None:
    folder = brought(shares(1, 1, of=2), shares(1, 1, of=2)).folder
    with pytest.raises(MismatchError, match="'preference' compares pairs, but the import had no draw column"):
        asyncio.run(rejudge(folder, ["preference"], "sim/replies", Progress(), 8))
    assert load(folder).pairs.empty


def test_no_other_analysis_takes_the_order_of_rows_for_pairs(workdir: Path) -> None:
    counts = [4, 6, 10, 8, 5, 9, 3, 7]
    run = brought(shares(*counts, of=20), shares(*counts[::-1], of=20))
    (row,) = mixed(run).tables["variances"].to_dict("records")
    assert row["draw_sd"] == 0, "a draw has nothing in common with one of the other arm"
    told = [row for row in labels(run).tables["contrasts"].to_dict("records") if row["estimator"] == "uncorrected"]
    assert len(told) == 1
    with pytest.raises(AnalysisError, match="no output_tokens in any rollout"):
        length(run)  # so that imported texts are in no averages over the order of draws
