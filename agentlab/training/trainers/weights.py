"""Trains the weights of a local model on kept replies (sft), or on kept against rejected ones (dpo).

The base is a GGUF file, which is only read. LoRA leaves an adapter that the embedded engine serves beside the base;
`full: true` leaves a whole model. The same job gives the same weights on the same machine, interrupted or not.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from agentlab.errors import AgentlabError, ScenarioError, TrainingError
from agentlab.models import weights
from agentlab.models.spec import ModelSpec
from agentlab.training.trainer import Trained, TrainerFields, TrainerKind, TrainingJob, TrainingStep
from agentlab.training.trainers import environment, process

COUNTS = ("rows", "dropped", "steps", "loss", "load_seconds", "train_seconds", "write_seconds", "cpu_seconds")
"""What of `done.json` becomes metrics."""
SECONDS = ("load_seconds", "train_seconds", "write_seconds")
JOB = "train.json"
"""The job as the script reads it, with whole paths."""
OPERATIONAL = frozenset(("python", "threads"))


class LoraFields(TrainerFields):
    """A low-rank adapter of all linear layers."""

    rank: int = Field(default=16, ge=1, le=1024, description="The rank of the adapter's matrices.")
    alpha: float | None = Field(
        default=None, gt=0, description="The adapter is scaled by alpha / rank. Default: twice the rank."
    )


class WeightsFields(TrainerFields):
    """What sft and dpo have in common."""

    lora: LoraFields = Field(default_factory=LoraFields, description="Train an adapter and leave the base as it is.")
    batch: int = Field(default=16, ge=1, description="Rows in each step.")
    epochs: float = Field(default=4, gt=0, description="Passes over the rows, within the bounds of `steps`.")
    steps: tuple[int, int] = Field(default=(8, 1000), description="The minimum and the maximum number of steps.")
    max_length: int = Field(
        default=1024, ge=2, description="Rows with more tokens, prompt and reply together, are dropped and counted."
    )
    threads: int = Field(default=0, ge=0, description="CPU threads of the training; 0 means one for each core.")
    python: str | None = Field(
        default=None, description="A Python that has torch, transformers, peft, and gguf. Default: that of .venv-train."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "WeightsFields":
        if not 1 <= self.steps[0] <= self.steps[1]:
            raise ValueError(f"steps is {list(self.steps)}; write the minimum first, 1 or more, such as [12, 20]")
        return self


class SftFields(WeightsFields):
    """For local models. Trains the weights on the kept replies."""

    kind: Literal["sft"]
    learning_rate: float = Field(default=1e-3, gt=0, description="The highest learning rate.")
    full: bool = Field(default=False, description="Train all weights instead of an adapter.")


class DpoFields(WeightsFields):
    """For local models. Trains an adapter to prefer kept replies to rejected replies to the same prompt."""

    kind: Literal["dpo"]
    learning_rate: float = Field(default=1e-4, gt=0, description="The highest learning rate.")
    beta: float = Field(
        default=0.1, gt=0, description="How close the trained model stays to the base; a higher value keeps it closer."
    )


def misfit(name: str) -> str:
    """What is wrong with training this model; empty if nothing is."""
    right = "it trains local/smollm2 and local/PATH.gguf; for other weights write `kind: command`"
    return "" if name.startswith("local/") else right


def lacking(settings: Mapping[str, Any]) -> str:
    """What this machine lacks to train, with the lines to type; empty where nothing is missing."""
    try:
        environment.python(settings.get("python"))
    except TrainingError as error:
        return str(error)
    return ""


async def train(job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
    """The adapter or the model, loaded once by the engine that will serve it."""
    result = process.done(job.folder)
    fresh = result is None
    if result is None:
        interpreter = environment.python(job.settings.get("python"))
        _write_job(job)
        script = process.CHILD / "train.py"
        result = await process.run([str(interpreter), str(script), str(job.folder.resolve())], job.folder, report)
    served = job.folder.resolve() / str(result["served"])
    digest = await asyncio.to_thread(_sha256, served)
    if digest != result["sha256"]:
        raise TrainingError(f"{served} has changed since it was trained; remove {job.folder} to train again")
    serve = _serve(job, served, digest)
    if fresh:
        await _load(job, serve)
    metrics = {name: float(result[name]) for name in COUNTS}
    return Trained(serve, digest, {**metrics, "seconds": sum(metrics[name] for name in SECONDS)})


def _write_job(job: TrainingJob) -> None:
    """Raises `TrainingError` where the base is missing or the disk is full."""
    adapter = job.start.get("options", {}).get("adapter")
    name = str(job.start.get("name", job.base))
    try:
        base = weights.find(name.partition("/")[2])
        fields = {
            **job.settings,
            "base": str(base.resolve()),
            "start": None if adapter is None else str(Path(adapter).parent / "adapter"),
            "rows": str(job.rows.resolve()),
            "seed": job.seed % 2**63,
        }
        (job.folder / JOB).write_text(json.dumps(fields, indent=1), encoding="utf-8")
    except ScenarioError as error:
        raise TrainingError(f"the base is missing: {error}") from error
    except OSError as error:
        raise TrainingError(f"{job.folder}: the job cannot be written: {error.strerror}") from error


def _serve(job: TrainingJob, served: Path, digest: str) -> Mapping[str, Any]:
    """The fields of the model's entry under which it is served."""
    if job.settings.get("full"):
        return {"name": f"local/{served}"}
    return {"options": {**job.options, "adapter": str(served), "adapter_sha256": digest}}


async def _load(job: TrainingJob, serve: Mapping[str, Any]) -> None:
    """Raises `TrainingError` for weights that the engine does not load."""
    options = {**job.options, **serve.get("options", {}), "servers": 1}
    spec = ModelSpec.model_validate({"name": job.base, **serve, "options": options})
    try:
        local: Any = import_module("agentlab.models.providers.local")  # its SDK takes long to import
        model = await asyncio.to_thread(local.build, spec)
    except AgentlabError as error:
        raise TrainingError(f"the trained weights do not load: {error}") from error
    await model.aclose()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"{path}: the trained weights cannot be read: {error.strerror}") from error


DPO = TrainerKind(DpoFields, train, misfit, lacking, pairs=True, operational=OPERATIONAL)
SFT = TrainerKind(SftFields, train, misfit, lacking, operational=OPERATIONAL)
