"""Writes a LoRA adapter of PEFT as the GGUF adapter that llama.cpp serves beside its base.

llama.cpp scales an adapter by alpha / rank itself, as PEFT does.
"""

# pyright: basic, reportMissingImports=false

import json
import re
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from llama_names import ARCHITECTURE, PROJECTIONS, heads_of, interleaved
from safetensors.numpy import load_file

_NAME = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.(.+)\.lora_(A|B)\.weight")
_PARTS = {theirs: ours for ours, theirs in PROJECTIONS.items()}
OTHER = ("use_rslora", "use_dora", "modules_to_save", "alpha_pattern", "rank_pattern")
"""Settings of PEFT under which the file would compute something else."""


def write(adapter: Path, config: Any, out: Path) -> None:
    """From PEFT's folder to the file `out`; `config` is the base's, which says how many heads there are.

    Raises SystemExit for an adapter that llama.cpp cannot serve.
    """
    adapter_config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    if used := [name for name in OTHER if adapter_config.get(name)]:
        raise SystemExit(f"the adapter uses {', '.join(used)}, which a GGUF adapter cannot hold")
    writer = gguf.GGUFWriter(str(out), ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(adapter_config["lora_alpha"]))
    for name, values in sorted(load_file(adapter / "adapter_model.safetensors").items()):
        parts = _NAME.fullmatch(name)
        if parts is None or parts[2] not in _PARTS:
            raise SystemExit(f"the adapter has a tensor {name!r}, which a GGUF adapter of {ARCHITECTURE} cannot hold")
        target = f"blk.{parts[1]}.{_PARTS[parts[2]]}.weight"
        values = values.astype(np.float32)
        heads = heads_of(target, config)
        if parts[3] == "B" and heads is not None:
            values = interleaved(values, heads)
        writer.add_tensor(f"{target}.lora_{parts[3].lower()}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
