"""What a trainer is given, what it gives back, and the interface between the two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct
from pydantic import BaseModel

from agentlab.strict import STRICT


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One generation to be trained. Everything that decides the result is here, so that the same job gives the same
    weights."""

    folder: Path
    """`weights/G-RECIPE` in the run's folder; the trainer writes here alone."""
    base: str
    """The model that training starts from, as `provider/name`."""
    start: Mapping[str, Any]
    """What an earlier generation served, if training continues from it; empty if training starts from the base."""
    rows: Path
    """JSON lines: `{"messages": [...], "weight": 1.0}`. The last message is the reply. For preferences, `rejected`
    beside `messages` is the same chat with the rejected reply last. `task`, `rollout`, `agent`, and `round` say where
    a row comes from."""
    seed: int
    settings: Mapping[str, Any]
    """The trainer's own fields of `improve.by`, checked."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The `options` of the base in `models:`."""


class TrainingStep(Struct, frozen=True):
    """Progress of one training, for the display and for `metrics.jsonl`."""

    step: int
    steps: int
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of a training."""

    serve: Mapping[str, Any]
    """Fields that replace those of the trained model's entry in `models:`, such as `{"options": {"adapter": PATH}}`."""
    digest: str
    """SHA-256 of the weights, or of whatever identifies them. A run does not continue with other weights."""
    metrics: Mapping[str, float]
    """For example `loss` (last, nats per token), `seconds`, `rows`, `dropped` (rows over the maximum length)."""
    systems: Mapping[str, str] = field(default_factory=dict[str, str])
    """Text that is added to the system prompt of an agent, by agent."""


class Trainer(Protocol):
    """Trains one generation."""

    async def __call__(self, job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
        """Trains, and returns the result. If the job's folder already has a complete result, returns it again.

        The result of a trainer of one's own is kept in the job's folder, so that it is not called again for this job.
        Raises `TrainingError` with the reason if there is no result. Must not change the base, and must end its child
        processes when it is cancelled.
        """
        ...


class TrainerFields(BaseModel):
    """The fields of a trainer in `improve.by`. An unknown field is a mistake."""

    model_config = STRICT


def _any_model(name: str) -> str:
    return ""


def _nothing(settings: Mapping[str, Any]) -> str:
    return ""


class TrainerKind(Struct, frozen=True):
    """A kind of trainer, as `improve.by` names it."""

    fields: type[BaseModel]
    """Its fields in `improve.by`, `kind` among them."""
    train: Trainer
    misfit: Callable[[str], str] = _any_model
    """What is wrong with training the model of this name (`provider/name`), and what would be right. Empty if nothing
    is wrong."""
    lacking: Callable[[Mapping[str, Any]], str] = _nothing
    """What this machine lacks to train with these settings, and how to get it. Empty if nothing is missing."""
    pairs: bool = False
    """Whether its rows are preferences. `improve.negatives` selects their rejected replies."""
    continues: bool = True
    """Whether it can start from what it made of the generation before, as `improve.restart_from: previous` asks."""
    operational: frozenset[str] = frozenset()
    """Fields that do not change the weights, such as how the trainer is started."""
