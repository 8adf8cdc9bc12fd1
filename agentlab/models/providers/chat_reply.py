"""A reply of the chat-completions API as a completion, from whatever server it comes."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from openai.types.chat import ChatCompletion

from agentlab.errors import ModelError
from agentlab.models.providers.chat_messages import OPAQUE
from agentlab.models.providers.meaning import kind_of, status_of, words
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
_BACK = ("reasoning_content", "reasoning", "reasoning_details")
"""Fields of a message that go back with it in a tool loop, where the reply had them."""


def read(reply: ChatCompletion) -> Completion:
    """The completion. Raises ModelError for a reply that did not come to an end, and one of `failures.UNREADABLE` for
    what is no reply."""
    choice = reply.choices[0]
    said = choice.message
    text, thought = _parts(said.content)
    calls, extras = _calls(said.tool_calls or ())
    refusal = getattr(said, "refusal", None)
    back = {name: value for name in _BACK if (value := getattr(said, name, None))}
    thought = next((value for value in back.values() if isinstance(value, str)), thought)
    opaque = {OPAQUE: {"message": back, "calls": extras}} if calls and (back or any(extras)) else None
    stop = _stop(choice)
    if stop == "end":
        stop = "refusal" if refusal else "tool" if calls else "end"
    return Completion(
        text=text or refusal or "",
        tool_calls=calls,
        usage=_usage(reply.usage),
        stop=stop,
        reasoning=thought or None,
        logprobs=_logprobs(choice.logprobs),
        served_model=reply.model,
        request_id=getattr(reply, "_request_id", None) or reply.id,
        opaque=opaque,
    )


def _stop(choice: Any) -> Stop:
    reason, error = choice.finish_reason, getattr(choice, "error", None)
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
    said, thoughts = list[str](), list[str]()
    for item in cast("list[Any]", content):
        part = cast("dict[str, Any]", {"type": "text", "text": item} if isinstance(item, str) else item)
        kind: Any = part["type"]
        if kind in ("thinking", "reasoning"):
            thoughts.append("".join(_parts(part.get(kind) or part.get("text"))))
        elif kind in ("text", "output_text", "refusal"):
            said.append(part.get(kind) or part["text"])
        else:
            raise ModelError("fatal", f"the reply's content holds a part of type {kind!r}; agentlab reads only text")
    return "".join(said), "".join(thoughts)


def _calls(made: Sequence[Any]) -> tuple[tuple[ToolCall, ...], list[dict[str, Any]]]:
    """The tools that are asked for, and what else goes back with each; some servers leave out ids, or send objects."""
    calls, extras = list[ToolCall](), list[dict[str, Any]]()
    for i, call in enumerate(made):
        wanted = getattr(call, "function", None)
        if wanted is None:
            raise ModelError(
                "fatal", f"the reply asks for a tool of type {call.type!r}; agentlab offers only functions"
            )
        given: Any = wanted.arguments
        text = given if isinstance(given, str) else json.dumps({} if given is None else given)
        calls.append(ToolCall(call.id or f"call_{i}", wanted.name, text))
        extra = getattr(call, "extra_content", None)  # Gemini's signature of the thought behind a call
        extras.append({"extra_content": extra} if extra else {})
    return tuple(calls), extras


def _usage(usage: Any) -> Usage | None:
    read_, made = (getattr(usage, f"{part}_tokens_details", None) for part in ("prompt", "completion"))
    return token_counts(
        getattr(usage, "prompt_tokens", None),
        getattr(usage, "completion_tokens", None),
        getattr(made, "reasoning_tokens", None),
        getattr(read_, "cached_tokens", None),
        getattr(read_, "cache_write_tokens", None),
    )


def _logprobs(logprobs: Any) -> tuple[TokenLogprob, ...] | None:
    """None where one is missing, since nothing can be said then of the others' weight."""
    if logprobs is None or logprobs.content is None:
        return None
    tokens = [(token, token.top_logprobs or ()) for token in logprobs.content]
    numbers = [number for token, top in tokens for number in (token.logprob, *(other.logprob for other in top))]
    if any(number is None or math.isnan(number) for number in numbers):
        return None
    return tuple(
        TokenLogprob(token.token, token.logprob, tuple((other.token, other.logprob) for other in top))
        for token, top in tokens
    )
