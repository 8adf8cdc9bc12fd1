"""sft and dpo around their script: what it is told, what it leaves, and what is said where that cannot be served."""

import hashlib
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from agentlab.errors import TrainingError
from agentlab.training.trainers import TRAINERS, environment, weights
from tests.support.trainers import job

METRICS = dict.fromkeys(weights.COUNTS, 1)


def settings(**changed: object) -> dict[str, object]:
    return weights.SftFields.model_validate({"kind": "sft", **changed}).model_dump(mode="json")


def left(folder: Path, content: bytes = b"weights") -> None:
    """What a complete training leaves."""
    (folder / "adapter.gguf").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / "done.json").write_text(json.dumps({"served": "adapter.gguf", "sha256": sha256, **METRICS}))


async def test_a_complete_training_is_given_again_and_its_file_is_held_to_its_hash(tmp_path: Path) -> None:
    left(tmp_path)
    told = replace(job(tmp_path, "local/smollm2", **settings()), options={"threads": 2})
    made = await weights.train(told, print)
    adapter = str(tmp_path / "adapter.gguf")
    assert made.serve == {"options": {"threads": 2, "adapter": adapter, "adapter_sha256": made.digest}}
    assert made.metrics == {**METRICS, "seconds": 3}
    (tmp_path / "adapter.gguf").write_bytes(b"changed")
    with pytest.raises(TrainingError, match=r"adapter\.gguf has changed since it was trained; remove .* to train"):
        await weights.train(told, print)
    (tmp_path / "adapter.gguf").unlink()
    with pytest.raises(TrainingError, match=r"adapter\.gguf: the trained weights cannot be read: No such file"):
        await weights.train(told, print)


async def test_a_whole_model_replaces_the_base(tmp_path: Path) -> None:
    left(tmp_path)
    made = await weights.train(job(tmp_path, "local/smollm2", **settings(full=True)), print)
    assert made.serve == {"name": f"local/{tmp_path / 'adapter.gguf'}"}


@pytest.mark.process
async def test_what_the_script_is_told_and_weights_that_do_not_load(
    tmp_path: Path,
) -> None:
    """The interpreter is a stand-in: it copies what it was told, and leaves a file that is no adapter."""
    base = tmp_path / "base.gguf"
    base.write_bytes(b"no model")
    folder = tmp_path / "2-recipe"
    folder.mkdir()
    left(tmp_path)
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\nexec cp adapter.gguf done.json $2/\n")
    stand_in.chmod(0o755)
    before = {"options": {"adapter": str(tmp_path / "1-recipe" / "adapter.gguf")}}
    told = replace(job(folder, f"local/{base}", **settings(python=str(stand_in), batch=4)), start=before)
    with pytest.raises(TrainingError, match=r"the trained weights do not load: .*base\.gguf"):
        await weights.train(told, print)
    written = json.loads((folder / weights.JOB).read_text())
    assert (written["base"], written["rows"]) == (str(base), str(folder / "rows.jsonl"))
    assert (written["start"], written["seed"]) == (str(tmp_path / "1-recipe" / "adapter"), 7)
    assert (written["kind"], written["batch"], written["lora"]["rank"]) == ("sft", 4, 16)
    assert base.read_bytes() == b"no model", "the base is untouched"


async def test_a_missing_base_or_environment_is_said_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingError, match=r"the base is missing: .* not found"):
        await weights.train(job(tmp_path, "local/gone.gguf", **settings(python=sys.executable)), print)
    with pytest.raises(TrainingError, match=r"the Python for training, /nowhere/python, does not exist"):
        environment.python("/nowhere/python")
    monkeypatch.setenv(environment.VARIABLE, sys.executable)
    assert environment.python(None) == Path(sys.executable)
    monkeypatch.delenv(environment.VARIABLE)
    monkeypatch.setattr(os, "access", refused)
    with pytest.raises(TrainingError, match=r"make setup-train.*pip install -r .*requirements\.txt .*torch==2\.13\.0"):
        environment.python(None)
    assert environment.REQUIREMENTS.is_file()


def test_fields_that_cannot_be_meant_are_mistakes() -> None:
    for kind, changed in (("sft", {"steps": [20, 12]}), ("sft", {"steps": [0, 5]}), ("dpo", {"full": True})):
        with pytest.raises(ValidationError):
            TRAINERS[kind].fields.model_validate({"kind": kind, **changed})
    assert weights.misfit("local/smollm2") == ""
    assert "kind: command" in weights.misfit("openai/gpt-5.2")


def refused(path: Path, mode: int) -> bool:
    """Nothing may be run."""
    return False
