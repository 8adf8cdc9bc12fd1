"""A record as plain text for a terminal. What agents wrote stands behind a margin and cannot act on the terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from agentlab.engine.programs import asked
from agentlab.runs.transcript.heading import heading
from agentlab.runs.transcript.program import program
from agentlab.runs.transcript.record import Record
from agentlab.runs.transcript.turns import RecordedCall, Turn
from agentlab.text import line, pluralize, quoted
from agentlab.types import PRODUCT, Call, ChatMessage, Message, Verdict

WIDTH = 80
"""Characters of a line with a title."""


def render(record: Record) -> str:
    """The whole rollout: who took part, round by round who read and wrote what, what came out, and its scores."""
    parts = [heading(record), *_task(record), *_members(record)]
    parts += program(record.rollout, 0)
    for round, turns in groupby(record.turns, key=lambda turn: turn.round):
        acted = list(turns)
        parts.append(rule("closing question" if acted[0].closing else f"round {round}"))
        parts += [part for turn in acted for part in ("\n".join(_turn(turn)), *_programs(turn, record.products))]
        parts += program(record.rollout, round)
    parts += [rule("result"), *_result(record)]
    return "\n\n".join(parts) + "\n"


def only(turn: Turn) -> str:
    """One turn with all that its agent saw, to the letter."""
    parts = [rule(f"{turn.place}{' (closing question)' if turn.closing else ''}")]
    for step in turn.steps:
        if len(turn.steps) > 1:
            parts.append(f"call {step.call.k}")
        parts += ["saw" + _doubt(step), *(entry(message) for message in step.prompt), "\n".join(_answer(step.call))]
    parts.append("\n".join(_outcome(turn)))
    return "\n\n".join(part for part in parts if part) + "\n"


def entry(message: ChatMessage) -> str:
    """One entry of a chat under its role."""
    lines = [
        f"{message.role}{f' (result of {line(message.tool_call_id)})' if message.tool_call_id else ''}:",
        quoted(message.content),
    ]
    lines += [f"    calls tool {line(call.name)} {line(call.arguments, 2000)}" for call in message.tool_calls]
    return "\n".join(lines)


def call_line(call: Call) -> str:
    """One line on a call: model as served, stop reason, tokens, money, time."""
    if call.completion is None:
        return f"failed: {line(call.error, 500)} · {line(call.model)} · {call.seconds:.1f} s"
    answer, usage = call.completion, call.completion.usage
    cost = "cost unknown" if call.cost is None else f"{call.cost:.4f} USD"
    reasoning = f" ({usage.reasoning:,} reasoning)" if usage and usage.reasoning else ""
    tokens = f"{usage.input:,} in, {usage.output:,} out{reasoning}" if usage else "tokens unknown"
    cut = "CUT OFF by its length limit" if answer.text or not answer.reasoning else "CUT OFF while reasoning"
    if call.purpose == "judge" and call.settings.max_tokens == 1:
        cut = "one token, as its scale requires"
    stop = {"length": cut, "refusal": "REFUSED by the provider"}.get(answer.stop, answer.stop)
    return f"{line(answer.served_model or call.model)} · {stop} · {tokens} · {cost} · {call.seconds:.1f} s"


def read(messages: Sequence[Message]) -> str:
    """Senders and kinds of what had just arrived."""
    return ", ".join(f"{m.kind} from {line(m.sender)}{_ref(m)}" for m in messages) or "nothing new"


def addressed(message: Message) -> str:
    """Number, kind, recipients and subject of a message."""
    return f"[{message.index}] {message.kind} to {', '.join(map(line, message.to))}{_ref(message)}"


def dropped(message: Message) -> str:
    """One line on what did not arrive."""
    named = f" (to {line(message.ref)})" if message.ref else ""
    return f"NOT DELIVERED, {message.kind}{named}: {line(message.content, 500)}"


def score(record: Record, verdict: Verdict) -> str:
    """One line on a verdict, with its case, or its draw where the judge has several."""
    value = f"{verdict.value:g}" if verdict.value is not None else verdict.outcome
    label = f" ({line(verdict.label)})" if verdict.label else ""
    several = len({other.draw for other in record.verdicts if other.judge == verdict.judge}) > 1
    which = f" · judge draw {verdict.draw}" if several else ""
    if verdict.judge in record.by_case:
        which = f" · case {verdict.draw + 1}"
    return f"{line(verdict.judge)} · {line(verdict.criterion)}{which}: {value}{label}"


def _ref(message: Message) -> str:
    return f" “{line(message.ref)}”" if message.ref and not message.sender.startswith("@") else ""


def rule(title: str) -> str:
    """A line with a title."""
    return f"── {title} " + "─" * max(3, WIDTH - len(title) - 4)


def _task(record: Record) -> Iterator[str]:
    shown = next((m.content for m in record.rollout.messages if m.kind == "task"), None)
    text = shown if shown is not None else record.task.prompt if record.task else ""
    if text:
        yield f"task as these agents were asked it\n{quoted(text)}" if shown is not None else f"task\n{quoted(text)}"


def _members(record: Record) -> Iterator[str]:
    organization = record.organization
    if organization is None:
        return
    for agent in organization.agents:
        memory = f"its last {pluralize(agent.memory, 'turn')}" if isinstance(agent.memory, int) else agent.memory
        briefed = "" if agent.name in organization.protocol.briefed else " · does not see the task"
        yield f"{line(agent.name)} · {_asked(agent.name, record)} · remembers {memory}{briefed}"


def _asked(agent: str, record: Record) -> str:
    """The models that its turns asked, in order: two in a fork that swaps it; its own where it had no turn."""
    calls = [step.call.model for turn in record.turns if turn.agent == agent for step in turn.steps]
    return ", then ".join(map(line, dict.fromkeys(calls or [record.models[agent]])))


def _turn(turn: Turn) -> Iterator[str]:
    yield f"{turn.place} · read {read(turn.read)}"
    for step in turn.steps:
        yield from _answer(step.call, short=step is turn.steps[-1])
        if doubt := _doubt(step):
            yield f"  prompt{doubt}"
    yield from _outcome(turn)


def _answer(call: Call, short: bool = False) -> Iterator[str]:
    """A call and what it brought; `short` leaves the text to what became of it."""
    yield f"  {call_line(call)}"
    if call.completion is None:
        return
    if call.completion.reasoning:
        yield f"  reasoning\n{quoted(call.completion.reasoning)}"
    if call.completion.notice:
        yield f"  the provider said\n{quoted(call.completion.notice)}"
    if not short and call.completion.text:
        yield f"  answered\n{quoted(call.completion.text)}"
    results = {result.id: result for result in call.tool_results}
    for request in call.completion.tool_calls:
        yield f"  tool {line(request.name)}\n{quoted(arguments_shown(request.arguments))}"
        if result := results.get(request.id):
            yield f"  tool returned{' an error' if result.error else ''}\n{quoted(result.content)}"


def arguments_shown(arguments: str) -> str:
    """The arguments of a tool: texts of several lines are shown as such, all others as the model sent them."""
    try:
        named = msgspec.json.decode(arguments, type=dict[str, Any])
    except msgspec.MsgspecError:
        return arguments
    if not any(isinstance(value, str) and "\n" in value for value in named.values()):
        return arguments
    return "\n".join(f"{name}:\n{value}" if "\n" in str(value) else f"{name}: {value}" for name, value in named.items())


def _programs(turn: Turn, products: Sequence[Call]) -> Iterator[str]:
    """What programs of the turn asked their model, and its answers."""
    for call in products:
        if (call.round, call.actor) == (turn.round, PRODUCT + turn.agent):
            prompt = "\n".join(f"{role}: {content}" for role, content in asked(call))
            answer = f"\n  answered\n{quoted(call.completion.text)}" if call.completion else ""
            yield f"{turn.place} · a program asked · {call_line(call)}\n{quoted(prompt)}{answer}"


def _outcome(turn: Turn) -> Iterator[str]:
    if turn.private:
        yield f"  private\n{quoted(turn.private)}"
    for message in turn.sent:
        yield f"  {addressed(message)}\n{quoted(message.content)}"
    for block in turn.unsent:
        yield f"  written but not delivered: {line(block.tag)} {line(block.raw.strip())}\n{quoted(block.body or '')}"
    for message in turn.lost:
        yield f"  {dropped(message)}"
    for call in turn.tries:
        yield f"  attempt {call.attempt} at call {call.k}, not part of the log · {call_line(call)}"


def _doubt(step: RecordedCall) -> str:
    if step.intact is None:
        return " (rebuilt from the log so far: the rollout is not finished)"
    return "" if step.intact else " (DIFFERS from what was sent: its hash does not match the stored hash)"


def _result(record: Record) -> Iterator[str]:
    output = record.rollout.output
    cut = " (cut off by the length limit)" if record.rollout.cut else ""
    yield f"output{cut}\n{quoted(output)}" if output is not None else "no output"
    if record.task and record.task.target is not None:
        yield f"target\n{quoted(str(record.task.target))}"
    for verdict in record.verdicts:
        yield score(record, verdict) + (f"\n{quoted(verdict.reason)}" if verdict.reason else "")
    for call in record.judging:
        reply = f"\n{quoted(call.completion.text)}" if call.completion else ""
        yield f"{line(call.actor)} call {call.k} · {call_line(call)}{reply}"
