"""The means of arms have intervals inside their range wherever they are told with one."""

import asyncio

import pytest

from agentlab.analysis.summary import summarize
from agentlab.report.measures import means
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import arm_mean
from tests.support.numbers import close
from tests.support.proven import proven
from tests.support.tables import assert_alike
from tests.support.tried import play


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Eight tasks of five draws, in an arm that is always right and one that is not."""
    return proven(asyncio.run(play(tmp_path_factory.mktemp("means"), 8)))


def test_an_arm_that_is_always_right_may_be_wrong_on_other_tasks(run: Run) -> None:
    sure = next(arm for arm in summarize(run).arms if arm.condition == "team=sure").means["correct"]
    close([sure.these_tasks.low, sure.these_tasks.high], [0.025 ** (1 / 40), 1.0], rtol=1e-9)
    close([sure.new_tasks.low, sure.new_tasks.high], [0.025 ** (1 / 8), 1.0], rtol=1e-9)


def test_the_report_shows_the_intervals_of_the_summary(run: Run) -> None:
    summary = summarize(run)
    rows = means(run, summary).to_dict("records")
    table = {(row["measure"], row["condition"]): row for row in rows}
    for arm in summary.arms:
        own = run.measures[(run.measures["condition"] == arm.condition).to_numpy()]
        tasks = own["task"].astype("str").tolist()
        made, row = arm.means["correct"], table["correct", arm.condition]
        assert_alike(made, arm_mean(own["correct"].to_numpy(), tasks))
        close(row["mean"], made.new_tasks.value)
        names = "new tasks_low, these tasks_low, mean, these tasks_high, new tasks_high".split(", ")
        ends = [row[name] for name in names]
        assert ends == sorted(ends)
        assert ends[0] >= 0
        assert ends[-1] <= 1
