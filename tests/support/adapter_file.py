"""A LoRA adapter of the embedded model as a GGUF file, written byte by byte: of rank 1, for one matrix."""

import struct
from pathlib import Path

import numpy as np

WIDTH = 576
"""Of the embedded model."""
TENSOR = "blk.29.attn_output.weight"
ALIGNMENT = 32
U32, F32, TEXT = 4, 6, 8
"""The types of values in a GGUF file that are used here."""


def write(path: Path, size: float) -> Path:
    """Adds `size` times the sum of what enters the matrix to all that leaves it."""
    tensors = {
        f"{TENSOR}.lora_a": np.ones((1, WIDTH), dtype=np.float32),
        f"{TENSOR}.lora_b": np.full((WIDTH, 1), size, dtype=np.float32),
    }
    fields = {
        "general.architecture": (TEXT, _text("llama")),
        "general.type": (TEXT, _text("adapter")),
        "adapter.type": (TEXT, _text("lora")),
        "adapter.lora.alpha": (F32, struct.pack("<f", 1.0)),
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    head += b"".join(_text(name) + struct.pack("<I", kind) + value for name, (kind, value) in fields.items())
    data = b""
    for name, values in tensors.items():
        shape = struct.pack("<IQQ", 2, values.shape[1], values.shape[0])
        head += _text(name) + shape + struct.pack("<IQ", 0, len(data))
        data += _padded(values.tobytes())
    path.write_bytes(_padded(head) + data)
    return path


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
