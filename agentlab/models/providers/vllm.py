"""Models on a vLLM server: at `base_url`, else one that agentlab starts, else the one at VLLM_BASE_URL.

`options: {weights: PLACE}` starts a server: PLACE is a folder or a name on the Hugging Face Hub. `adapter: FOLDER` is a
LoRA adapter as PEFT saves it, which a server that agentlab starts has from its start, and another is asked to load;
for that it needs `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING.

No key is needed; `api_key_env` names one where the server was started with `--api-key`. A schema goes as
`response_format`: vLLM ignores the older `guided_*` fields without a word. Tools need `--enable-auto-tool-choice`, and
`cache_read` stays 0 without `--enable-prompt-tokens-details`. Log-probabilities are those before sampling settings.
Whether the same seed gives the same text beside other calls is found out by `agentlab.models.probe`.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from agentlab.errors import ModelError, ScenarioError
from agentlab.interfaces import Model
from agentlab.models.engines.plan import adapter_name
from agentlab.models.providers import openai, scoring
from agentlab.models.providers.account import key_of
from agentlab.models.spec import ModelSpec
from agentlab.models.wrapping import Wrapping
from agentlab.types import Completion, Request

URL = "VLLM_BASE_URL"
LOADED = "already been loaded"
"""Said by a server that has the adapter under this name, and so this content."""


@dataclass(slots=True)
class Adapted(Wrapping):
    """A model with an adapter that its server loads before the first call."""

    inner: Model
    load: Callable[[], Coroutine[Any, Any, None]]
    loaded: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def complete(self, request: Request) -> Completion:
        async with self.lock:
            if not self.loaded:
                await self.load()
                self.loaded = True
        return await self.inner.complete(request)


def build(spec: ModelSpec, transport: httpx2.AsyncBaseTransport | None = None, started: str = "") -> Model:
    """`started` is the address of a server that agentlab starts."""
    url = started or spec.base_url or os.environ.get(URL, "").rstrip("/")
    if not url:
        raise ScenarioError(
            f"model {spec.name!r} needs the address of a vLLM server: base_url: http://HOST:8000/v1, "
            f"or the environment variable {URL}; or weights for agentlab to serve: options: "
            f"{{weights: FOLDER}}"
        )
    model = openai.connect(spec, url, key_of(spec), "max_tokens", transport, scoring.echoed)
    named = adapter_name(spec)
    if named is None:
        return model
    model, body = replace(model, model=named[0]), {"lora_name": named[0], "lora_path": str(named[1])}

    async def load() -> None:
        try:
            await model.post("/v1/load_lora_adapter", body)
        except ModelError as error:
            if LOADED not in error.message:
                raise _explained(error) from None

    return model if started else Adapted(model, load)


def _explained(error: ModelError) -> ModelError:
    right = "start the server with --enable-lora and with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment"
    return ModelError(error.kind, f"the server did not load the adapter: {error.message}; {right}")
