"""The models that the tests start."""

import os
from typing import Any

from agentlab.models.spec import ModelSpec
from agentlab.types import ChatMessage, Request, Settings, ToolSpec, Where
from tests.vllm.run import ADAPTER, WEIGHTS

NAME = "smollm2"
CONTEXT = 2048
WHOLE = 49152
"""Tokens that the model knows: log-probabilities of all of them may be asked for."""
FLAGS: dict[str, Any] = {"max-model-len": CONTEXT}
SERVER: dict[str, Any] = {
    **FLAGS,
    "max-logprobs": WHOLE,
    "enable-prompt-tokens-details": True,
    "enable-auto-tool-choice": True,
    "tool-call-parser": "hermes",
}


def options(adapted: bool = False, **flags: Any) -> dict[str, Any]:
    adapter = {"adapter": os.environ[ADAPTER]} if adapted else {}
    return {"weights": os.environ[WEIGHTS], "flags": {**FLAGS, **flags}, **adapter}


def server_spec() -> ModelSpec:
    """vLLM's own server."""
    return ModelSpec.model_validate({"name": f"vllm/{NAME}", "options": options(**SERVER)})


def at_server() -> ModelSpec:
    """A model on the server that tests share."""
    return ModelSpec.model_validate({"name": f"vllm/{NAME}"})


def offline_spec(adapted: bool = False) -> ModelSpec:
    """The engine that answers in waves."""
    return ModelSpec.model_validate({"name": f"vllm-offline/{NAME}", "options": options(adapted), "tries": 1})


def ask(text: str, stream: int = 1, *more: ChatMessage, tools: tuple[ToolSpec, ...] = (), **settings: Any) -> Request:
    where = Where("r", "a", 1, 0, 1, stream)
    return Request((ChatMessage("user", text), *more), Settings(**settings), tools, where)
