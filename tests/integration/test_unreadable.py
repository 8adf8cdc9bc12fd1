"""A reply that cannot be read: the error names the field, what was expected, and how the reply begins."""

import asyncio
import json
from typing import Any

import pytest

from agentlab.errors import ModelError
from agentlab.models.serve import get_model
from agentlab.models.spec import ModelSpec
from agentlab.models.storable import storable
from agentlab.types import ChatMessage, Completion, Request, Settings, ToolCall, Where
from tests.support.loopback import Answer, Body, Loopback

KEY = "planted-Zq8kT1vNw3"


def failed(raw: bytes, name: str, settings: Settings) -> ModelError:
    """What comes of a request to a server that answers with these bytes."""

    async def ask() -> None:
        told = {"name": name, "base_url": server.url, "api_key_env": "PLANTED_KEY", "tries": 1}
        model: Any = get_model(ModelSpec.model_validate(told))
        try:
            await model.complete(Request((ChatMessage("user", "Hi."),), settings, (), Where("r", "a", 1, 0, 1, 7)))
        finally:
            await model.aclose()

    def answer(body: Body, before: int) -> Answer:
        return Answer(raw=raw)

    with Loopback(answer) as server, pytest.raises(ModelError) as caught:
        asyncio.run(ask())
    return caught.value


def choice(**more: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": "stop", **more}]}


CHATS: list[tuple[Any, str]] = [
    ({"result": "42"}, "`choices` is missing; expected a list with at least one entry"),
    ({"choices": []}, "`choices` is an empty list; expected a list with at least one entry"),
    ({"choices": {"text": "42"}}, "`choices` is an object; expected a list with at least one entry"),
    ({"choices": ["42"]}, "`choices[0]` is text; expected an object"),
    (choice(text="42"), "`choices[0].message` is missing; expected an object"),
    (choice(message=None), "`choices[0].message` is null; expected an object"),
    (choice(message={"content": 42}), "`choices[0].message.content` is a number; expected text or a list"),
    (choice(message={"content": [42]}), "`choices[0].message.content[0]` is a number; expected text or an object"),
    (choice(message={"content": [{"text": "42"}]}), "`choices[0].message.content[0].type` is missing; expected text"),
    (choice(message={"content": [{"type": "text"}]}), "`text` is missing in a part of it"),
    (
        choice(message={"content": "", "tool_calls": [{"function": "add"}]}),
        "`choices[0].message.tool_calls[0].function` is text; expected an object",
    ),
    (
        choice(message={"content": "42"}, logprobs={"content": [True]}),
        "`choices[0].logprobs.content[0]` is true or false; expected an object",
    ),
    (
        choice(message={"content": "42"}, logprobs={"content": [{"logprob": "low"}]}),
        "a part of it has a value of the wrong kind",
    ),
    (["42"], "it is a list; expected an object"),
]


@pytest.mark.parametrize(("reply", "wrong"), CHATS)
def test_a_chat_reply_of_another_shape_is_explained(reply: Any, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    error = failed(json.dumps(reply).encode(), "openai/m", Settings())
    assert (error.kind, error.message) == ("transient", f"unreadable reply: {wrong}; it begins: {json.dumps(reply)}")


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ({"id": "x", "stop_reason": "end_turn"}, "`content` is missing; expected a list"),
        ({"content": "42", "stop_reason": "end_turn"}, "`content` is text; expected a list"),
        (
            {"content": [{"type": "text", "text": 42}], "stop_reason": "end_turn"},
            "`content[0].text` is a number; expected text",
        ),
        (
            {"content": [{"type": "text", "text": "42"}], "stop_reason": ["end_turn"]},
            "`stop_reason` is a list; expected text",
        ),
    ],
)
def test_a_reply_of_the_messages_api_is_explained(reply: Any, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    error = failed(json.dumps(reply).encode(), "anthropic/claude-haiku-4-5", Settings())
    assert error.kind == "transient"
    assert error.message.startswith(f"unreadable reply: {wrong}; it begins: " + "{")
    assert next(iter(reply)) in error.message


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b'{"id": "x", "choi', "it is no JSON at character 13 of 17; expected the JSON of a reply; it begins: {"),
        (b"[" * 100_000, "its JSON is nested too deeply; expected the JSON of a reply"),
    ],
)
@pytest.mark.parametrize("name", ["openai/m", "anthropic/claude-haiku-4-5"])
def test_what_is_no_json_is_explained(name: str, raw: bytes, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    assert failed(raw, name, Settings()).message.startswith(f"unreadable reply: {wrong}")


def test_a_long_reply_is_quoted_in_part_and_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    error = failed(json.dumps({"echo": KEY, "more": "é\n" * 5000}).encode(), "openai/m", Settings())
    assert KEY not in error.message
    assert error.message.endswith("…")
    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ([], "it is a list; expected an object"),
        ({"count": 3}, "`tokens` is missing; expected a list"),
        ({"tokens": ["a"]}, "`tokens[0]` is text; expected a number"),
        ({"tokens": 3, "echo": KEY}, "`tokens` is a number; expected a list"),
    ],
)
def test_a_reply_without_scores_is_explained(reply: Any, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    error = failed(json.dumps(reply).encode(), "vllm/m", Settings(score=("yes", "no")))
    assert error.kind == "fatal"
    assert error.message.startswith(f"no scores: the server's reply cannot be read: {wrong}; it begins: ")
    assert KEY not in error.message


def test_a_completion_that_no_file_can_hold_names_the_field() -> None:
    name: Any = 5
    with pytest.raises(ModelError, match=r"wrong type \(Expected `str`, got `int` - at `\$\.tool_calls\[0\]\.name`\)"):
        storable(Completion("", (ToolCall("a", name, "{}"),)))
