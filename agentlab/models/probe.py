"""Asks a model whether a reply depends on what else is asked at the time: the same requests alone, then in a batch.

With one seed and one prompt, arms draw the same reply only if the server computes the same numbers whatever shares the
batch. Rounding differs between batches unless its kernels are made not to (`VLLM_BATCH_INVARIANT=1` on many GPUs), and
a rounded number soon changes a token. Log-probabilities are compared to the last bit, where the model returns them, so
that a difference shows long before it changes a text. That nothing differs is evidence, not proof.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentlab.errors import ModelError
from agentlab.interfaces import Model
from agentlab.models.wrapping import Wrapping
from agentlab.seeds import stream
from agentlab.types import Capabilities, ChatMessage, Completion, Request, Settings, Where

ASKED, BATCH, TOKENS = 4, 24, 12
"""Requests that are asked twice, requests of the batch, and tokens of each reply."""
TOPICS = "rain ships bread mountains clocks letters gardens trains rivers paper winter salt".split()


class Keeper(Protocol):
    """Where the answers are kept."""

    def known(self, model: str) -> bool:
        """Whether this model, by its digest, has been asked already."""
        ...

    def keep(self, fact: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class ProbedModel(Wrapping):
    """A model that is probed before the first call to it, if the run does not know the answer."""

    inner: Model
    asked: Model
    """What the probe asks: the same, below limits and retries."""
    digest: str
    keeper: Keeper
    done: bool = False
    probing: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def notice(self) -> str:
        """What is to be said while it is probed; else nothing."""
        return f"{self.name} gets the same requests alone and in a batch, once for this run" if self.probing else ""

    async def complete(self, request: Request) -> Completion:
        if not self.done:
            async with self.lock:
                if not self.done and not self.keeper.known(self.digest):
                    await self._probe()
                self.done = True
        return await self.inner.complete(request)

    async def _probe(self) -> None:
        """A probe that fails is left: the call that comes next tells what is wrong."""
        self.probing = True
        try:
            result = await probe(self.asked)
        except ModelError:
            return
        finally:
            self.probing = False
        self.keeper.keep({"what": "probe", "model": self.name, "digest": self.digest, **result})


async def probe(model: Model) -> Mapping[str, Any]:
    """`exact`: whether each reply was the same in the batch. `requests`, `batch`: how many were compared, and asked at
    once; 0 for a model that answers one call at a time. `texts`, `numbers`: how many had the same text, and the same
    log-probabilities (None where the model returns none).

    Raises ModelError.
    """
    if getattr(model, "alone", False):
        return {"exact": True, "requests": 0, "batch": 1, "texts": 0, "numbers": 0}
    requests = [_request(i, model.capabilities) for i in range(BATCH)]
    alone = [await model.complete(request) for request in requests[:ASKED]]
    half = (ASKED + BATCH) // 2
    results = await _together(model, [*requests[ASKED:half], *requests[:ASKED], *requests[half:]])
    beside = {request.where.stream: completion for request, completion in results}
    pairs = [(completion, beside[request.where.stream]) for request, completion in zip(requests, alone, strict=False)]
    texts = sum(a.text == b.text for a, b in pairs)
    have_logprobs = all(a.logprobs is not None and b.logprobs is not None for a, b in pairs)
    numbers = sum(a.logprobs == b.logprobs for a, b in pairs) if have_logprobs else None
    exact = texts == ASKED and numbers in (None, ASKED)
    return {"exact": exact, "requests": ASKED, "batch": BATCH, "texts": texts, "numbers": numbers}


async def _together(model: Model, requests: list[Request]) -> list[tuple[Request, Completion]]:
    """The completions. Raises the first ModelError, when all have come back."""

    async def completed_or_error(request: Request) -> Completion | ModelError:
        try:
            return await model.complete(request)
        except ModelError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [(request, group.create_task(completed_or_error(request))) for request in requests]
    completed = list[tuple[Request, Completion]]()
    for request, task in tasks:
        result = task.result()
        if isinstance(result, ModelError):
            raise result
        completed.append((request, result))
    return completed


def _request(i: int, capabilities: Capabilities) -> Request:
    """Prompts of different lengths."""
    topics = [TOPICS[(i + j) % len(TOPICS)] for j in range(1 + 5 * (i % 3))]
    chat = (ChatMessage("user", f"{i + 1}. Tell me about {', '.join(topics)}."),)
    wanted: dict[str, Any] = {"temperature": 1.0, "max_tokens": TOKENS, "logprobs": 0}
    if not capabilities.max_logprobs:
        del wanted["logprobs"]
    settings = Settings(**{name: value for name, value in wanted.items() if name in capabilities.settings})
    return Request(chat, settings, (), Where("probe", "probe", 1, 0, 1, stream("probe", i), rank=i))
