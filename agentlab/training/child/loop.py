"""The steps of a training: batches by the seed, a checkpoint now and then, a line of metrics for each step.

The batch of a step depends on the seed and on the step alone, so a training that goes on from a checkpoint ends with
the same weights as one that was never interrupted.
"""

# pyright: basic, reportMissingImports=false

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

CLIP = 1.0
"""The norm that gradients are cut down to."""
WARMUP = 3
"""Steps until the learning rate is whole; then it falls, linearly, to 0."""
SHARE = 20.0
"""How many times longer than writing the last checkpoint took the next one waits, at least."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides the weights, beside the model and the rows."""

    steps: int
    batch: int
    """Rows in each step."""
    learning_rate: float
    seed: int
    pause: float
    """Seconds between two checkpoints, at least. It changes nothing of the result."""


def steps_of(rows: int, batch: int, epochs: float, least: int, most: int) -> int:
    """As many as `epochs` passes over the rows take, within the bounds."""
    return min(most, max(least, int(epochs * rows / batch)))


def train(model: Any, rows: list[Any], loss_of: Callable[[list[Any]], Any], plan: Plan, folder: Path) -> list[float]:
    """The loss of every step, in nats. `loss_of(batch of rows)` is a scalar tensor.

    Raises SystemExit at the first loss that is not finite.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=plan.learning_rate, weight_decay=0.0)
    losses = _resume(folder, trained, optimizer)
    _rewrite(folder / "metrics.jsonl", losses, plan.steps)
    order = _order(len(rows), plan)
    saved, cost = time.monotonic(), 0.0
    model.train()
    for step in range(len(losses), plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * min(1, (step + 1) / WARMUP) * (1 - step / plan.steps)
        loss = loss_of([rows[i] for i in order[step * plan.batch : (step + 1) * plan.batch]])
        if not math.isfinite(loss.item()):
            raise SystemExit(f"the loss is {loss.item()} at step {step + 1} of {plan.steps}; lower learning_rate")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        _report(folder / "metrics.jsonl", step + 1, plan.steps, losses[-1])
        if step + 1 < plan.steps and time.monotonic() - saved > max(plan.pause, SHARE * cost):
            cost = _save(folder, trained, optimizer, losses)
            saved = time.monotonic()
    if not all(bool(weight.isfinite().all()) for weight in trained.values()):
        raise SystemExit("the trained weights are not finite; lower learning_rate")
    return losses


def forget(folder: Path) -> None:
    """Removes the checkpoint of a training that is done."""
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def _order(rows: int, plan: Plan) -> list[int]:
    """Every row once, in a random order, again and again."""
    random = torch.Generator().manual_seed(plan.seed)
    order: list[int] = []
    while len(order) < plan.steps * plan.batch:
        order += torch.randperm(rows, generator=random).tolist()
    return order


def _save(folder: Path, trained: dict[str, Any], optimizer: Any, losses: list[float]) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    kept = {"weights": {n: w.detach() for n, w in trained.items()}, "optimizer": optimizer.state_dict()}
    torch.save({**kept, "losses": losses}, folder / "checkpoint.half")
    os.replace(folder / "checkpoint.half", folder / "checkpoint.pt")
    return time.monotonic() - began


def _resume(folder: Path, trained: dict[str, Any], optimizer: Any) -> list[float]:
    """The losses so far, with weights and optimizer as they were; none where there is no checkpoint."""
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return []
    kept = torch.load(path, weights_only=True)
    for name, weight in trained.items():
        weight.data.copy_(kept["weights"][name])
    optimizer.load_state_dict(kept["optimizer"])
    print(f"goes on after step {len(kept['losses'])}", flush=True)
    return list(kept["losses"])


def _rewrite(path: Path, losses: list[float], steps: int) -> None:
    path.write_text("")
    for step, loss in enumerate(losses, 1):
        _report(path, step, steps, loss)


def _report(path: Path, step: int, steps: int, loss: float) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "steps": steps, "loss": loss}) + "\n")
