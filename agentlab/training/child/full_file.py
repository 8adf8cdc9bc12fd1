"""Writes a whole model as a GGUF file: the base's own fields, and matrices in 16 or 8 bits.

Not in 4 bits like the base: what training adds would be lost in the rounding.
"""

# pyright: basic, reportMissingImports=false

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, quants
from llama_names import ARCHITECTURE, heads_of, interleaved, transformers_name

FILE_TYPES = {"F16": 1, "Q8_0": 7}
"""llama.cpp's numbers for what most tensors of a file are."""


def write(state: Any, base: Any, config: Any, out: Path, kind: str) -> None:
    """`state` maps transformers' names to tensors; `base` is the reader of the base's file; `kind` is F16 or Q8_0."""
    writer = gguf.GGUFWriter(str(out), ARCHITECTURE)
    for field in base.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        if field.name == "general.file_type":
            writer.add_file_type(FILE_TYPES[kind])
        elif field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(field.name, field.contents())
        else:
            writer.add_key_value(field.name, field.contents(), field.types[0])
    for tensor in base.tensors:
        values = state[transformers_name(tensor.name)].detach().float().cpu().numpy()
        heads = heads_of(tensor.name, config)
        values = interleaved(values, heads) if heads is not None else np.ascontiguousarray(values)
        stored = GGMLQuantizationType.F32 if values.ndim == 1 else GGMLQuantizationType[kind]
        writer.add_tensor(tensor.name, quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
