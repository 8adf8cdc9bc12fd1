"""The tensors of a llama model by their names in GGUF files and in transformers, and how their rows are ordered.

llama.cpp wants the rows of the query and key projections as its rotary embedding pairs them: interleaved. transformers
keeps the two halves of each head one after the other.
"""

# pyright: basic, reportMissingImports=false

from typing import Any

import numpy as np

ARCHITECTURE = "llama"
PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""The matrices of a layer: those that LoRA adapts."""
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
"""The tensors outside of the layers."""


def transformers_name(gguf_name: str) -> str:
    """Raises SystemExit for a tensor that a plain llama model does not have, such as a bias."""
    if gguf_name in WHOLE:
        return WHOLE[gguf_name]
    parts = gguf_name.split(".")
    if len(parts) == 4 and parts[0] == "blk" and parts[3] == "weight" and parts[2] in {**PROJECTIONS, **NORMS}:
        return f"model.layers.{parts[1]}.{({**PROJECTIONS, **NORMS})[parts[2]]}.weight"
    raise SystemExit(f"the base has a tensor {gguf_name!r}, which a llama model does not have; use `kind: command`")


def heads_of(gguf_name: str, config: Any) -> int | None:
    """Heads whose rows are reordered in this tensor: those of queries and keys; None for every other tensor."""
    if ".attn_q." in gguf_name:
        return config.num_attention_heads
    if ".attn_k." in gguf_name:
        return config.num_key_value_heads
    return None


def interleaved(rows: np.ndarray, heads: int) -> np.ndarray:
    """From transformers' order of rows to llama.cpp's; `rows` is (out, in) or (out, rank)."""
    half = rows.shape[0] // heads // 2
    return np.ascontiguousarray(rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape))


def halved(rows: np.ndarray, heads: int) -> np.ndarray:
    """The reverse of `interleaved`."""
    half = rows.shape[0] // heads // 2
    return np.ascontiguousarray(rows.reshape(heads, half, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape))
