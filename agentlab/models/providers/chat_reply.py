"""A reply of the chat-completions API as a completion, from whatever server it comes."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx2

from agentlab.errors import ModelError
from agentlab.models.providers.chat_messages import OPAQUE
from agentlab.models.providers.meaning import fields, kind_of, status_of, words
from agentlab.models.providers.shape import TEXT, Shape, entries, one_of, some
from agentlab.models.providers.token_counts import token_counts
from agentlab.types import Completion, Stop, TokenLogprob, ToolCall, Usage

STOPS: Mapping[str, Stop] = {
    "stop": "end",
    "eos": "end",
    "eos_token": "end",
    "stop_sequence": "end",
    "end_turn": "end",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "tool_use": "tool",
    "content_filter": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "prohibited_content": "refusal",
    "blocklist": "refusal",
    "recitation": "refusal",
}
"""Every reason that is an end: OpenAI's, and those that TGI, Together, Mistral and gateways to Claude and Gemini pass
on, in any case. All others, such as `abort` and `error`, are failures."""
_REQUEST_ID = "_request_id"
"""What SDKs call the id of the header, which providers ask for."""
_TOKEN = some(token=TEXT, logprob=Shape(("number", "text")), top_logprobs=entries())
_MESSAGE = some(
    content=Shape(("text", "list"), each=Shape(("text", "object"), must={"type": TEXT}, may={"text": TEXT})),
    tool_calls=entries(some(function=some(name=TEXT))),
    refusal=TEXT,
)
_CHOICE = Shape(("object",), must={"message": _MESSAGE}, may={"logprobs": some(content=entries(_TOKEN))})
SHAPE = one_of(choices=entries(_CHOICE, filled=True))
"""What `read` reads."""
_BACK = ("reasoning_content", "reasoning", "reasoning_details")
"""Fields of a message that go back with it in a tool loop, where the reply had them."""


def loaded(reply: httpx2.Response) -> Any:
    """The JSON of a reply, with the request's id from its header. A reply that is not JSON is returned as text.

    Raises ValueError or RecursionError if the header says that it is JSON and it cannot be read.
    """
    try:
        value: Any = reply.json()
    except ValueError:
        if reply.headers.get("content-type", "").partition(";")[0].endswith("json"):
            raise
        return reply.text
    if not isinstance(value, dict):
        return value
    return {**cast("dict[str, Any]", value), _REQUEST_ID: reply.headers.get("x-request-id")}


def read(reply: Mapping[str, Any]) -> Completion:
    """The completion in what `loaded` returns. Raises ModelError for a reply that did not come to an end, and one of
    `failures.UNREADABLE` for what is no reply."""
    choice = reply["choices"][0]
    message = choice["message"]
    text, thought = _parts(message.get("content"))
    calls, extras = _calls(message.get("tool_calls") or ())
    refusal = message.get("refusal")
    back = {name: value for name in _BACK if (value := message.get(name))}
    thought = next((value for value in back.values() if isinstance(value, str)), thought)
    opaque = {OPAQUE: {"message": back, "calls": extras}} if calls and (back or any(extras)) else None
    stop = _stop(choice)
    if stop == "end":
        stop = "refusal" if refusal else "tool" if calls else "end"
    return Completion(
        text=text or refusal or "",
        tool_calls=calls,
        usage=_usage(reply.get("usage")),
        stop=stop,
        reasoning=thought or None,
        logprobs=_logprobs(choice.get("logprobs")),
        served_model=reply.get("model"),
        request_id=reply.get(_REQUEST_ID) or reply.get("id"),
        opaque=opaque,
    )


def _stop(choice: Mapping[str, Any]) -> Stop:
    reason, error = choice.get("finish_reason"), choice.get("error")
    known = STOPS.get(str(reason).lower())
    if known is not None:
        return known
    message = words(error)
    kind = kind_of(status_of(error), message) if error else "transient"
    raise ModelError(
        kind, f"the reply stopped with {reason!r}, which is not a known stop reason{f': {message}' if message else ''}"
    )


def _parts(content: Any) -> tuple[str, str]:
    """What content says and what it thinks: a text, or a list of parts of which some are thoughts."""
    if not content or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise TypeError(f"content is {type(content).__name__}, neither text nor a list")
    texts, thoughts = list[str](), list[str]()
    for item in cast("list[Any]", content):
        part = cast("dict[str, Any]", {"type": "text", "text": item} if isinstance(item, str) else item)
        kind: Any = part["type"]
        if kind in ("thinking", "reasoning"):
            thoughts.append("".join(_parts(part.get(kind) or part.get("text"))))
        elif kind in ("text", "output_text", "refusal"):
            texts.append(part.get(kind) or part["text"])
        else:
            raise ModelError("fatal", f"the reply's content holds a part of type {kind!r}; agentlab reads only text")
    return "".join(texts), "".join(thoughts)


def _calls(tool_calls: Sequence[Mapping[str, Any]]) -> tuple[tuple[ToolCall, ...], list[dict[str, Any]]]:
    """The tools that are asked for, and what else goes back with each; some servers leave out ids, or send objects."""
    calls, extras = list[ToolCall](), list[dict[str, Any]]()
    for i, call in enumerate(tool_calls):
        function = call.get("function")
        if function is None:
            raise ModelError(
                "fatal", f"the reply asks for a tool of type {call.get('type')!r}; agentlab offers only functions"
            )
        arguments: Any = function.get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps({} if arguments is None else arguments)
        calls.append(ToolCall(call.get("id") or f"call_{i}", function.get("name"), text))
        extra = call.get("extra_content")  # Gemini's signature of the thought behind a call
        extras.append({"extra_content": extra} if extra else {})
    return tuple(calls), extras


def _usage(usage: Any) -> Usage | None:
    counts = fields(usage)
    prompt_details, completion_details = (
        fields(counts.get(f"{part}_tokens_details")) for part in ("prompt", "completion")
    )
    return token_counts(
        counts.get("prompt_tokens"),
        counts.get("completion_tokens"),
        completion_details.get("reasoning_tokens"),
        prompt_details.get("cached_tokens"),
        prompt_details.get("cache_write_tokens"),
    )


def _logprobs(logprobs: Mapping[str, Any] | None) -> tuple[TokenLogprob, ...] | None:
    """None where one is missing, since nothing can be said then of the others' weight."""
    content: Sequence[Mapping[str, Any]] | None = None if logprobs is None else logprobs.get("content")
    if content is None:
        return None
    tokens = [(_logprob(token), [_logprob(other) for other in token.get("top_logprobs") or ()]) for token in content]
    if any(math.isnan(number) for token, top in tokens for _, number in (token, *top)):
        return None
    return tuple(TokenLogprob(*token, tuple(top)) for token, top in tokens)


def _logprob(entry: Mapping[str, Any]) -> tuple[Any, float]:
    """A token with its number, which servers also write as a whole number or a text; NaN where it is missing."""
    number = entry.get("logprob")
    return entry.get("token"), math.nan if number is None else float(number)
