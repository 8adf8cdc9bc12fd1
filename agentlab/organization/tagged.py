"""Tool calls as tags in text, for models that have no tool calls of their own.

    <call tool="edit">
    <path>src/rank.py</path>
    <old>text that is there</old>
    <new>text that replaces it</new>
    </call>

Each argument stands between tags with its name. A JSON object in place of the arguments is read too, and so are
attributes such as `<call tool="read" path="a.py">`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from agentlab.organization.calls import Calls, Written, calls
from agentlab.organization.markup import markup
from agentlab.text import utf8_safe
from agentlab.types import Call, ChatMessage, Completion, ToolCall, ToolSpec

TAGS = ("call", "result")
MOST = 64
"""Calls of one reply that are made."""
_MARKUP = markup(TAGS)
_HEAD = (
    "You can use tools. To use one, write its call as shown below and end your message there. The next message has its "
    "result. Text outside of a call is not a call, and neither is a call in a code block or in quotes. When you need "
    "no more tools, answer without a call."
)
_UNCLOSED = "</call> is missing"
_MORE = f"not done, since only the first {MOST} calls of a reply are made, and as many quoted ones are looked at"
_QUOTED = "not done, since the call stands in a code block or in quotes; write it on lines of its own without these"
_STRAY = (
    "not done, since the reply has more </call> than calls, so that it is unclear where calls end; write arguments "
    "that hold such a tag as a JSON object"
)


def guide(tools: Sequence[ToolSpec]) -> str:
    """How an agent calls its tools: each one as the call to write. Empty without tools."""
    return "\n\n".join((_HEAD, *map(_shown, tools))) if tools else ""


def read(completion: Completion, tools: Sequence[ToolSpec], k: int, tags: Sequence[str] = ()) -> Completion:
    """The completion with the calls in its text as tool calls. Its text stays as the model wrote it.

    `k` is its place in the turn, which makes the ids of its calls differ from those of other replies; `tags` are those
    of the protocol, in which calls are text. Any text can be read, in time linear in its length. A call that cannot be
    made becomes one whose result says so: one that is never closed, all calls of a reply with a closing tag too many,
    the call behind the first `MOST`, and the first quoted one of a reply that holds nothing else to act on.
    """
    if completion.tool_calls or completion.stop == "refusal" or "<" not in completion.text:
        return completion
    written, schemas = _calls(completion.text, tools, tags), {tool.name: tool.parameters for tool in tools}
    called = tuple(_call(call, schemas, f"call_{k}_{i}", written.stray) for i, call in enumerate(written.made))
    if not called and written.quoted and not written.blocks:
        called = (ToolCall(f"call_{k}_0", written.quoted[0].name, _QUOTED),)
    if written.more is not None:
        called = (*called, ToolCall(f"call_{k}_{len(called)}", written.more, _MORE))
    if not called:
        return completion
    return replace(completion, tool_calls=called, stop="tool" if completion.stop == "end" else completion.stop)


def _calls(text: str, tools: Sequence[ToolSpec], tags: Sequence[str]) -> Calls:
    return calls(text, {tool.name: tuple(tool.parameters.get("properties", ())) for tool in tools}, tags, MOST)


def results(call: Call, contents: Sequence[str]) -> ChatMessage:
    """The results of a call's tools as the next message of the user; `contents` are what is shown of them, in order."""
    names = {wanted.id: wanted.name for wanted in call.completion.tool_calls} if call.completion else {}
    shown = list[str]()
    for result, content in zip(call.tool_results, contents, strict=True):
        failed = ' failed="yes"' if result.error else ""
        name = _MARKUP.attribute(names.get(result.id, ""))
        shown.append(f'<result tool="{name}"{failed}>\n{_MARKUP.escape(content)}\n</result>')
    return ChatMessage("user", "\n\n".join(shown))


def spoken(text: str, tools: Sequence[ToolSpec], tags: Sequence[str] = ()) -> str:
    """What a reply says beside its calls, which nobody else reads."""
    kept, at = list[str](), 0
    for call in _calls(text, tools, tags).made:
        if call.body is not None:
            kept.append(text[at : call.span[0]].strip())
            at = call.span[1]
    return "\n".join(part for part in (*kept, text[at:].strip()) if part)


def _shown(tool: ToolSpec) -> str:
    fields: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    required = set(tool.parameters.get("required", ()))
    lines = [f"{tool.name}: {tool.description}", f'<call tool="{tool.name}">']
    for name, field in fields.items():
        described = _described(field) + ("" if name in required else " May be left out.")
        lines.append(f"<{name}>{described}</{name}>")
    return "\n".join((*lines, "</call>"))


def _described(field: Mapping[str, Any]) -> str:
    choices: Sequence[Any] = field.get("enum", ())
    kind = field.get("type", "JSON")
    said = f"One of {', '.join(map(str, choices))}." if choices else "" if kind == "string" else f"({kind})"
    return f"{said} {field.get('description', '') or ('' if choices else 'TEXT')}".strip()


def _call(call: Written, schemas: Mapping[str, Mapping[str, Any]], id: str, stray: bool) -> ToolCall:
    """Of a call that cannot be made the arguments are no JSON, but say why, as its result then does."""
    if call.body is None or stray:
        return ToolCall(id, call.name, _STRAY if stray else _UNCLOSED)
    named = "tool" if "tool" in call.attributes else "name"
    fields: Mapping[str, Mapping[str, Any]] = schemas.get(call.name, {}).get("properties", {})
    spelled = {field.lower(): field for field in fields}
    attributes = {spelled.get(key, key): text for key, text in call.attributes.items() if key != named}
    given: dict[str, Any] = {key: _value(text, fields.get(key, {})) for key, text in attributes.items()}
    if call.body.startswith("{") and call.body.endswith("}"):
        return ToolCall(id, call.name, _joined(given, call.body) if given else call.body)
    given |= {key: _value(text, fields[key]) for key, text in call.arguments.items()}
    missing = [key for key in schemas.get(call.name, {}).get("required", ()) if key not in given]
    if not call.arguments and call.body and len(missing) == 1:  # `<call tool="run">ls</call>` can mean one thing only
        given[missing[0]] = _value(call.body, fields.get(missing[0], {}))
    return ToolCall(id, call.name, _json(given))


def _json(given: Mapping[str, Any]) -> str:
    """As a row can hold it: a JSON text of ASCII letters may name a lone surrogate."""
    return str(utf8_safe(json.dumps(given, ensure_ascii=False)))


def _joined(attributes: Mapping[str, Any], body: str) -> str:
    """A JSON object with attributes added; text that is no JSON stays, for the result to say so."""
    try:
        return _json({**attributes, **json.loads(body)})
    except (ValueError, TypeError, RecursionError):
        return body


def _value(text: str, field: Mapping[str, Any]) -> Any:
    """Text as it is; a number, a list or another value where the tool takes one and the text is JSON."""
    if field.get("type", "string") == "string" and "anyOf" not in field:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
