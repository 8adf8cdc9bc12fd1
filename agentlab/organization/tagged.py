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
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentlab.organization.markup import Block, markup
from agentlab.text import utf8_safe
from agentlab.types import Call, ChatMessage, Completion, ToolCall, ToolSpec

TAGS = ("call", "result")
_MARKUP = markup(TAGS)
_CALL = markup(("call",))
_HEAD = (
    "You can use tools. To use one, write its call as shown below and end your message there. The next message has its "
    "result. Text outside of a call is not a call. When you need no more tools, answer without a call."
)
_UNCLOSED = "</call> is missing"


def guide(tools: Sequence[ToolSpec]) -> str:
    """What an agent is told of its tools: each one as the call to write. Empty without tools."""
    return "\n\n".join((_HEAD, *map(_shown, tools))) if tools else ""


def read(completion: Completion, tools: Sequence[ToolSpec], k: int) -> Completion:
    """The completion with the calls in its text as tool calls. Its text stays as the model wrote it.

    `k` is its place in the turn, which makes the ids of its calls differ from those of other replies. Any text can be
    read, in time linear in its length. A call that is never closed becomes a call whose result says so.
    """
    if completion.tool_calls or completion.stop == "refusal" or "<" not in completion.text:
        return completion
    schemas = {tool.name: tool.parameters for tool in tools}
    calls = tuple(_call(block, schemas, f"call_{k}_{i}") for i, block in enumerate(_CALL.parse(completion.text)))
    if not calls:
        return completion
    return replace(completion, tool_calls=calls, stop="tool" if completion.stop == "end" else completion.stop)


def results(call: Call, contents: Sequence[str]) -> ChatMessage:
    """The results of a call's tools as the next message of the user; `contents` are what is shown of them, in order."""
    names = {wanted.id: wanted.name for wanted in call.completion.tool_calls} if call.completion else {}
    shown = list[str]()
    for result, content in zip(call.tool_results, contents, strict=True):
        failed = ' failed="yes"' if result.error else ""
        name = _MARKUP.attribute(names.get(result.id, ""))
        shown.append(f'<result tool="{name}"{failed}>\n{_MARKUP.escape(content)}\n</result>')
    return ChatMessage("user", "\n\n".join(shown))


def spoken(text: str) -> str:
    """What a reply says beside its calls, which nobody else reads."""
    kept, at = list[str](), 0
    for block in _CALL.parse(text):
        start = text.find(f"<call{block.raw}>", at) if block.body is not None else -1
        end = text.find("</call", start) if start >= 0 else -1
        close = text.find(">", end) if end >= 0 else -1
        if close >= 0:
            kept.append(text[at:start].strip())
            at = close + 1
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


def _call(block: Block, schemas: Mapping[str, Mapping[str, Any]], id: str) -> ToolCall:
    """Without a closing tag its arguments are no JSON, which its result then says."""
    attributes = dict(block.attributes)
    name = attributes.pop("tool", attributes.pop("name", ""))
    if block.body is None:
        return ToolCall(id, name, _UNCLOSED)
    fields: Mapping[str, Mapping[str, Any]] = schemas.get(name, {}).get("properties", {})
    given: dict[str, Any] = {key: _value(text, fields.get(key, {})) for key, text in attributes.items()}
    if block.body.startswith("{") and block.body.endswith("}"):
        if not given:
            return ToolCall(id, name, block.body)
        return ToolCall(id, name, _joined(given, block.body))
    inside = _arguments(block.body, tuple(fields))
    given |= {key: _value(text, fields[key]) for key, text in inside.items()}
    missing = [key for key in schemas.get(name, {}).get("required", ()) if key not in given]
    if not inside and block.body and len(missing) == 1:  # `<call tool="run">ls</call>` can mean one thing only
        given[missing[0]] = _value(block.body, fields.get(missing[0], {}))
    return ToolCall(id, name, _json(given))


def _json(given: Mapping[str, Any]) -> str:
    """As a row can hold it: a JSON text of ASCII letters may name a lone surrogate."""
    return str(utf8_safe(json.dumps(given, ensure_ascii=False)))


def _joined(attributes: Mapping[str, Any], body: str) -> str:
    """A JSON object with attributes added; text that is no JSON stays, for the result to say so."""
    try:
        return _json({**attributes, **json.loads(body)})
    except (ValueError, TypeError, RecursionError):
        return body


def _arguments(body: str, names: Sequence[str]) -> dict[str, str]:
    """The text between the tags of each name. An argument ends at its last closing tag, since a file may hold another.

    Each name is looked for behind the arguments found before it, so that text within one is not taken for another.
    """
    found: dict[str, str] = {}
    last = {name: body.rfind(f"</{name}>") for name in names}
    pattern = re.compile(f"<({'|'.join(map(re.escape, names))})>") if names else None
    at = 0
    while pattern and (opening := pattern.search(body, at)):
        name, at = opening[1], opening.end()
        if name not in found and last[name] >= at:
            found[name] = body[at : last[name]].removeprefix("\n").removesuffix("\n")
            at = last[name]
    return found


def _value(text: str, field: Mapping[str, Any]) -> Any:
    """Text as it is; a number, a list or another value where the tool takes one and the text is JSON."""
    if field.get("type", "string") == "string" and "anyOf" not in field:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
