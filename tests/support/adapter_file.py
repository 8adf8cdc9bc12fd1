"""LoRA adapters of the embedded model as GGUF files, written byte by byte."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

WIDTH = 576
"""Of the embedded model."""
TENSOR = "blk.29.attn_output.weight"
ALIGNMENT = 32
U32, F32, TEXT = 4, 6, 8
"""The types of values in a GGUF file that are used here."""


LAYERS = 30
SHAPES = {
    "attn_q": (576, 576),
    "attn_k": (576, 192),
    "attn_v": (576, 192),
    "attn_output": (576, 576),
    "ffn_gate": (576, 1536),
    "ffn_up": (576, 1536),
    "ffn_down": (1536, 576),
}
"""What enters and what leaves each matrix of a layer."""
Tensors = Mapping[str, "np.ndarray[Any, np.dtype[np.float32]]"]


def write(path: Path, size: float) -> Path:
    """Of rank 1, for one matrix. Adds `size` times the sum of what enters the matrix to all that leaves it."""
    a, b = np.ones((1, WIDTH), dtype=np.float32), np.full((WIDTH, 1), size, dtype=np.float32)
    return _write(path, {f"{TENSOR}.lora_a": a, f"{TENSOR}.lora_b": b})


def write_whole(path: Path, rank: int = 16) -> Path:
    """As trainings leave one, for all matrices; it changes next to nothing."""
    tensors: dict[str, Any] = {}
    for layer in range(LAYERS):
        for name, (enters, leaves) in SHAPES.items():
            tensors[f"blk.{layer}.{name}.weight.lora_a"] = np.full((rank, enters), 1e-4, dtype=np.float32)
            tensors[f"blk.{layer}.{name}.weight.lora_b"] = np.full((leaves, rank), 1e-4, dtype=np.float32)
    return _write(path, tensors)


def _write(path: Path, tensors: Tensors) -> Path:
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
