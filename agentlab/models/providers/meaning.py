"""What a provider means by an error: the kind of failure, from its status, its codes and its words.

Providers agree on none of them, so the words are those that were seen: of OpenAI, Azure, Anthropic, Gemini, Mistral,
xAI, DeepSeek, Moonshot and DashScope, of OpenRouter, and of vLLM, SGLang, TGI, llama.cpp and LM Studio.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from agentlab.errors import FailureKind

_TOO_LONG = re.compile(
    r"(?i)context[_ -]?(length|size|window|limit)|maximum (context|(model|prompt|input|sequence) length)|"
    r"longer than the (maximum )?model|too many (input )?tokens|prompt is too long|prompt contains .{0,40}too large|"
    r"input (is|length).{0,40}(too long|exceed)|exceeds? the (available|model'?s? maximum|maximum allowed) |"
    r"exceeds max(imum)? length|token count.{0,60}exceeds|exceed\w*.{0,20}\btoken limit|token limit exceeded|"
    r"max_new_tokens.{0,30}must be <=|must have less than \d+ tokens|reduce the length of|range of input length|"
    r"output limit was reached|string_above_max_length|exceed_context_size|request_too_large"
)
_REFUSED = re.compile(
    r"(?i)content[_ -]?(filter|policy|management|moderation)|responsible_?ai|\binvalid_prompt\b|"
    r"\b(prompt|input|request|content|message|output|response)s?\b.{0,60}\bflagged\b|"
    r"violat\w+\b.{0,40}\b(usage|use|content|safety)\b.{0,20}(polic|guideline)|"
    r"(blocked|rejected|refused)\b.{0,60}\b(safety|moderation|content)|safety system|prohibited[_ ]content|"
    r"moderation_blocked|data_?inspection_?failed|inappropriate content|content exists risk|sensitive content"
)
_SPENT = re.compile(r"(?i)insufficient_quota|billing|credit balance")
_PASSING = frozenset({408, 409, 425})
_REFUSING = frozenset({400, 403, 422, 451})
_CODES: Mapping[str, int] = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "insufficient_quota": 402,
    "billing_error": 402,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "invalid_prompt": 400,
    "content_filter": 400,
    "context_length_exceeded": 400,
}
"""The HTTP statuses of errors that are told by name."""
_UNKNOWN = 500


def kind_of(status: int, message: str) -> FailureKind:
    """What an error with this HTTP status and these words means."""
    if status == 429:
        return "fatal" if _SPENT.search(message) else "rate_limit"
    if status in _REFUSING and _REFUSED.search(message):
        return "refused"
    if status == 413 or (status not in (401, 402) and _TOO_LONG.search(message)):
        return "too_long"
    return "transient" if status in _PASSING or status >= _UNKNOWN else "fatal"


def words(error: Any) -> str:
    """What an error object says: its type, code and message, and those of what it wraps; empty when it says nothing."""
    if isinstance(error, str):
        return error
    said = fields(error)
    code, raw = fields(said.get("innererror")).get("code"), fields(said.get("metadata")).get("raw")
    parts = [said.get("type"), said.get("code"), code, said.get("message"), raw]
    return ": ".join(str(part) for part in parts if part)


def status_of(error: Any) -> int:
    """The HTTP status of an error object that came with status 200; a server's own failure where it is not told."""
    said = fields(error)
    for name in ("code", "status", "type"):
        code = str(said.get(name) or "")
        if code.isascii() and code.isdigit() and 400 <= int(code) < 600:
            return int(code)
        if code.lower() in _CODES:
            return _CODES[code.lower()]
    return 400 if _REFUSED.search(words(error)) else _UNKNOWN


def fields(value: Any) -> Mapping[str, Any]:
    """The fields of a JSON object; none of what is no object."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
