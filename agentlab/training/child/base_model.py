"""Reads the model that training starts from: a GGUF file of the architecture llama.

The quantized weights become float32 again by numpy; transformers' own reader of GGUF files takes several times as long.
"""

# pyright: basic, reportMissingImports=false

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import quants
from llama_names import ARCHITECTURE, halved, heads_of, transformers_name
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM


def load(path: Path, device: str) -> tuple[Any, Any, Any]:
    """The model in float32 on `device`, its tokenizer, and the reader of the file.

    Raises SystemExit for a file that is no GGUF file or has another architecture.
    """
    try:
        reader = gguf.GGUFReader(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"the base {path} cannot be read as a GGUF file: {error}") from None
    architecture = _field(reader, "general.architecture")
    if architecture != ARCHITECTURE:
        raise SystemExit(f"the base {path} has the architecture {architecture!r}; sft and dpo train {ARCHITECTURE!r}")
    return _model(reader).to(device), _tokenizer(path), reader


def _tokenizer(path: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    if tokenizer.chat_template is None:
        raise SystemExit(f"the base {path} has no chat template; use a model that was trained to chat")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def _field(reader: Any, name: str, default: Any = None) -> Any:
    return reader.fields[name].contents() if name in reader.fields else default


def _config(reader: Any) -> LlamaConfig:
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    return LlamaConfig(
        vocab_size=int(tensors["token_embd.weight"].shape[1]),
        hidden_size=_field(reader, "llama.embedding_length"),
        intermediate_size=_field(reader, "llama.feed_forward_length"),
        num_hidden_layers=_field(reader, "llama.block_count"),
        num_attention_heads=_field(reader, "llama.attention.head_count"),
        num_key_value_heads=_field(reader, "llama.attention.head_count_kv"),
        max_position_embeddings=_field(reader, "llama.context_length"),
        rms_norm_eps=_field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": _field(reader, "llama.rope.freq_base", 10000.0)},
        tie_word_embeddings="output.weight" not in tensors,
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        pad_token_id=_field(reader, "tokenizer.ggml.padding_token_id"),
    )


def _model(reader: Any) -> LlamaForCausalLM:
    config = _config(reader)
    state = {}
    for tensor in reader.tensors:
        name = transformers_name(tensor.name)
        values = quants.dequantize(tensor.data, tensor.tensor_type)
        if (heads := heads_of(tensor.name, config)) is not None:
            values = halved(values, heads)
        state[name] = torch.from_numpy(np.array(values, dtype=np.float32))
    with torch.device("meta"):
        empty = LlamaForCausalLM(config)
    model = empty.to_empty(device="cpu").to(torch.float32)
    model.model.rotary_emb.__init__(config)  # its buffers are computed, not loaded
    loaded = model.load_state_dict(state, strict=False)
    model.tie_weights()
    if loaded.unexpected_keys or set(loaded.missing_keys) - {"lm_head.weight"}:
        raise SystemExit(f"the base lacks {loaded.missing_keys} and has the unknown {loaded.unexpected_keys}")
    return model
