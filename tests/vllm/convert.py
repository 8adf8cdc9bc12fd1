"""Writes the model in a GGUF file as a folder that vLLM loads: bfloat16 weights, tokenizer and chat template.

    .venv-vllm/bin/python tests/vllm/convert.py FILE.gguf FOLDER

transformers reads GGUF but refuses to write what it read so, even though the weights are whole again: they are poured
into a fresh model. Runs in vLLM's environment; the modules are imported by name since the project's has none of them.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

NOT_KEPT = ("quantization_config", "_name_or_path")
"""What the read configuration says of the file it came from."""


def convert(file: Path, folder: Path) -> None:
    """Makes `folder`. Raises whatever transformers makes of a file that it does not understand."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}

    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    if tokenizer.chat_template is None:
        raise SystemExit(f"{file.name} holds no chat template")
    whole = transformers.AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    shape = {name: value for name, value in whole.config.to_dict().items() if name not in NOT_KEPT}
    fresh = whole.__class__(whole.config.__class__.from_dict(shape)).to(torch.bfloat16)
    fresh.load_state_dict(whole.state_dict())
    fresh.generation_config = transformers.GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
