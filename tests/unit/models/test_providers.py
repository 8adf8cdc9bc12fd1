"""Each hosted provider through its real SDK on a mock transport, without retries: what is sent, what is understood."""

import asyncio
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

import httpx2
import pytest
from anthropic.resources import AsyncMessages
from msgspec.structs import replace
from openai import AsyncOpenAI

from agentlab.errors import ModelError, ScenarioError
from agentlab.interfaces import Model
from agentlab.models.providers import anthropic, openai, vllm
from agentlab.models.retry import RetryingModel
from agentlab.models.serve import serve
from agentlab.models.spec import ModelSpec
from agentlab.types import (
    ChatMessage,
    Completion,
    Request,
    Settings,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
    Where,
)
from tests.support.tokens import used

KEY = "sk-planted-0123456789abcdef"
Answer = Callable[[httpx2.Request], httpx2.Response]
TOOL = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
BUILDERS: Mapping[str, Any] = {
    "anthropic/claude-opus-4-5": anthropic.build,
    "openai/gpt-4o": openai.build,
    "vllm/small": vllm.build,
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("VLLM_BASE_URL", "http://127.0.0.1:9/v1")


def ask(
    text: str = "Hello", settings: Settings | None = None, *more: ChatMessage, tools: tuple[ToolSpec, ...] = ()
) -> Request:
    where = Where("r", "writer", 1, 0, 1, 12345)
    return Request(
        (ChatMessage("system", "Be brief."), ChatMessage("user", text), *more), settings or Settings(), tools, where
    )


def claude(*content: Mapping[str, Any], stop: str = "end_turn", **usage: int) -> httpx2.Response:
    counts = {"input_tokens": 10, "output_tokens": 5, **usage}
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-20260101",
        "content": list(content),
    }
    return httpx2.Response(200, json={**body, "stop_reason": stop, "usage": counts}, headers={"request-id": "req_1"})


def chat(message: Mapping[str, Any], stop: str = "stop", **choice: Any) -> httpx2.Response:
    made = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": stop, **choice}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {
        "id": "cmpl_1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-1",
        "choices": [made],
        "usage": usage,
    }
    return httpx2.Response(200, json=body, headers={"x-request-id": "req_2"})


def said(name: str, text: str, stop: str = "") -> httpx2.Response:
    if name.startswith("anthropic"):
        return claude({"type": "text", "text": text}, stop=stop or "end_turn")
    return chat({"content": text}, stop or "stop")


@dataclass(frozen=True)
class Network(httpx2.AsyncBaseTransport):
    """Gives answers whose bodies are still to be read."""

    answer: Answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        reply = await httpx2.MockTransport(self.answer).handle_async_request(request)
        return httpx2.Response(reply.status_code, headers=reply.headers, stream=httpx2.ByteStream(reply.content))


def model(name: str, answer: Answer, **fields: Any) -> Model:
    builder = next(build for prefix, build in BUILDERS.items() if name.split("/")[0] == prefix.split("/")[0])
    return builder(ModelSpec.model_validate({"name": name, **fields}), Network(answer))


async def sent(name: str, request: Request, reply: httpx2.Response, **fields: Any) -> tuple[dict[str, Any], Completion]:
    """The body that went out, and what was made of the reply."""
    seen: list[dict[str, Any]] = []

    def answer(http: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(http.content))
        return reply

    completion = await model(name, answer, **fields).complete(request)
    return seen[0], completion


async def fails(name: str, answer: Answer, **fields: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model(name, answer, **fields).complete(ask())
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", BUILDERS)
async def test_text(name: str) -> None:
    body, got = await sent(name, ask(), said(name, "Good day."))
    assert body["model"] == name.split("/")[1]
    assert (got.text, got.stop, used(got).input, used(got).output) == ("Good day.", "end", 10, 5)
    assert got.request_id in ("req_1", "req_2")
    assert got.served_model in ("claude-x-20260101", "served-1")


@pytest.mark.parametrize("name", BUILDERS)
async def test_unset_settings_are_not_sent(name: str) -> None:
    body, _ = await sent(name, ask(), said(name, "x"))
    assert not set(body) & {"temperature", "top_p", "top_k", "stop", "stop_sequences", "tools", "thinking", "logprobs"}


@pytest.mark.parametrize("name", BUILDERS)
async def test_length(name: str) -> None:
    stop = "max_tokens" if name.startswith("anthropic") else "length"
    assert (await sent(name, ask(), said(name, "cut", stop)))[1].stop == "length"


@pytest.mark.parametrize("name", BUILDERS)
async def test_rate_limit_with_retry_after(name: str) -> None:
    body = {"error": {"type": "rate_limit_error", "message": "slow down"}}
    error = await fails(name, lambda _: httpx2.Response(429, json=body, headers={"retry-after": "7"}))
    assert (error.kind, error.retry_after) == ("rate_limit", 7.0)
    assert "slow down" in str(error)
    date = format_datetime(datetime.now(UTC) + timedelta(hours=20), usegmt=True)
    error = await fails(name, lambda _: httpx2.Response(429, json=body, headers={"retry-after": date}))
    assert error.retry_after is not None
    assert 19 * 3600 < error.retry_after <= 20 * 3600


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (500, "oops", "transient"),
        (529, "Overloaded", "transient"),
        (408, "late", "transient"),
        (409, "conflict", "transient"),
        (400, "temperature is deprecated for this model", "fatal"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "too_long"),
        (400, "This model's maximum context length is 8192 tokens", "too_long"),
        (413, "request too large", "too_long"),
        (401, "invalid x-api-key", "fatal"),
        (404, "model: claude-nope", "fatal"),
        (429, "You exceeded your current quota: insufficient_quota", "fatal"),
    ],
)
async def test_status(name: str, status: int, message: str, kind: str) -> None:
    error = await fails(name, lambda _: httpx2.Response(status, json={"error": {"message": message}}))
    assert error.kind == kind
    assert str(status) in str(error)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    "reply",
    [
        httpx2.Response(200, content=b'{"id": "x", "choi', headers={"content-type": "application/json"}),
        httpx2.Response(200, content=b"<html>busy</html>", headers={"content-type": "text/html"}),
        httpx2.Response(200, json={}),
        httpx2.Response(200, json=[1]),
        httpx2.Response(200, json={"choices": [], "content": None, "usage": None}),
    ],
    ids=["cut", "html", "empty", "list", "hollow"],
)
async def test_unreadable_reply(name: str, reply: httpx2.Response) -> None:
    assert (await fails(name, lambda _: reply)).kind == "transient"


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    "error", [httpx2.ConnectError, httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.ReadTimeout]
)
async def test_connection(name: str, error: type[httpx2.TransportError]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error(f"Authorization: Bearer {KEY}", request=request)

    assert (await fails(name, answer)).kind == "transient"


@pytest.mark.parametrize("name", BUILDERS)
async def test_timeout(name: str) -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return said(name, "late")

    with pytest.raises(ModelError, match=r"transient: no answer within 0.05 s"):
        await RetryingModel(model(name, cast("Answer", answer)), tries=1, timeout=0.05).complete(ask())


@pytest.mark.parametrize("name", BUILDERS)
async def test_a_key_shows_nowhere(name: str) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}. Authorization: Bearer {KEY}"}}
    key = {"api_key_env": "OPENAI_API_KEY"} if name.startswith("vllm") else {}
    made = model(name, lambda _: httpx2.Response(401, json=body), **key)
    with pytest.raises(ModelError) as caught:
        await made.complete(ask())
    assert KEY not in str(caught.value) + repr(caught.value) + repr(made)
    assert caught.value.__cause__ is None


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ScenarioError, match=r"OPENAI_API_KEY.*api_key_env"):
        model("openai/gpt-4o", lambda _: said("openai", "x"))


async def test_all_missing_keys_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    specs = {
        alias: ModelSpec.model_validate({"name": name})
        for alias, name in {"a": "anthropic/claude-opus-4-5", "b": "openai/gpt-4.1", "c": "sim/chatter"}.items()
    }
    with pytest.raises(ScenarioError, match=r"ANTHROPIC_API_KEY; openai/gpt-4\.1 needs a key: .* OPENAI_API_KEY\."):
        async with serve(specs):
            pass


async def test_a_key_goes_only_where_it_belongs() -> None:
    seen: list[str] = []

    def answer(http: httpx2.Request) -> httpx2.Response:
        seen.append(http.headers["authorization"])
        return said("openai", "x")

    await model("openai/some", answer, base_url="http://other.example/v1").complete(ask())
    await model("openai/some", answer, base_url="http://other.example/v1", api_key_env="OPENAI_API_KEY").complete(ask())
    assert seen == ["Bearer EMPTY", f"Bearer {KEY}"]


# OpenAI's dialect


async def test_openai_sends_every_setting() -> None:
    settings = Settings(temperature=0.5, top_p=0.9, max_tokens=7, stop=("END",), logprobs=3, schema=FORM)
    top = [{"token": "a", "logprob": -0.1, "bytes": None}, {"token": "b", "logprob": -2.5, "bytes": None}]
    logprobs = {"content": [{"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": top}], "refusal": None}
    body, got = await sent("openai/gpt-4o", ask(settings=settings), chat({"content": "a"}, logprobs=logprobs))
    assert (body["temperature"], body["top_p"], body["max_completion_tokens"], body["stop"]) == (0.5, 0.9, 7, ["END"])
    assert (body["logprobs"], body["top_logprobs"], body["seed"]) == (True, 3, 12345)
    assert body["response_format"]["json_schema"] == {"name": "reply", "strict": True, "schema": FORM}
    assert got.logprobs is not None
    assert got.logprobs[0].top == (("a", -0.1), ("b", -2.5))


async def test_vllm_takes_top_k_and_the_older_length() -> None:
    body, _ = await sent("vllm/small", ask(settings=Settings(top_k=5, max_tokens=9)), chat({"content": "x"}))
    assert (body["top_k"], body["max_tokens"]) == (5, 9)


async def test_a_reasoning_model_refuses_sampling_before_anything_is_sent() -> None:
    with pytest.raises(ModelError, match=r"fatal: openai/gpt-5\.2 does not support temperature"):
        await model("openai/gpt-5.2", lambda _: chat({})).complete(ask(settings=Settings(temperature=1)))
    body, _ = await sent(
        "openai/gpt-5.2", ask(settings=Settings(reasoning="low", max_tokens=9)), chat({"content": "x"})
    )
    assert (body["reasoning_effort"], body["max_completion_tokens"]) == ("low", 9)
    assert "seed" not in body


async def test_openai_tool_round_trip() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    reply = chat({"content": None, "tool_calls": [call]}, "tool_calls")
    body, got = await sent("openai/gpt-4o", ask(tools=(TOOL,)), reply)
    assert body["tools"][0]["function"]["name"] == "add"
    assert (got.stop, got.tool_calls) == ("tool", (ToolCall("c1", "add", '{"a": 1}'),))
    more = (ChatMessage("assistant", got.text, got.tool_calls), ChatMessage("tool", "2", tool_call_id="c1"))
    body, _ = await sent("openai/gpt-4o", ask("Hello", None, *more), chat({"content": "two"}))
    assert body["messages"][2:] == [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]


@pytest.mark.parametrize(
    "reply", [chat({"content": "", "refusal": "I can't."}), chat({"content": "part"}, "content_filter")]
)
async def test_openai_refusals(reply: httpx2.Response) -> None:
    _, got = await sent("openai/gpt-4o", ask(), reply)
    assert got.stop == "refusal"
    assert got.text in ("I can't.", "part")


# Claude


async def test_claude_sends_sampling_in_the_body_where_the_model_takes_it() -> None:
    settings = Settings(temperature=0.5, top_k=4, stop=("END",), schema=FORM)
    body, _ = await sent("anthropic/claude-sonnet-4-5", ask(settings=settings), claude({"type": "text", "text": "x"}))
    assert (body["temperature"], body["top_k"], body["stop_sequences"]) == (0.5, 4, ["END"])
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert (body["system"], body["max_tokens"]) == ("Be brief.", 4096)
    with pytest.raises(ModelError, match="fatal: anthropic/claude-opus-5 does not support temperature"):
        await model("anthropic/claude-opus-5", lambda _: claude()).complete(ask(settings=Settings(temperature=1)))


@pytest.mark.parametrize(
    ("name", "reasoning", "expected"),
    [
        ("claude-sonnet-4-5", 2000, {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 6096}),
        ("claude-opus-4-6", "low", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (
            "claude-opus-5",
            "high",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        ),
        ("claude-opus-5", "none", {"thinking": {"type": "disabled"}, "max_tokens": 16384}),
    ],
)
async def test_claude_thinks_as_its_family_does(name: str, reasoning: str | int, expected: dict[str, Any]) -> None:
    request = ask(settings=Settings(reasoning=reasoning))
    body, _ = await sent(f"anthropic/{name}", request, claude({"type": "text", "text": "x"}))
    assert {key: body[key] for key in expected} == expected


async def test_claude_tool_loop_carries_signed_thinking() -> None:
    thought = {"type": "thinking", "thinking": "Adding.", "signature": "c2ln"}
    use = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
    _, got = await sent("anthropic/claude-opus-4-5", ask(tools=(TOOL,)), claude(thought, use, stop="tool_use"))
    assert (got.stop, got.reasoning, got.text) == ("tool", "Adding.", "")
    assert got.tool_calls == (ToolCall("t1", "add", '{"a": 1}'),)
    opaque = json.loads(json.dumps(got.opaque))
    more = (
        ChatMessage("assistant", got.text, got.tool_calls, opaque=opaque),
        ChatMessage("tool", "2", tool_call_id="t1"),
        ChatMessage("user", "Now say it."),
    )
    body, _ = await sent(
        "anthropic/claude-opus-4-5", ask("Hello", None, *more), claude({"type": "text", "text": "two"})
    )
    assert body["messages"][1] == {"role": "assistant", "content": [thought, use]}
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]
    # Another provider's model that takes over ignores what is not its own.
    body, _ = await sent("openai/gpt-4o", ask("Hello", None, more[0], more[1]), chat({"content": "x"}))
    assert body["messages"][2]["tool_calls"][0]["id"] == "t1"


async def test_claude_neighbours_of_one_role_are_one_message_and_empty_text_is_left_out() -> None:
    more = (ChatMessage("assistant", ""), ChatMessage("user", "And?"))
    body, _ = await sent("anthropic/claude-opus-4-5", ask("Hello", None, *more), claude({"type": "text", "text": "x"}))
    assert [len(message["content"]) for message in body["messages"]] == [2]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "end"),
    ],
)
async def test_claude_stops(stop: str, expected: str) -> None:
    assert (await sent("anthropic/claude-opus-4-5", ask(), claude(stop=stop)))[1].stop == expected


async def test_a_claude_reply_that_is_no_end_has_failed() -> None:
    error = await fails("anthropic/claude-opus-4-5", lambda _: claude({"type": "text", "text": "x"}, stop="pause_turn"))
    assert (error.kind, "'pause_turn'" in str(error)) == ("transient", True)
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    error = await fails("anthropic/claude-opus-4-5", lambda _: httpx2.Response(200, json=body))
    assert (error.kind, "Overloaded" in str(error)) == ("transient", True)


async def test_what_claude_s_provider_says_of_a_refusal_is_no_speech() -> None:
    made = json.loads(claude(stop="refusal").content)
    made["stop_details"] = {"type": "refusal", "category": "bio", "explanation": "It could harm."}
    _, got = await sent("anthropic/claude-opus-5", ask(), httpx2.Response(200, json=made))
    assert (got.text, got.stop, got.notice) == ("", "refusal", "It could harm.")


@pytest.mark.parametrize("name", BUILDERS)
async def test_unknown_token_counts_are_unknown(name: str) -> None:
    made = json.loads(said(name, "x").content)
    for usage in (None, {}, {**made["usage"], "output_tokens": None, "completion_tokens": None}):
        reply = httpx2.Response(200, json={**made, "usage": usage})
        assert (await sent(name, ask(), reply))[1].usage is None


async def test_numbers_that_a_server_writes_in_another_way_are_those_numbers() -> None:
    top = [{"token": "a", "logprob": 0}, {"token": "b", "logprob": "-2.5"}]
    made = json.loads(chat({"content": "a"}, logprobs={"content": [{**top[0], "top_logprobs": top}]}).content)
    made["usage"] = {"prompt_tokens": "12", "completion_tokens": 5.0, "prompt_tokens_details": {"cached_tokens": "x"}}
    settings = Settings(logprobs=2)
    _, got = await sent("openai/gpt-4o", ask(settings=settings), httpx2.Response(200, json=made))
    assert (got.usage, got.request_id) == (Usage(12, 5), "cmpl_1")
    assert got.logprobs == (TokenLogprob("a", 0.0, (("a", 0.0), ("b", -2.5))),)
    del made["choices"][0]["logprobs"]["content"][0]["logprob"]
    with pytest.raises(ModelError, match=r"fatal: .*the reply has no numbers"):
        await sent("openai/gpt-4o", ask(settings=settings), httpx2.Response(200, json=made))


@pytest.mark.parametrize("name", BUILDERS)
async def test_a_model_without_a_system_role_is_told_in_the_first_message(name: str) -> None:
    body, _ = await sent(name, ask(), said(name, "x"), capabilities={"system": False})
    told: Any = body["messages"][0]["content"]
    assert (told if isinstance(told, str) else told[0]["text"]) == "Be brief.\n\nHello"
    assert (len(body["messages"]), "system" in body) == (1, False)


async def test_a_server_that_wants_the_older_length_gets_it_from_then_on() -> None:
    seen: list[dict[str, Any]] = []

    def answer(http: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(http.content))
        if "max_completion_tokens" in seen[-1]:
            told = {"message": "Unrecognized request argument supplied: max_completion_tokens"}
            return httpx2.Response(400, json={"error": told})
        return said("openai", "x")

    made, request = model("openai/gpt-5.2", answer), ask(settings=Settings(max_tokens=7))
    for _ in range(2):
        assert (await made.complete(request)).text == "x"
    assert [body.get("max_tokens") for body in seen] == [None, 7, 7]


async def test_a_length_that_is_too_large_is_not_sent_under_another_name() -> None:
    told = {"error": {"message": "max_tokens is too large: 5000. This model supports at most 4096 completion tokens"}}
    seen: list[httpx2.Request] = []

    def answer(http: httpx2.Request) -> httpx2.Response:
        seen.append(http)
        return httpx2.Response(400, json=told)

    with pytest.raises(ModelError, match=r"^fatal: HTTP 400"):
        await model("vllm/small", answer).complete(ask(settings=Settings(max_tokens=5000)))
    assert len(seen) == 1


async def test_claude_counts_cached_tokens_as_input() -> None:
    reply = claude({"type": "text", "text": "x"}, cache_read_input_tokens=100, cache_creation_input_tokens=20)
    usage = used((await sent("anthropic/claude-opus-4-5", ask(), reply))[1])
    assert (usage.input, usage.cache_read, usage.cache_write) == (130, 100, 20)


@pytest.mark.parametrize("name", BUILDERS)
async def test_a_deprecation_fails_no_run(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sdk: Any = AsyncMessages if name.startswith("anthropic") else AsyncOpenAI
    method = "create" if name.startswith("anthropic") else "post"
    asks = getattr(sdk, method)

    async def warns(self: Any, *path: str, **body: Any) -> Any:
        warnings.warn(f"{name} is past its prime", DeprecationWarning, stacklevel=2)
        return await asks(self, *path, **body)

    monkeypatch.setattr(sdk, method, warns)
    warnings.simplefilter("error")  # pytest puts its own filters back
    for _ in range(2):
        assert (await sent(name, ask(), said(name, "old")))[1].text == "old"
    assert sum(f"{name} is past its prime" in record.message for record in caplog.records) == 1


async def test_a_cancelled_call_is_cancelled() -> None:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return said("openai", "late")

    for name in BUILDERS:
        task = asyncio.create_task(model(name, cast("Answer", answer)).complete(ask()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_same_call_same_seed() -> None:
    first, _ = await sent("openai/gpt-4o", ask(), chat({"content": "x"}))
    request = ask()
    other = replace(request, where=replace(request.where, stream=2**62 + 1))
    second, _ = await sent("openai/gpt-4o", other, chat({"content": "x"}))
    assert first["seed"] != second["seed"] < 2**31
