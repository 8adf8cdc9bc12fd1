"""What an SDK's exception means: `ModelError` with the kind that decides whether the call is made again.

Both SDKs share the shapes used here (`status_code`, `response.headers`, a decoded `body`). No key gets into a message:
the key's own value and everything after `Bearer` or an `sk-` prefix is blotted out.
"""

import json
import logging
import types
import warnings
from collections.abc import Callable, Coroutine, Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar, cast

from agentlab.errors import ModelError
from agentlab.models.providers.elsewhere import page, redirect
from agentlab.models.providers.meaning import kind_of, status_of, words
from agentlab.models.providers.shape import Shape, beginning, explained
from agentlab.models.secrets import SIGN, hidden
from agentlab.types import Completion

log = logging.getLogger(__name__)
T = TypeVar("T")
LONGEST = 600
"""Characters of a provider's message that are kept."""
_READ = 20_000
"""Characters of it that are looked at."""

UNREADABLE = (AttributeError, TypeError, KeyError, IndexError, ValueError, RecursionError)
"""What reading a reply of the wrong shape raises: the SDKs build replies without checking them."""


def scrub(text: str, key: str) -> str:
    """`text` on one line, without the key, cut to a length that suits a table."""
    if key and key != "EMPTY":
        text = text.replace(key, SIGN)
    return " ".join(hidden(text).split())[:LONGEST]


def failure(error: BaseException, key: str) -> ModelError:
    """The `ModelError` for what a call raised; `key` is kept out of its message."""
    if isinstance(error, ModelError):
        return error
    names = {cls.__name__ for cls in type(error).__mro__}
    if isinstance(error, TimeoutError) or "APITimeoutError" in names or "TimeoutException" in names:
        return ModelError("transient", "timed out")
    status, cause = getattr(error, "status_code", None), error.__cause__
    if "APIStatusError" in names and isinstance(status, int):
        return _refused(error, status, key)
    if isinstance(cause, ModelError):
        return cause
    if names & {"APIConnectionError", "HTTPError", "OSError"}:
        cause = cause or error
        name = type(cause).__name__
        check = " (is it running, and is base_url right?)" if name.startswith("Connect") else ""
        return ModelError("transient", scrub(f"connection failed{_where(error, check)}: {name} {cause}", key))
    message = scrub(_message(error), key)
    if "APIResponseValidationError" in names or isinstance(error, UNREADABLE):
        sentence = page(getattr(error, "doc", ""))
        return ModelError("transient", scrub(sentence or f"unreadable reply: {unread(error)}", key))
    return ModelError("fatal", f"{type(error).__name__}: {message}")


def unread(error: BaseException) -> str:
    """Why a reply could not be read."""
    if isinstance(error, json.JSONDecodeError):
        where = f"at character {error.pos + 1} of {len(error.doc)}"
        return f"it is no JSON {where}; expected the JSON of a reply{beginning(error.doc)}"
    if isinstance(error, RecursionError):
        return "its JSON is nested too deeply; expected the JSON of a reply"
    return _message(error) or type(error).__name__


def _where(error: BaseException, check: str) -> str:
    """The server that the call went to, and what to check; empty where the error does not tell it."""
    try:
        url: Any = getattr(getattr(error, "request", None), "url", None)
    except RuntimeError:  # httpx raises it for an error without a request
        return ""
    return "" if url is None else f" to {url.scheme}://{url.netloc.decode('ascii', 'replace')}{check}"


def _refused(error: BaseException, status: int, key: str) -> ModelError:
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    message = _message(error)
    message = page(message, at_base_url=status < 500) or message
    kind = kind_of(status, message[:_READ])
    if 300 <= status < 400 and "location" in headers:
        kind, message = redirect(status, headers["location"])
    return ModelError(kind, f"HTTP {status}: {scrub(message, key)}", retry_after(headers))


def _message(error: BaseException) -> str:
    body: Any = getattr(error, "body", None)
    inner: Any = cast("dict[str, Any]", body).get("error", body) if isinstance(body, dict) else body
    return words(inner) or str(error)


def _within(reply: Any, key: str) -> ModelError | None:
    """The error that a reply holds in place of an answer, with the provider's words and the kind that they mean."""
    flat = _entry(reply, "object") == "error"
    error: Any = {name: _entry(reply, name) for name in ("code", "type", "message")} if flat else None
    error = _entry(reply, "error") or error
    if not error or _entry(reply, "choices") or _entry(reply, "content"):
        return None
    message = words(error) or str(error)
    return ModelError(kind_of(status_of(error), message[:_READ]), f"error in a reply: {scrub(message, key)}")


def _entry(reply: Any, name: str) -> Any:
    """Of JSON or of what an SDK made of it; None where there is none."""
    if isinstance(reply, Mapping):
        return cast("Mapping[str, Any]", reply).get(name)
    return getattr(reply, name, None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a provider asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                when = parsedate_to_datetime(value)
            except ValueError:
                continue
            aware = when if when.tzinfo else when.replace(tzinfo=UTC)
            seconds = (aware - datetime.now(UTC)).total_seconds()
        return min(max(seconds, 0.0), 86400.0) if seconds == seconds else None
    return None


async def asked(call: Coroutine[Any, Any, T], key: str) -> T:
    """The answer to an SDK's call. Raises ModelError for whatever else comes of it."""
    try:
        return await _hushed(call)
    except Exception as error:
        # `from None`: the SDK's exception holds the request and its Authorization header.
        raise failure(error, key) from None


async def answered(
    call: Coroutine[Any, Any, Any], key: str, read: Callable[[Any], Completion], shape: Shape
) -> Completion:
    """The answer to an SDK's call, as `read` makes a completion of it. Raises ModelError as `asked` does; where the
    reply cannot be read, that says what of its `shape` it lacks."""
    reply = await asked(call, key)
    if isinstance(reply, str):
        raise ModelError("transient", scrub(page(reply) or f"unreadable reply: text, not JSON: {reply[:_READ]}", key))
    if error := _within(reply, key):
        raise error
    try:
        return read(reply)
    except UNREADABLE as error:
        raise failure(explained(error, reply, shape), key) from None


@types.coroutine
def _hushed(call: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Runs a coroutine with the warnings of its first step caught, so that a deprecation fails no run.

    The SDKs warn before anything is sent. `catch_warnings` is global, so it must not stay open while the task waits:
    other tasks run then.
    """
    step: Callable[[Any], Any] = call.send
    value: Any = None
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                waits = step(value)
            finally:
                for warning in heard:
                    _note(str(warning.message))
        while True:
            try:
                step, value = call.send, (yield waits)
            except BaseException as error:
                step, value = call.throw, error
            waits = step(value)
    except StopIteration as done:
        return done.value
    finally:
        call.close()


@cache
def _note(message: str) -> None:
    """Logs a warning of an SDK once."""
    log.warning("%s", message)
