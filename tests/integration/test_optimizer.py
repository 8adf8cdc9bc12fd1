"""The synthetic optimizer: a teacher whose errors are known, and the transformer's numbers and steps."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_truth import optimizer_net
from known_truth.optimizer import FIXED, GOAL, ROOT, Imitator

from agentlab.analysis.analyse import analyse
from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from agentlab.types import ChatMessage, Request, Settings, Where

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "optimizer.yaml"
coordinates = st.tuples(*[st.integers(-9999, 9999)] * 2)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Generation 0, which needs no transformer."""
    out = tmp_path_factory.mktemp("optimizer") / "run"
    only = Selection(("start", "sampling"), {"width": ("w32",)}, 12)
    asyncio.run(session.run(load_design(SCENARIO), out, only, Progress()))
    return load(out)


def test_a_planted_goal_is_found_as_bias_and_one_start_has_no_variance(teacher: Run) -> None:
    means: Any = teacher.measures.groupby(["goal", "task"], observed=True)[["steep", "flat"]].agg(["mean", "var"])
    for goal, off in (("meant", 0.0), ("planted", 0.3)):
        for task in ("start", "sampling"):
            assert means.loc[(goal, task), ("steep", "mean")] == pytest.approx(off, abs=0.01)
            assert means.loc[(goal, task), ("flat", "mean")] == pytest.approx(0, abs=0.01)
        assert means.loc[(goal, "sampling"), ("steep", "var")] == 0
        assert 0 < means.loc[(goal, "start"), ("flat", "var")] < 1e-3
    parts = analyse(teacher, "decompose", {}).tables["decomposition"]
    planted = parts[parts["condition"].str.contains("planted") & (parts["measure"] == "steep")]
    assert planted["bias2"].iloc[0] == pytest.approx(0.09, abs=0.005)


@given(coordinates)
def test_numbers_and_tokens_are_each_others_reverse(whole: tuple[int, int]) -> None:
    point = np.array([whole]) * optimizer_net.POINT
    told = optimizer_net.tokens(point, optimizer_net.POINT)
    assert told.shape == (1, optimizer_net.GIVEN)
    assert optimizer_net.values(told, optimizer_net.POINT) == pytest.approx(point)


def test_the_transformer_writes_only_numbers_and_greedily_always_the_same(tmp_path: Path) -> None:
    width, dice = 4, np.random.default_rng(0)
    shapes = {
        "token": (12, width),
        "place": (20, width),
        "head": (width, 12),
        "qkv0": (width, 12),
        "out0": (width, width),
    }
    shapes |= {"up0": (width, 16), "bias0": (16,), "down0": (16, width)}
    net: dict[str, Any] = {name: dice.normal(size=shape) for name, shape in shapes.items()}
    np.savez(tmp_path / "net.npz", layers=np.array(1), **net)
    agent = Imitator(steps=3, weights=str(tmp_path / "net.npz"), sha256=optimizer_net.digest(net))

    def way(temperature: float, stream: int) -> str:
        chat = (ChatMessage("user", f"Minimize: start fixed, temperature {temperature}."),)
        return agent(Request(chat, Settings(), (), Where("r", "walker", 1, 0, 1, stream))).text

    assert way(0, 1) == way(0, 2)
    assert len({way(1, stream) for stream in range(8)}) > 1
    points = np.array([line.split() for line in way(1, 1).split("\n")], dtype=np.float64)
    assert points.shape == (4, 2)
    assert points[0] == pytest.approx(FIXED)
    assert abs(points).max() <= 2


def test_the_norm_is_that_of_the_quadratic() -> None:
    away = np.array([0.463275, 0.043828]) - np.array(GOAL)
    assert float(np.sum((ROOT @ away) ** 2)) == pytest.approx(0.09, abs=1e-5)
