"""A record as HTML: one element that stands in a notebook or alone, without scripts, in light and in dark.

Everything that is shown goes through `_show`, which escapes it; nothing else builds markup from stored text.
"""

from collections.abc import Iterable, Iterator
from html import escape

from agentlab.runs.transcript import text
from agentlab.runs.transcript.record import Record
from agentlab.runs.transcript.turns import RecordedCall, Turn
from agentlab.text import sanitize
from agentlab.types import Call, ChatMessage

_STYLE = """
.agentlab { font: 14px/1.45 system-ui, sans-serif; color: inherit; max-width: 64em; }
.agentlab h3, .agentlab h4 { margin: 1.2em 0 .4em; }
.agentlab p { margin: .3em 0; }
.agentlab pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .2em 0 .7em; padding: .4em .7em; background: rgba(128,128,128,.11); color: inherit; border-radius: 4px; }
.agentlab .turn { border-left: 4px solid; padding: 0 0 .2em .8em; margin: .6em 0; }
.agentlab .small { opacity: .72; font-size: 12px; }
.agentlab .private { border-left: 3px dashed rgba(128,128,128,.7); }
.agentlab .bad { font-weight: 600; color: #d1403f; }
.agentlab summary { cursor: pointer; }
"""


def page(record: Record) -> str:
    """A complete page."""
    title = _show(f"{record.rollout.task} · {record.rollout.key[:8]}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width"><style>:root { color-scheme: light dark; } '
        f"body {{ margin: 1.5em auto; padding: 0 1em; max-width: 66em; }}</style></head>\n"
        f"<body>{part(record)}</body></html>\n"
    )


def part(record: Record) -> str:
    """The element a notebook shows."""
    return f'<div class="agentlab"><style>{_STYLE}</style>\n' + "\n".join(_parts(record)) + "\n</div>"


def _parts(record: Record) -> Iterator[str]:
    first, *rest = text.heading(record).split("\n")
    yield f"<h3>{_show(first)}</h3>"
    wrong = any(step.intact is False for turn in record.turns for step in turn.steps)
    for one in rest:
        yield f"<p{_class('bad', wrong and one == text.proof(record))}>{_show(one)}</p>"
    shown = next((m.content for m in record.rollout.messages if m.kind == "task"), None)
    prompt = shown if shown is not None else record.task.prompt if record.task else ""
    if prompt:
        yield _named("task as these agents were asked it" if shown is not None else "task", prompt)
    names = [agent.name for agent in record.organization.agents] if record.organization else []
    round = -1
    for turn in record.turns:
        if turn.round != round:
            round = turn.round
            yield f"<h4>{'Closing question' if turn.closing else f'Round {round}'}</h4>"
        hue = names.index(turn.agent) * 137 % 360
        yield f'<div class="turn" style="border-color: hsl({hue} 55% 52%)">' + "".join(_turn(turn)) + "</div>"
    yield "<h4>Result</h4>"
    yield from _result(record)


def _turn(turn: Turn) -> Iterator[str]:
    yield f"<p><b>{_show(turn.agent)}</b> <span class='small'>read {_show(text.read(turn.read))}</span></p>"
    for step in turn.steps:
        yield from _step(step, last=step is turn.steps[-1])
    if turn.private:
        yield _named("private", turn.private, "private")
    for message in turn.sent:
        yield _named(text.addressed(message), message.content)
    for block in turn.unsent:
        yield _named(f"written but not delivered: {block.tag} {block.raw.strip()}", block.body or "", "private")
    yield from (f'<p class="bad">{_show(text.dropped(message))}</p>' for message in turn.lost)
    for call in turn.tries:
        yield _small(f"attempt {call.attempt} at call {call.k}, not part of the log · {text.told(call)}")


def _step(step: RecordedCall, last: bool) -> Iterator[str]:
    call = step.call
    bad = call.completion is None or call.completion.stop in ("length", "refusal")
    yield f'<p class="{"bad" if bad else "small"}">{_show(text.told(call))}</p>'
    if step.intact is False:
        yield '<p class="bad">This prompt differs from what was sent: its hash is not the stored one.</p>'
    answer = [ChatMessage("assistant", call.completion.text, call.completion.tool_calls)] if call.completion else []
    unknown = " as far as the log goes" if step.intact is None else ""
    yield _folded(f"what it saw{unknown} and answered", (_entry(entry) for entry in (*step.prompt, *answer)))
    if call.completion and call.completion.reasoning:
        yield _folded("reasoning", [_pre(call.completion.reasoning)])
    if call.completion and call.completion.text and not last:
        yield _named("answered", call.completion.text)
    yield from _tools(call)


def _tools(call: Call) -> Iterator[str]:
    results = {result.id: result for result in call.tool_results}
    for request in call.completion.tool_calls if call.completion else ():
        yield _named(f"tool {request.name}", request.arguments)
        if result := results.get(request.id):
            yield _named(f"tool returned{' an error' if result.error else ''}", result.content)


def _entry(entry: ChatMessage) -> str:
    calls = "".join(_named(f"calls tool {call.name}", call.arguments) for call in entry.tool_calls)
    return _named(entry.role, entry.content) + calls


def _result(record: Record) -> Iterator[str]:
    output = record.rollout.output
    yield _named("output", output) if output is not None else "<p>no output</p>"
    if record.task and record.task.target is not None:
        yield _named("target", str(record.task.target))
    for verdict in record.verdicts:
        yield _named(text.score(verdict), verdict.reason) if verdict.reason else f"<p>{_show(text.score(verdict))}</p>"
    for call in record.judging:
        said = [_pre(call.completion.text)] if call.completion else []
        yield _folded(f"{call.actor} call {call.k} · {text.told(call)}", said)


def _show(value: str) -> str:
    return escape(sanitize(value), quote=True)


def _pre(value: str, kind: str = "") -> str:
    return f"<pre{_class(kind, bool(kind))}>\n{_show(value)}</pre>"


def _named(name: str, value: str, kind: str = "") -> str:
    return _small(name) + _pre(value, kind)


def _small(value: str) -> str:
    return f'<p class="small">{_show(value)}</p>'


def _folded(name: str, parts: Iterable[str]) -> str:
    return f'<details><summary class="small">{_show(name)}</summary>{"".join(parts)}</details>'


def _class(name: str, wanted: bool) -> str:
    return f' class="{name}"' if wanted else ""
