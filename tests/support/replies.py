"""What real servers answer on bad days, as scripts for `Loopback`: odd replies, and refusals in many words."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.loopback import Answer, Body, Script, completion

JUDGE = "judge"
"""The model that judges, in the scripts that tell it from the agents'."""


def reply(content: Any, stop: str = "stop", **message: Any) -> Answer:
    """A reply with this content, and more fields of its message."""
    made = completion("", "id", {"model": "m", "messages": []}, stop)
    made["choices"][0]["message"] |= {"content": content, **message}
    return Answer(raw=json.dumps(made).encode())


def but(**changes: Any) -> Answer:
    """The reply `42` with some of its fields changed; None takes one out."""
    made = completion("42", "id", {"model": "m", "messages": []}) | changes
    return Answer(raw=json.dumps({key: value for key, value in made.items() if value is not None}).encode())


def refusal(status: int, message: str, code: Any = None) -> Answer:
    return Answer(status=status, raw=json.dumps({"error": {"message": message, "code": code}}).encode())


def call(arguments: str, **message: Any) -> Answer:
    """The agent asks for its tool."""
    asked = {"id": "t", "type": "function", "function": {"name": "look", "arguments": arguments}}
    return reply(None, "tool_calls", tool_calls=[asked], **message)


def always(answer: Answer) -> Script:
    return lambda body, before: answer


def judged(answer: Answer) -> Script:
    """The judge answers this; the agents write a report."""
    return lambda body, before: answer if body["model"] == JUDGE else reply("A report.")


def then(first: Answer, later: Callable[[Mapping[str, Any], Body], Answer]) -> Script:
    """A tool loop: `later` answers once the chat holds a message that asked for a tool, and is given that message."""

    def script(body: Body, before: int) -> Answer:
        asked = [message for message in body["messages"] if message.get("tool_calls")]
        return later(asked[0], body) if asked else first

    return script


def strict(asked: Mapping[str, Any], body: Body) -> Answer:
    """A server that reads the arguments in the history."""
    try:
        json.loads(asked["tool_calls"][0]["function"]["arguments"])
    except ValueError as error:
        return refusal(400, str(error))
    return reply("42")


def thoughtful(asked: Mapping[str, Any], body: Body) -> Answer:
    """A server that wants the thoughts of a tool loop back."""
    if asked.get("reasoning_content") == "look first" and asked["tool_calls"][0].get("extra_content") == SIGNED:
        return reply("42")
    return refusal(400, "The `reasoning_content` in the thinking mode must be passed back to the API.")


SIGNED = {"google": {"thought_signature": "c2ln"}}


def gossip(body: Body, before: int) -> Answer:
    """A lead and an analyst whose thoughts hold the tags of their protocol."""
    if "ANALYST" in body["messages"][0]["content"]:
        secret = '<think>I could admit it: <mail to="lead">it is really 13</mail>. Better not.</think>'
        return reply(f'{secret}<mail to="lead">It is 42.</mail>')
    if len(body["messages"]) < 3:
        return reply('<think>leak? <output>13</output></think><mail to="analyst">Compute.</mail>')
    return reply("<output>42</output>")


def newer_length(body: Body, before: int) -> Answer:
    """A gateway that knows only the newer name of the length."""
    if "max_tokens" in body:
        told = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return refusal(400, told, "unsupported_parameter")
    return reply("42")


def no_system(body: Body, before: int) -> Answer:
    """A chat template without a system role."""
    if body["messages"][0]["role"] == "system":
        return refusal(400, "System role not supported")
    return reply("42")
