"""Trains by a command of one's own, for models and methods that agentlab does not train itself.

The command finds the job in `{out}/job.json` and has succeeded when it ends with code 0 and leaves `{out}/done.json`:
`{"serve": {…}}` with fields for the model's entry in `models:`, such as `{"name": "vllm/NAME"}` or
`{"options": {"adapter": "adapter.gguf"}}`, where files are named from `{out}`. Numbers beside `serve` become metrics.
`{out}` is kept when the command is killed and started again.
"""

import asyncio
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field

from agentlab.errors import ScenarioError, TrainingError
from agentlab.models import weights
from agentlab.seeds import digest
from agentlab.training.trainer import Trained, TrainerFields, TrainerKind, TrainingJob, TrainingStep
from agentlab.training.trainers import process

PLACEHOLDERS = ("rows", "out", "base", "seed")


def _known(run: str) -> str:
    try:
        words = shlex.split(run)
        named = {name for word in words for _, name, _, _ in Formatter().parse(word) if name is not None}
    except ValueError as error:
        raise ValueError(f"the command cannot be read ({error}); close quotes and braces") from None
    if not words:
        raise ValueError("the command is empty; write a program and its arguments")
    if unknown := sorted(named - set(PLACEHOLDERS)):
        raise ValueError(
            f"unknown placeholder {unknown[0]!r}; write one of {', '.join(PLACEHOLDERS)}, or {{{{ and }}}} for braces"
        )
    return run


class CommandFields(TrainerFields):
    """For any model. Runs a program of your own."""

    kind: Literal["command"]
    run: Annotated[str, AfterValidator(_known)] = Field(
        description="The command, without a shell. {rows}: the file of rows; {out}: the folder to write to; {base}: "
        "the base, a GGUF file for local models, the `weights` of a model that has this option, else the model's name; "
        "{seed}: a whole number."
    )


async def train(job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
    """What the command left."""
    result = process.done(job.folder)
    if result is None:
        values = {"rows": job.rows.resolve(), "out": job.folder.resolve(), "base": _base(job), "seed": job.seed}
        words = [word.format_map(values) for word in shlex.split(str(job.settings["run"]))]
        result = await process.run(words, job.folder, report)
    serve, weights_digest = await asyncio.to_thread(_served, job, result)
    numbers = {name: float(value) for name, value in result.items() if isinstance(value, int | float)}
    return Trained(serve, weights_digest, numbers)


def _base(job: TrainingJob) -> str:
    provider, _, rest = job.base.partition("/")
    if provider != "local":
        return str(job.options.get("weights", job.base))  # where agentlab starts the server, it knows them
    try:
        return str(weights.find(rest).resolve())
    except ScenarioError as error:
        raise TrainingError(f"the base is missing: {error}") from error


def _served(job: TrainingJob, result: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The fields of the model's entry, with whole paths, and a digest of what stands behind them."""
    entry: Any = result.get("serve")
    if not isinstance(entry, dict) or not entry:
        right = 'write {"serve": {"name": …}} or {"serve": {"options": {"adapter": FILE}}}'
        raise TrainingError(f"{job.folder / process.DONE} does not say what to serve; {right}")
    serve = cast("dict[str, Any]", entry)
    options = serve.get("options")
    adapter = cast("dict[str, Any]", options).get("adapter") if isinstance(options, dict) else None
    if not isinstance(adapter, str):
        return serve, digest(serve, result.get("sha256"))
    path = job.folder.resolve() / Path(adapter)
    try:
        sha256 = weights.sha256(path)
    except OSError as error:
        raise TrainingError(f"{path}: the trained weights cannot be read: {error.strerror}") from error
    merged = {**job.options, **cast("dict[str, Any]", options)}
    return {**serve, "options": {**merged, "adapter": str(path), "adapter_sha256": sha256}}, sha256


COMMAND = TrainerKind(CommandFields, train)
