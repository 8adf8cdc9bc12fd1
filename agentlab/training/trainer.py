"""What a trainer is given, what it gives back, and the interface between the two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One generation to be trained. Everything that decides the result is here, so that the same job gives the same
    weights."""

    folder: Path
    """`weights/G-RECIPE` in the run's folder; the trainer writes here alone."""
    base: str
    """The model that training starts from, as `provider/name`."""
    start: Mapping[str, Any]
    """What an earlier generation served, when training goes on from it; empty when it starts from the base."""
    rows: Path
    """JSON lines: `{"messages": [...], "weight": 1.0}`, or with `rejected` beside `messages` for preferences."""
    seed: int
    settings: Mapping[str, Any]
    """The trainer's own fields of `improve.by`, checked."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Progress of one training, for the display and for `metrics.jsonl`."""

    step: int
    steps: int
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    serve: Mapping[str, Any]
    """Fields that replace those of the trained model's entry in `models:`, such as `{"options": {"adapter": PATH}}`."""
    digest: str
    """SHA-256 of the weights, or of whatever stands for them. A run refuses to go on with other weights."""
    metrics: Mapping[str, float]
    """Such as `loss` (last, nats per token), `seconds`, `rows`, `dropped` (rows over the maximum length)."""


class Trainer(Protocol):
    """Trains one generation."""

    async def __call__(self, job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
        """The job's result; one that is complete in the job's folder is given again without training.

        Raises `TrainingError` that says why there is none. The base is never changed. Ends its child process when
        cancelled.
        """
        ...
