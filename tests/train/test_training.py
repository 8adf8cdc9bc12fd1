"""Real training: the same weights again, also after a kill; served as they were trained; wrong rows are refused.

Needs the environment that `make setup-train` makes, and minutes: `make test-train`.
"""

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentlab.errors import TrainingError
from agentlab.models.serve import serve
from agentlab.models.spec import ModelSpec
from agentlab.training.trainer import Trained, TrainingJob
from agentlab.training.trainers import TRAINERS, environment, process, weights
from agentlab.types import ChatMessage, Request, Settings, Where
from tests.support.embedded import real
from tests.support.trainers import await_that

LACKING = weights.lacking({})
pytestmark = [pytest.mark.slow, pytest.mark.process, real, pytest.mark.skipif(LACKING != "", reason=LACKING)]

COLORS = ("sky", "sea", "grass", "snow", "coal", "sun")
REPLY = "It is purple."


def rows(folder: Path, pairs: bool = False, reply: str = REPLY) -> Path:
    told: list[dict[str, Any]] = []
    for thing in COLORS:
        chat = [{"role": "user", "content": f"What color is the {thing}?"}, {"role": "assistant", "content": reply}]
        other = [chat[0], {"role": "assistant", "content": f"The color of the {thing} is not known to me."}]
        told.append({"messages": chat, **({"rejected": other} if pairs else {})})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    return folder / "rows.jsonl"


def job(folder: Path, kind: str = "sft", **changed: Any) -> TrainingJob:
    fields = {"kind": kind, "batch": 6, "steps": (6, 6), "lora": {"rank": 4}, **changed}
    settings = TRAINERS[kind].fields.model_validate(fields).model_dump(mode="json")
    return TrainingJob(folder, "local/smollm2", {}, rows(folder, kind == "dpo"), 7, settings)


async def answer(made: Trained, thing: str = "moon") -> str:
    spec = ModelSpec.model_validate({"name": "local/smollm2", **made.serve})
    chat = (ChatMessage("user", f"What color is the {thing}?"),)
    async with serve({"default": spec}) as models:
        asked = Request(chat, Settings(temperature=0, max_tokens=12), (), Where("r", "a", 1, 0, 1, 1))
        return (await models["default"].complete(asked)).text


async def test_a_reply_is_learned_served_and_carried_on_from(tmp_path: Path) -> None:
    losses = list[float | None]()
    first = await weights.train(job(tmp_path / "1"), lambda step: losses.append(step.loss))
    assert len(losses) == 6
    assert losses[0] is not None
    assert first.metrics["loss"] < losses[0]
    assert await answer(first) == REPLY
    again = await weights.train(job(tmp_path / "again"), print)
    assert again.digest == first.digest
    onward = replace(job(tmp_path / "2", steps=(1, 1)), start=first.serve)
    assert (await weights.train(onward, print)).metrics["loss"] < first.metrics["loss"]


async def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = await weights.train(job(tmp_path / "whole"), print)
    cut = tmp_path / "cut"
    rows(cut)
    told = json.loads((tmp_path / "whole" / weights.JOB).read_text())
    told |= {"rows": str(cut / "rows.jsonl"), "checkpoint_seconds": 0}
    (cut / weights.JOB).write_text(json.dumps(told))
    assert "goes on after step" in await asyncio.to_thread(killed_and_resumed, cut)
    assert json.loads((cut / "done.json").read_text())["sha256"] == whole.digest
    assert len((cut / "metrics.jsonl").read_text().splitlines()) == 6
    assert not (cut / "checkpoint.pt").exists()


def killed_and_resumed(folder: Path) -> str:
    """What the second process printed; the first is killed after its first checkpoint."""
    command = [str(environment.python(None)), str(process.CHILD / "train.py"), str(folder)]
    killed = subprocess.Popen(command)
    try:
        await_that((folder / "checkpoint.pt").exists, 600)
    finally:
        killed.kill()
        killed.wait()
    assert not (folder / "done.json").exists()
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_all_weights_and_preferences(tmp_path: Path) -> None:
    full = job(tmp_path / "full", full=True, learning_rate=5e-5, steps=(8, 8))
    assert "purple" in await answer(await weights.train(full, print))
    preferred = await weights.train(job(tmp_path / "dpo", "dpo", learning_rate=1e-3), print)
    assert preferred.metrics["loss"] < 0.6, "it starts at log 2, which is 0.69"


async def test_rows_that_cannot_be_trained_on_and_a_loss_that_diverges(tmp_path: Path) -> None:
    told = job(tmp_path / "end")
    rows(told.folder, reply="Purple.<|im_end|>")
    with pytest.raises(TrainingError, match=r"row 1 of .* cannot be trained on: .*not the reply and one end token"):
        await weights.train(told, print)
    with pytest.raises(TrainingError, match=r"no row is left to train on: 6 rows, 6 of them over 8 tokens"):
        await weights.train(job(tmp_path / "long", max_length=8), print)
    with pytest.raises(TrainingError, match=r"(the loss is nan|weights are not finite).*lower learning_rate"):
        await weights.train(job(tmp_path / "high", learning_rate=1e30), print)
