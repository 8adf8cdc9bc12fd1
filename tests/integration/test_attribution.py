"""Attribution from a scenario to its tables: a relay whose turn effects are known is run, forked and analysed."""

from pathlib import Path

import pytest

import agentlab
from agentlab.analysis.forks.attribution import attribution
from agentlab.analysis.forks.interventions import interventions
from agentlab.analysis.forks.path import path
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample import draw, plan
from agentlab.experiment.resample.request import ForkRequest
from agentlab.experiment.resample.swaps import Swap
from agentlab.runs.frames import Run
from tests.support.scenarios import chain, measured, rubric, scenario

RELAY = "sim/known_truth.relay:Relay"
SDS = {"drafter": 0.05, "critic": 0.04, "checker": 0.02, "writer": 0.03}
TOGETHER = [{"agents": ["critic", "checker"], "sd": 0.03}]
SCENARIO = scenario(
    "turns",
    seed=5,
    models={
        "default": {"name": RELAY, "options": {"sd": SDS, "together": TOGETHER}},
        "better": {"name": RELAY, "options": {"bias": {"worth": 0.2}}},
        "judge": {"name": RELAY, "options": {"judge_sd": 0.04}},
    },
    tasks={
        "one": {"prompt": "Start at worth 0.5, harm 0.3."},
        "two": {"prompt": "Start at worth 0.4, harm 0.3."},
    },
    organization=chain(["drafter"], ["critic", "checker"], ["writer"], says=None, rounds=3),
    draws=15,
    judges={"worth": rubric({"worth": "With what worth does it end?"}, draws=2)},
    measures={"worth": measured("worth", 0, 1)},
)
JUDGE = (0.04**2 + 1 / 6 / 100**2) / 2
TRUTH = {"round 1": 0.05**2, "round 2": 0.04**2 + 0.02**2 + 0.03**2, "round 3": 0.03**2, "judge noise": JUDGE}


async def forked(folder: Path, request: ForkRequest) -> Run:
    await draw(plan(folder, request), Progress())
    return agentlab.load(folder)


async def test_what_was_planted_in_turns_is_found_by_forks(workdir: Path) -> None:
    (workdir / "turns.yaml").write_text(SCENARIO, encoding="utf-8")
    folder = workdir / "run"
    run = await agentlab.run("turns.yaml", folder)
    rollouts = len(run.rollouts)
    run = await forked(folder, ForkRequest(every_round=True, by_agent=True, n=4))
    found = attribution(run)
    rounds = found.tables["rounds"].set_index("term")
    assert rounds.index.tolist() == [*TRUTH, "total"]
    for term, truth in TRUTH.items():
        low, high = rounds["these_tasks_low"][term], rounds["these_tasks_high"][term]
        assert low - (high - low) / 2 < truth < high + (high - low) / 2, term
    assert rounds["variance"][:4].sum() == pytest.approx(rounds["variance"]["total"], rel=1e-9)
    turns = found.tables["turns"].set_index("agent")
    assert turns["method"].to_dict() == {
        **dict.fromkeys(("drafter", "checker", "critic", "writer"), "shapley"),
        "interaction": "beside",
    }
    assert turns["variance"][["checker", "critic"]].sum() == pytest.approx(rounds["variance"]["round 2"], rel=1e-9)
    assert f"{rollouts} of {rollouts} rollouts are parents" in " ".join(found.notes)
    key = str(run.forks["parent"].iloc[0])
    steps = path(run, key[:12]).tables["path"]
    assert steps["cut"].tolist() == [0, 1, 2, 3]
    assert steps["agents"].tolist() == [(), ("drafter",), ("checker", "critic"), ("writer",)]
    own = run.measures.set_index("rollout")["worth"][key]
    assert steps["expected"].iloc[-1] == pytest.approx(own)
    run = await forked(folder, ForkRequest(swap=Swap("writer", "better"), at="2", n=4))
    assert len(run.rollouts) == rollouts
    effects, beside = (table.iloc[0] for table in interventions(run).tables.values())
    assert (effects["change"], effects["pairs"], beside["dropped"]) == ("swap writer=better", 4 * rollouts, 0)
    assert beside["these_tasks_low"] < 0.2 < beside["these_tasks_high"]
