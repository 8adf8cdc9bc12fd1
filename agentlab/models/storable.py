"""Completions as they can be stored: SDKs build replies without checks, and one's own model may return anything."""

from typing import Any

import msgspec
from msgspec.structs import replace

from agentlab.errors import ModelError
from agentlab.text import utf8_safe
from agentlab.types import Completion

_MOST_TOKENS = 2**53
"""More than any reply has, and less than what a row cannot hold."""
_TEXT = (str, type(None))
_decode = msgspec.json.Decoder(Completion).decode
_encode = msgspec.json.Encoder().encode


def storable(completion: Completion) -> Completion:
    """The completion without what no file can hold; models do send lone surrogates, as `\\ud83d` in JSON.

    Raises `ModelError` for what is no reply, such as token counts that are no numbers; it is not quoted, since it may
    hold the request's key.
    """
    served: Any = completion.served_model
    id: Any = completion.request_id
    if not isinstance(served, _TEXT) or not isinstance(id, _TEXT):
        served, id = (name if isinstance(name, str) else None for name in (served, id))
        completion = replace(completion, served_model=served, request_id=id)
    try:
        try:
            text = _encode(completion)
        except UnicodeEncodeError:
            text = _encode(utf8_safe(msgspec.to_builtins(completion)))
            completion = _decode(text)
        used = _decode(text).usage
    except (msgspec.ValidationError, OverflowError, TypeError) as error:
        wrong = f" ({error})" if str(error).startswith("Expected ") else ""  # it names the field and quotes nothing
        raise ModelError("transient", f"unreadable reply: it has a text or a number of the wrong type{wrong}") from None
    if used is not None and not (
        0 <= used.input < _MOST_TOKENS
        and 0 <= used.output < _MOST_TOKENS
        and 0 <= used.cache_read < _MOST_TOKENS
        and 0 <= used.cache_write < _MOST_TOKENS
    ):
        raise ModelError("transient", "unreadable reply: its token counts are not numbers")
    return completion
