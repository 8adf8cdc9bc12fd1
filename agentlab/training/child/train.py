"""Trains one generation: `python train.py FOLDER` reads `train.json` there and leaves weights and, last, `done.json`.

Runs as a file in an environment of its own, with torch, transformers, peft and gguf, and imports nothing of agentlab.

`train.json`: `base` (a GGUF file), `rows` (see `examples.py`), `kind` (sft or dpo), `seed`, `threads` (0: all cores),
and the fields of `improve.by`. A LoRA adapter is left as `adapter/` (PEFT's) and `adapter.gguf`, a whole model as
`model.gguf`. A training that cannot be done ends with exit code 1 and one line that says why.
"""

# pyright: basic, reportMissingImports=false

import hashlib
import json
import os
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUBLAS_WORKSPACE_CONFIG=":4096:8")

import base_model
import examples
import full_file
import loop
import lora_file
import torch
from objectives import OBJECTIVES
from peft import LoraConfig, PeftModel, get_peft_model

PAUSE = 15.0
"""Seconds between two checkpoints, at least, where the job says nothing else."""
LIBRARIES = ("torch", "transformers", "peft", "gguf")


def main(folder: Path) -> None:
    began = time.monotonic()
    job = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    torch.manual_seed(job["seed"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.set_num_threads(job["threads"] or os.cpu_count() or 1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, tokenizer, reader = base_model.load(Path(job["base"]), device)
    config = model.config
    rows, dropped = examples.read(Path(job["rows"]), tokenizer, job["max_length"], job["kind"] == "dpo")
    model = _trainable(model, job)
    loss_of = partial(OBJECTIVES[job["kind"]], model, pad=tokenizer.pad_token_id, beta=job.get("beta", 0.0))
    steps = loop.steps_of(len(rows), job["batch"], job["epochs"], *job["steps"])
    loaded = time.monotonic()
    pause = job.get("checkpoint_seconds", PAUSE)
    plan = loop.Plan(steps, job["batch"], job["learning_rate"], job["seed"], pause)
    losses = loop.train(model, rows, loss_of, plan, folder)
    trained = time.monotonic()
    served = _write(model, config, reader, folder, job)
    done = {
        "served": served.name,
        "sha256": sha256(served),
        "rows": len(rows),
        "dropped": dropped,
        "steps": steps,
        "loss": losses[-1],
        "loss_first": losses[0],
        "load_seconds": loaded - began,
        "train_seconds": trained - loaded,
        "write_seconds": time.monotonic() - trained,
        "cpu_seconds": time.process_time(),
        "threads": torch.get_num_threads(),
        "device": device,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    (folder / "done.half").write_text(json.dumps(done, indent=1), encoding="utf-8")
    os.replace(folder / "done.half", folder / "done.json")
    loop.forget(folder)


def _trainable(model: Any, job: dict[str, Any]) -> Any:
    """The model with what is to be trained: a new adapter, the adapter of an earlier generation, or all weights."""
    if job.get("full"):
        return model
    if job.get("start"):
        return PeftModel.from_pretrained(model, job["start"], is_trainable=True)
    rank = job["lora"]["rank"]
    alpha = job["lora"].get("alpha") or 2 * rank
    lora = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, lora)


def _write(model: Any, config: Any, reader: Any, folder: Path, job: dict[str, Any]) -> Path:
    """The file that is served."""
    if job.get("full"):
        full_file.write(model.state_dict(), reader, config, folder / "model.gguf", "F16")
        return folder / "model.gguf"
    model.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    lora_file.write(folder / "adapter", config, folder / "adapter.gguf")
    return folder / "adapter.gguf"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (MemoryError, OSError) as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error
