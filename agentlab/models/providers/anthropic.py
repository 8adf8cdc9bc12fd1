"""Claude models over the messages API.

`messages.create` of SDK 2 has no sampling parameters any more; models that still take them get them in the body. An
effort or a budget becomes the kind of thinking the model's family knows. The signed thinking blocks of a reply travel
in `Completion.opaque` and go back untouched in `ChatMessage.opaque`, which a tool loop needs.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
from anthropic import AsyncAnthropic, transform_schema
from anthropic.types import Message

from agentlab.errors import ModelError
from agentlab.models import registry
from agentlab.models.arguments import arguments, resendable
from agentlab.models.capabilities import Claude, claude
from agentlab.models.providers import failures
from agentlab.models.providers.account import client_of, key_of
from agentlab.models.providers.shape import TEXT, Shape, entries, one_of
from agentlab.models.providers.token_counts import token_counts
from agentlab.models.spec import ModelSpec
from agentlab.models.system_role import without_system
from agentlab.types import Capabilities, ChatMessage, Completion, Request, Settings, Stop, ToolCall, Usage

OFFICIAL = registry.PROVIDERS["anthropic"]
OPAQUE = "anthropic"
"""Key of `Completion.opaque`, so that another provider's model that takes over a chat leaves it alone."""
STOPS: Mapping[str | None, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}
"""Every reason that is an end. `pause_turn` is none: the server wants to go on."""

_BLOCK = Shape(("object",), must={"type": TEXT}, may={"text": TEXT, "thinking": TEXT, "id": TEXT, "name": TEXT})
SHAPE = one_of(content=entries(_BLOCK), stop_reason=TEXT)
"""What `read` reads."""


def build(spec: ModelSpec, transport: httpx2.AsyncBaseTransport | None = None) -> "Anthropic":
    url = spec.base_url or OFFICIAL.url
    key = key_of(spec, OFFICIAL.key if url == OFFICIAL.url else "")
    client = AsyncAnthropic(
        api_key=key, base_url=url, max_retries=0, timeout=spec.timeout, http_client=client_of(spec, url, transport)
    )
    name = registry.split(spec.name)[1]
    return Anthropic(spec.name, registry.capabilities_of(spec), name, spec.timeout, spec.body, client, key)


@dataclass(frozen=True, slots=True)
class Anthropic:
    """One Claude model over one SDK client."""

    name: str
    capabilities: Capabilities
    model: str
    timeout: float
    body: Mapping[str, Any]
    """Sent beside what agentlab sends itself."""
    client: AsyncAnthropic
    key: str = field(repr=False)

    async def complete(self, request: Request) -> Completion:
        if mistakes := registry.refused(self.name, request.settings, self.capabilities):
            raise ModelError("fatal", mistakes[0][1])
        create: Any = self.client.messages.create
        # A time-out of its own also keeps the SDK from refusing long replies that are not streamed.
        call = create(**self._body(request), timeout=self.timeout)
        return await failures.answered(call, self.key, read, SHAPE)

    async def aclose(self) -> None:
        await self.client.close()

    def _body(self, request: Request) -> dict[str, Any]:
        settings, family = request.settings, claude(self.model)
        chat = request.chat if self.capabilities.system else without_system(request.chat)
        body: dict[str, Any] = {"model": self.model, "messages": messages(chat)}
        body |= thinking(settings, family)
        limit = settings.max_tokens
        if limit is None:
            limit = family.max_tokens + body.get("thinking", {}).get("budget_tokens", 0)
        body["max_tokens"] = limit
        system = [entry.content for entry in chat if entry.role == "system" and entry.content.strip()]
        if system:
            body["system"] = "\n\n".join(system)
        if settings.stop:
            body["stop_sequences"] = list(settings.stop)
        if settings.schema is not None:
            # Moves what the API does not enforce (minimum, maxLength, …) into descriptions.
            form = {"type": "json_schema", "schema": transform_schema(dict(settings.schema))}
            body.setdefault("output_config", {})["format"] = form
        sampling = {name: getattr(settings, name) for name in ("temperature", "top_p", "top_k")}
        if sent := {**{name: value for name, value in sampling.items() if value is not None}, **self.body}:
            body["extra_body"] = sent
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in request.tools
            ]
        return body


def thinking(settings: Settings, family: Claude) -> dict[str, Any]:
    """The part of a request's body that says how much to think."""
    reasoning = settings.reasoning
    if reasoning is None:
        return {}
    if reasoning in (0, "none"):
        return {"thinking": {"type": "disabled"}}
    if isinstance(reasoning, int):
        return {"thinking": {"type": "enabled", "budget_tokens": reasoning}}
    kind: dict[str, Any] = {"type": "adaptive"}
    if not family.sampling:
        kind["display"] = "summarized"  # these models leave the text of thoughts out by default
    return {"thinking": kind, "output_config": {"effort": reasoning}}


def messages(chat: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """A chat without its system entries; neighbors of one role become one message, as the API wants tool results."""
    turns: list[dict[str, Any]] = []
    for entry in chat:
        if entry.role == "system" or not (blocks := _blocks(entry)):
            continue
        role = "assistant" if entry.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(entry: ChatMessage) -> list[dict[str, Any]]:
    """The API refuses empty text, so an entry without any has no block of it."""
    if entry.role == "tool":
        return [{"type": "tool_result", "tool_use_id": entry.tool_call_id, "content": entry.content}]
    opaque: Any = entry.opaque
    originals = cast("dict[str, Any]", opaque).get(OPAQUE) if isinstance(opaque, dict) else None
    if originals:
        return [dict(block) for block in originals]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": entry.content}] if entry.content.strip() else []
    for call in entry.tool_calls:
        values = arguments(resendable(call.arguments))
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": values})
    return blocks


def read(reply: Message) -> Completion:
    """A reply of the API as a completion. Raises ModelError for one that did not come to an end, and one of
    `failures.UNREADABLE` for what is no reply."""
    if reply.stop_reason not in STOPS:
        raise ModelError("transient", f"the reply stopped with {reply.stop_reason!r}, which is not a known stop reason")
    blocks: list[Any] = list(reply.content)
    text = "".join(block.text for block in blocks if block.type == "text")
    thoughts = [block.thinking for block in blocks if block.type == "thinking"]
    signed = any(block.type in ("thinking", "redacted_thinking") for block in blocks)
    calls = tuple(
        ToolCall(block.id, block.name, json.dumps(block.input)) for block in blocks if block.type == "tool_use"
    )
    return Completion(
        text=text,
        tool_calls=calls,
        usage=_usage(reply.usage),
        stop=STOPS[reply.stop_reason],
        notice=reply.stop_details.explanation if reply.stop_details else None,
        reasoning="\n\n".join(thought for thought in thoughts if thought) or None,
        served_model=reply.model,
        request_id=getattr(reply, "_request_id", None) or reply.id,
        opaque={OPAQUE: [block.to_dict(mode="json") for block in blocks]} if signed else None,
    )


def _usage(usage: Any) -> Usage | None:
    """The API counts tokens of caches apart from `input_tokens`."""
    read_, written = (getattr(usage, f"cache_{part}_input_tokens", None) or 0 for part in ("read", "creation"))
    input = getattr(usage, "input_tokens", None)
    return token_counts(
        None if input is None else input + read_ + written,
        getattr(usage, "output_tokens", None),
        getattr(getattr(usage, "output_tokens_details", None), "thinking_tokens", None),
        read_,
        written,
    )
