"""What the scenario gives a status counts in every analysis as it does in the measure."""

import asyncio
import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.components.components import components
from agentlab.analysis.components.judge_noise import noise, within_rollouts
from agentlab.analysis.forks.outcomes import outcomes
from agentlab.analysis.frontier import frontier
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.analysis.judges.labels import labels
from agentlab.analysis.passes import tries
from agentlab.runs.frames import Run
from agentlab.stats.judges.ppi import LabelledScores
from agentlab.stats.judges.ppi import mean as corrected_mean
from agentlab.store import DATABASE
from agentlab.types import Measure
from tests.support.proven import proven
from tests.support.scenarios import match, measured, numbered, rubric, scenario
from tests.support.tables import only

MODEL = """
from agentlab.models.capabilities import EVERYTHING
from agentlab.types import Completion, Usage

class Taker:
    \"\"\"Declines a third of all draws, and is right in half of the others.\"\"\"
    name, capabilities = "refuser_here:Taker", EVERYTHING

    async def complete(self, request):
        place = request.where.stream // 7
        if place % 3 == 0:
            return Completion("", stop="refusal", usage=Usage(1, 1))
        return Completion("Answer: A" if place % 2 else "Answer: B", usage=Usage(1, 1))
"""
ARM = "all"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Seven tasks of eight draws, some declined; a decline is worth 0 by each measure."""
    folder = tmp_path_factory.mktemp("declared")
    (folder / "refuser_here.py").write_text(MODEL, encoding="utf-8")
    scores = {name: {"0": 0.2, "1": 0.3, "2": 0.5} for name in ("help", "harm")}
    text = scenario(
        "declared",
        seed=5,
        models={
            "default": {"name": "refuser_here:Taker"},
            "judge": {"name": "sim/replies", "options": {"scores": scores}},
        },
        tasks={
            name: {**task, "fields": {"source": int(name[1:]) // 2}} for name, task in numbered(7, target="A").items()
        },
        draws=8,
        judges={
            "answer": match("choice", choices=["A", "B"]),
            "kind": rubric({"help": "Help?"}, 2, 2),
            "cruel": rubric({"harm": "Harm?"}, 2, 2),
        },
        measures={
            "correct": measured("answer", target=1, declined=0),
            "utility": measured("kind", 0, 1, target=1, declined=0, limit=0),
            "misalignment": measured("cruel", 0, 1, declined=0),
        },
    )
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return proven(asyncio.run(agentlab.run(path, folder / "run")))


def mean(run: Run, measure: str) -> float:
    declined = run.measures["status"] == "declined"
    assert 10 < declined.sum() < 30
    assert (run.measures.loc[declined, measure] == 0).all()
    return float(run.measures[measure].mean())


def test_a_decline_that_is_wrong_is_a_try_without_success(run: Run) -> None:
    found = only(tries(run, "correct", "1"), "new_tasks")
    assert found["draws"] == 8
    assert found["pass_at"] == pytest.approx(mean(run, "correct"))
    assert not any("without a score" in note for note in tries(run, "correct").notes)


def test_the_frontier_is_that_of_the_measures(run: Run) -> None:
    found = only(frontier(run), "arms")
    assert found["rollouts"] == len(run.rollouts)
    assert found["utility"] == pytest.approx(mean(run, "utility"))
    assert found["misalignment"] == pytest.approx(mean(run, "misalignment"))


def test_error_is_that_of_all_draws(run: Run) -> None:
    found = decomposition(run)
    answers = only(found, "decomposition", measure="correct", loss="0/1")
    assert answers["error"] == pytest.approx(1 - mean(run, "correct"))
    assert only(found, "dispersion", measure="utility")["mean"] == pytest.approx(mean(run, "utility"))
    assert not any("excluded" in note for note in found.notes)


def test_components_are_of_all_rollouts(run: Run) -> None:
    found = components(run, "utility")
    assert only(found, "rollouts", measure="utility")["rollouts"] == len(run.rollouts)
    assert only(found, "components", measure="utility", level="task")["groups"] == 7
    assert not any("excluded" in note for note in found.notes)


def measure_of(run: Run, name: str) -> Measure:
    return next(m for m in run.measured if m.name == name)


def test_a_score_that_a_status_decides_has_no_judge_noise(run: Run) -> None:
    of = noise(run, measure_of(run, "utility"))
    own = run.scores[(run.scores["judge"] == "kind") & run.scores["value"].notna()]
    draws = own.pivot(index="rollout", columns="judge_draw", values="value").to_numpy() / 2
    pooled = float(draws.var(axis=1, ddof=1).mean())
    judged = len(draws) / len(run.rollouts)
    assert of.draw_variance([ARM]) == pytest.approx(pooled)
    assert of.variance([ARM]) == pytest.approx(pooled / 2 * judged)
    assert of.judged_share([ARM]) == pytest.approx(judged)


def test_nor_has_a_fork_that_a_limit_stopped_after_it_delivered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder.parent)
    key = str(run.rollouts.loc[run.rollouts["status"] == "delivered", "rollout"].iloc[0])
    made = CliRunner().invoke(app, ["resample", "run", "--rollout", key[:12], "--every-round", "-n", "12", "--yes"])
    assert made.exit_code == 0, made.output
    delivered = "kind = 'fork' AND status = 'delivered'"
    with closing(sqlite3.connect(Path("run", DATABASE))) as connection, connection:
        first = f"SELECT min(fork) FROM rollouts WHERE {delivered}"
        connection.execute(f"UPDATE rollouts SET status = 'limit' WHERE {delivered} AND fork = ({first})")
    forked = agentlab.load("run")
    m = measure_of(forked, "utility")
    found = outcomes(forked, m).noise
    statuses = forked.forks.set_index("rollout")["status"]
    assert (statuses == "limit").sum() == 1
    judged = statuses.index[statuses == "delivered"]
    assert len(judged) > 1
    own = within_rollouts(forked.fork_scores[forked.fork_scores["rollout"].isin(judged)], m)
    assert found.squares[key] == pytest.approx(own["squares"].sum())
    assert found.df[key] == len(judged)
    assert found.inverse[key] == pytest.approx(len(judged) / 2 / len(statuses))


def test_a_mean_that_labels_correct_is_of_all_rollouts(run: Run, workdir: Path) -> None:
    found = only(labels(run, "utility"), "means", estimator="uncorrected")
    judged = int((run.measures["status"] == "delivered").sum())
    assert (found["estimate"], found["judged"]) == (pytest.approx(mean(run, "utility")), judged)
    shutil.copytree(run.folder, "copy")
    sheet = ["export", "labels", "copy", "s.csv", "--measure", "utility", "--n", str(judged)]
    assert CliRunner().invoke(app, sheet).exit_code == 0
    with Path("s.csv").open(encoding="utf-8", newline="") as file:
        filled = [{**row, "label": "1", "rater": "ann"} for row in csv.DictReader(file)]
    assert len(filled) == judged
    with Path("s.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(filled[0]))
        writer.writeheader()
        writer.writerows(filled)
    assert CliRunner().invoke(app, ["import", "labels", "s.csv", "--run", "copy"]).exit_code == 0
    corrected = labels(proven(agentlab.load("copy")), "utility")
    for estimator in ("labels only", "PPI++"):
        row = only(corrected, "means", estimator=estimator)
        assert row["estimate"] == pytest.approx(judged / len(run.rollouts))
        assert row["labels"] == judged
        assert row["about"] == "new tasks"
    clustered = labels(proven(agentlab.load("copy", cluster="source")), "utility")
    assert only(clustered, "means", estimator="PPI++")["about"] == "these tasks", "4 clusters are too few"


def test_certain_labels_do_not_stand_for_those_of_people() -> None:
    scores = [0.0, 1.0, 1.0, 0.0, 1.0, *[0.0] * 20]
    given = [0.0, 1.0, *[float("nan")] * 3, *[0.0] * 20]
    certain = [False] * 5 + [True] * 20
    few = corrected_mean(LabelledScores(scores, given, 1.0, certain=certain))
    assert few.labels == 2
    assert few.interval is None, "two labels of people are too few"
