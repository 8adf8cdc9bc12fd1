"""Writes a LoRA adapter of the embedded model with random weights, as PEFT saves one.

.venv-vllm/bin/python tests/vllm/adapter.py FOLDER
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

RANK, LAYERS, WIDTH = 8, 30, 576
SCALE = 0.1
"""Standard deviation of the weights: enough that replies differ by more than batches differ by rounding."""


def main(folder: Path) -> None:
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(1)
    name = "base_model.model.model.layers.{}.self_attn.q_proj.lora_{}.weight"
    tensors = {
        name.format(layer, part): torch.randn(shape) * SCALE
        for layer in range(LAYERS)
        for part, shape in (("A", (RANK, WIDTH)), ("B", (WIDTH, RANK)))
    }
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 16, "target_modules": ["q_proj"]}
    folder.mkdir(parents=True)
    importlib.import_module("safetensors.torch").save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({**config, "bias": "none"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
