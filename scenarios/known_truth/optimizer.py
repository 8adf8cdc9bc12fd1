"""An optimizer with a known goal, and small transformers that are trained to imitate it (Hägele et al. 2026, section on
the synthetic optimizer; here in two dimensions, so that it takes CPU minutes).

The goal is to minimize f(x) = (x - b)' A (x - b) / 2. The teacher goes down the gradient in steps of one length. A
reply is the whole trajectory: one point per line. What counts is the last point, as z = A^(1/2) (x - b), whose squared
length is the error in the norm of A: bias^2 and variance of the two coordinates of z, summed, are those of the
optimizer.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from agentlab.errors import ModelError, TrainingError
from agentlab.training.trainer import Trained, TrainingJob, TrainingStep
from agentlab.training.trainers import environment, process
from agentlab.types import Completion, JudgeInput, Request, Verdict
from known_truth import optimizer_net

Floats = NDArray[np.float64]

GOAL = (0.2, -0.1)
"""b."""
CONDITION, ANGLE = 10.0, 0.5
"""A has the eigenvalues 1 and 1 / CONDITION; its first axis is turned by ANGLE (radians)."""
STEP = 0.05
"""The length of a step of the teacher."""
FIXED = (0.9, 0.5)
"""The start of those that all start at one point."""
EDGE = 2.0
"""No point lies further from 0 in either coordinate."""
SCALE = (-4.0, 4.0)
"""Of a coordinate of z."""
_TASK = re.compile(r"start (random|fixed), temperature (\d+(?:\.\d+)?)")


def _curvature() -> tuple[Floats, Floats]:
    """A and its root, of shape (2, 2)."""
    c, s = np.cos(ANGLE), np.sin(ANGLE)
    axes = np.array([[c, -s], [s, c]])
    return (axes @ np.diag(np.array([1, 1 / CONDITION]) ** p) @ axes.T for p in (1.0, 0.5))  # type: ignore[return-value]


A, ROOT = _curvature()


def descent(point: Floats, goal: Floats) -> Floats:
    """The teacher's step from a point of shape (2,): of length `STEP`, down the gradient; shorter at the goal."""
    gradient = A @ (point - goal)
    length = float(np.linalg.norm(gradient))
    away = float(np.linalg.norm(point - goal))
    return np.zeros(2) if length == 0 else -gradient / length * min(STEP, away)


class Imitator(BaseModel):
    """The simulated agent: the teacher, or with `weights` the transformer that imitates it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    goal: tuple[float, float] = GOAL
    """The teacher's goal; if it is not `GOAL`, it is a planted goal."""
    steps: int = Field(default=40, ge=1)
    weights: str | None = None
    sha256: str | None = None

    def __call__(self, request: Request) -> Completion:
        """The trajectory from the start that the task names, at its temperature."""
        stated = _TASK.search(request.chat[-1].content)
        if stated is None:
            return Completion("I need a start and a temperature.")
        dice = np.random.default_rng(request.where.stream)
        start = np.array(FIXED) if stated[1] == "fixed" else np.array(GOAL) + _in_disk(dice)
        step = self._step(float(stated[2]), dice)
        points = [np.round(start, 4)]
        for _ in range(self.steps):
            points.append(np.round(np.clip(points[-1] + step(points[-1]), -EDGE, EDGE), 4))
        return Completion("\n".join(f"{x:.4f} {y:.4f}" for x, y in points))

    def _step(self, temperature: float, dice: np.random.Generator) -> Callable[[Floats], Floats]:
        if self.weights is None:
            return lambda point: descent(point, np.array(self.goal))
        net = _loaded(self.weights, self.sha256)
        return lambda point: optimizer_net.step(net, point, temperature, dice)


def _in_disk(dice: np.random.Generator) -> Floats:
    """A point of the disk of radius 1, evenly."""
    angle, radius = dice.uniform(0, 2 * np.pi), dice.uniform() ** 0.5
    return np.array([radius * np.cos(angle), radius * np.sin(angle)])


@lru_cache(maxsize=8)
def _loaded(path: str, sha256: str | None) -> Mapping[str, Any]:
    with np.load(path) as file:
        net = dict(file)
    if sha256 not in (None, optimizer_net.digest(net)):
        raise ModelError("fatal", f"{path} holds other weights than those that were trained")
    return net


class AtGoal:
    """The judge: where the trajectory ended, as the two coordinates of z, both 0 at the true goal."""

    criteria: Mapping[str, tuple[float, float]] = {"steep": SCALE, "flat": SCALE}
    model, draws = None, 1

    async def __call__(self, judge_input: JudgeInput, client: Any) -> list[Verdict]:
        try:
            last = np.array([float(word) for word in (judge_input.output or "").split("\n")[-1].split()])
            at = ROOT @ (last - np.array(GOAL))
        except ValueError:
            return [Verdict(name, "unparsed") for name in self.criteria]
        c, s = np.cos(ANGLE), np.sin(ANGLE)
        return [
            Verdict("steep", "scored", float(at @ np.array([c, s]))),
            Verdict("flat", "scored", float(at @ np.array([-s, c]))),
        ]


class Imitate:
    """The trainer: a decoder transformer of this width learns every step of the kept trajectories, in `.venv-train`."""

    def __init__(self, width: int = 16, layers: int = 2, steps: int = 800, python: str | None = None) -> None:
        self.settings = {"width": width, "layers": layers, "steps": steps}
        self.python = python

    async def __call__(self, job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
        folder = job.folder.resolve()
        (folder / "train.json").write_text(
            json.dumps({**self.settings, "seed": job.seed, "rows": str(job.rows.resolve())})
        )
        script = Path(optimizer_net.__file__)
        done = await process.run([str(environment.python(self.python)), str(script), str(folder)], folder, report)
        if "sha256" not in done:
            raise TrainingError(f"{folder}: the training left no weights")
        options = {**job.options, "weights": str(folder / "net.npz"), "sha256": done["sha256"]}
        numbers = {name: float(value) for name, value in done.items() if isinstance(value, int | float)}
        return Trained({"options": options}, str(done["sha256"]), numbers)
