"""Models behind the chat-completions API: OpenAI's own and every server that speaks its dialect.

A key goes to OpenAI's address by default; with another `base_url` one is sent only if `api_key_env` names it. The
environment's OPENAI_BASE_URL and the like are not read: a run is described by its scenario.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from agentlab.errors import ModelError
from agentlab.models import registry
from agentlab.models.providers import failures
from agentlab.models.providers.account import client_of, key_of
from agentlab.models.spec import ModelSpec
from agentlab.seeds import provider_seed
from agentlab.types import Capabilities, ChatMessage, Completion, Request, Stop, TokenLogprob, ToolCall, ToolSpec, Usage

OFFICIAL = registry.PROVIDERS["openai"]
STOPS: Mapping[str | None, Stop] = {"length": "length", "tool_calls": "tool", "content_filter": "refusal"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what servers differ."""

    length: str = "max_completion_tokens"
    extra: frozenset[str] = frozenset({"top_k"})
    """Settings sent beside those that the SDK knows."""


def build(spec: ModelSpec, transport: httpx2.AsyncBaseTransport | None = None) -> "OpenAI":
    url = spec.base_url or OFFICIAL.url
    key = key_of(spec, OFFICIAL.key if url == OFFICIAL.url else "")
    dialect = Dialect() if url == OFFICIAL.url else Dialect(length="max_tokens")
    return connect(spec, url, key, dialect, transport)


def connect(
    spec: ModelSpec, url: str, key: str, dialect: Dialect, transport: httpx2.AsyncBaseTransport | None = None
) -> "OpenAI":
    """The model at `url`, without looking for a key."""
    client = AsyncOpenAI(
        api_key=key, base_url=url, max_retries=0, timeout=spec.timeout, http_client=client_of(url, transport)
    )
    name = registry.split(spec.name)[1]
    return OpenAI(spec.name, registry.capabilities_of(spec), name, spec.timeout, dialect, client, key)


@dataclass(frozen=True, slots=True)
class OpenAI:
    """One model over one SDK client."""

    name: str
    capabilities: Capabilities
    model: str
    timeout: float
    dialect: Dialect
    client: AsyncOpenAI
    key: str = field(repr=False)

    async def complete(self, request: Request) -> Completion:
        if found := registry.refused(self.name, request.settings, self.capabilities):
            raise ModelError("fatal", found[0][1])
        create: Any = self.client.chat.completions.create
        call = create(**self._body(request), timeout=self.timeout)
        return await failures.answered(call, self.key, read)

    async def aclose(self) -> None:
        await self.client.close()

    def _body(self, request: Request) -> dict[str, Any]:
        settings = request.settings
        body: dict[str, Any] = {"model": self.model, "messages": [_message(entry) for entry in request.chat]}
        plain = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            self.dialect.length: settings.max_tokens,
            "stop": list(settings.stop) if settings.stop else None,
            "reasoning_effort": settings.reasoning,
            "seed": provider_seed(request.where.stream) if self.capabilities.seed else None,
        }
        body |= {name: value for name, value in plain.items() if value is not None}
        if settings.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": settings.logprobs}
        if settings.schema is not None:
            form = {"name": "reply", "strict": True, "schema": dict(settings.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if settings.top_k is not None:
            body["extra_body"] = {"top_k": settings.top_k}
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _message(entry: ChatMessage) -> dict[str, Any]:
    if entry.role == "tool":
        return {"role": "tool", "tool_call_id": entry.tool_call_id, "content": entry.content}
    if entry.role == "assistant" and entry.tool_calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in entry.tool_calls
        ]
        return {"role": "assistant", "content": entry.content or None, "tool_calls": calls}
    return {"role": entry.role, "content": entry.content}


def read(reply: ChatCompletion) -> Completion:
    """A reply of the API as a completion. Raises one of `failures.UNREADABLE` for anything else."""
    choice = reply.choices[0]
    said = choice.message
    refusal = getattr(said, "refusal", None)
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in said.tool_calls or ()
        if call.type == "function"
    )
    stop: Stop = "refusal" if refusal else "tool" if calls else STOPS.get(choice.finish_reason, "end")
    if choice.finish_reason == "length":
        stop = "length"
    text = said.content or refusal or ""
    if not isinstance(text, str):
        raise TypeError(f"content is {type(text).__name__}, not text")
    thought = getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None)
    return Completion(
        text=text,
        tool_calls=calls,
        usage=_usage(reply),
        stop=stop,
        reasoning=thought if isinstance(thought, str) else None,
        logprobs=_logprobs(choice.logprobs),
        served_model=reply.model,
        request_id=getattr(reply, "_request_id", None) or reply.id,
    )


def _usage(reply: ChatCompletion) -> Usage:
    """An absent count is an unreadable reply: its cost would be unknown."""
    usage = reply.usage
    if usage is None:
        raise ValueError("the reply holds no token counts")
    read_, made = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        reasoning=(made.reasoning_tokens or 0) if made else 0,
        cache_read=(read_.cached_tokens or 0) if read_ else 0,
        cache_write=(read_.cache_write_tokens or 0) if read_ else 0,
    )


def _logprobs(found: Any) -> tuple[TokenLogprob, ...] | None:
    if found is None or found.content is None:
        return None
    return tuple(
        TokenLogprob(one.token, one.logprob, tuple((other.token, other.logprob) for other in one.top_logprobs))
        for one in found.content
    )
