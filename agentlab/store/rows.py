"""Facts as table rows and back. `packing` turns rows of messages, calls and verdicts into what SQLite stores."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from agentlab.types import (
    Call,
    Completion,
    Message,
    Rollout,
    Settings,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Usage,
    Verdict,
)

Row = tuple[Any, ...]

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS conditions (name TEXT PRIMARY KEY, levels TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollouts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, scenario TEXT, task TEXT, condition TEXT,
    generation INTEGER, draw INTEGER, weight REAL, population TEXT, chosen TEXT, seed INTEGER, parent TEXT, at TEXT,
    fork INTEGER NOT NULL, change TEXT NOT NULL, attempt INTEGER, status TEXT, output TEXT, output_via TEXT,
    cut INTEGER, error TEXT, finished REAL, of TEXT, budget REAL, spent REAL, steps INTEGER, about TEXT);
CREATE TABLE IF NOT EXISTS labels (rollout INTEGER, measure TEXT, rater TEXT, value REAL, probability REAL);
CREATE TABLE IF NOT EXISTS generations (
    condition TEXT PRIMARY KEY, recipe TEXT NOT NULL, rows INTEGER NOT NULL, digest TEXT, metrics TEXT NOT NULL,
    error TEXT, finished REAL NOT NULL);
CREATE TABLE IF NOT EXISTS kept (rollout INTEGER PRIMARY KEY, reason TEXT NOT NULL, value REAL, rows INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS rollouts_key ON rollouts (key);
CREATE UNIQUE INDEX IF NOT EXISTS rollouts_place ON rollouts (condition, task, draw, generation)
    WHERE kind = 'rollout';
CREATE INDEX IF NOT EXISTS rollouts_population ON rollouts (population) WHERE population IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS labels_place ON labels (rollout, measure, rater);
"""

COLUMNS = {
    "meta": ["key", "value"],
    "messages": "rollout idx round sender recipients kind content ref".split(),
    "calls": (
        "rollout round actor k attempt purpose judge judge_draw model settings prompt_hash text stop input_tokens "
        "output_tokens reasoning_tokens cache_read_tokens cache_write_tokens reasoning notice tool_calls tool_results "
        "logprobs opaque served_model request_id started seconds cost seeded tries error"
    ).split(),
    "verdicts": "rollout judge draw criterion outcome value label reason call mass".split(),
    "labels": "rollout measure rater value probability".split(),
    "rollouts": (
        "id key kind scenario task condition generation draw weight population chosen seed parent at fork change "
        "attempt status output output_via cut error finished of budget spent steps about"
    ).split(),
}
"""Column names in the order of the rows made here."""

_encoder = msgspec.json.Encoder()
_settings_text: dict[int, tuple[Settings, str]] = {}


def dump(value: Any) -> str:
    """JSON text."""
    return _encoder.encode(value).decode()


def settings_row(settings: Settings) -> str:
    """Settings as JSON without what is unset; cached per object, since one object serves thousands of calls."""
    known = _settings_text.get(id(settings))
    if known is None or known[0] is not settings:
        fields = {name: value for name in Settings.__slots__ if (value := getattr(settings, name)) is not None}
        if len(_settings_text) > 1000:
            _settings_text.clear()
        known = _settings_text[id(settings)] = (settings, dump(fields))
    return known[1]


def call_row(rollout: int, call: Call) -> Row:
    """One row of `calls`."""
    answer = call.completion
    place = (rollout, call.round, call.actor, call.k, call.attempt, call.purpose, call.judge, call.judge_draw)
    head = (*place, call.model, settings_row(call.settings))
    tail = (call.started, call.seconds, call.cost, call.seeded, call.tries, call.error)
    if answer is None:
        return (*head, call.prompt_hash, *(None,) * 15, *tail)
    used = answer.usage
    counts = (used.input, used.output, used.reasoning, used.cache_read, used.cache_write) if used else (None,) * 5
    return (
        *head,
        call.prompt_hash,
        answer.text,
        answer.stop,
        *counts,
        answer.reasoning,
        answer.notice,
        dump(answer.tool_calls) if answer.tool_calls else None,
        dump(call.tool_results) if call.tool_results else None,
        dump(answer.logprobs) if answer.logprobs is not None else None,
        dump(answer.opaque) if answer.opaque is not None else None,
        answer.served_model,
        answer.request_id,
        *tail,
    )


def call_fact(row: Sequence[Any]) -> Call:
    """The call a row of `calls` was made from. Raises `sqlite3.DatabaseError` for a row of a damaged file."""
    (_, round, actor, k, attempt, purpose, judge, judge_draw, model, settings, prompt_hash, text, stop, *rest) = row
    usage, (reasoning, notice, tool_calls, tool_results, *rest) = rest[:5], rest[5:]
    logprobs, opaque, served_model, request_id, started, seconds, cost, seeded, tries, error = rest
    if actor is None or purpose is None:
        raise sqlite3.DatabaseError("a call lost its agent or its settings")
    completion = None
    if text is not None:
        completion = Completion(
            text=text,
            tool_calls=_decode(tool_calls, tuple[ToolCall, ...], ()),
            usage=None if usage[0] is None else Usage(*usage),
            stop=stop,
            reasoning=reasoning,
            notice=notice,
            logprobs=_decode(logprobs, tuple[TokenLogprob, ...], None),
            served_model=served_model,
            request_id=request_id,
            opaque=_decode(opaque, Any, None),
        )
    return Call(
        actor=actor,
        round=round,
        k=k,
        attempt=attempt,
        model=model,
        settings=_decode(settings, Settings, Settings()),
        prompt_hash=prompt_hash,
        completion=completion,
        tool_results=_decode(tool_results, tuple[ToolResult, ...], ()),
        started=started,
        seconds=seconds,
        cost=cost,
        error=error,
        seeded=bool(seeded),
        tries=tries,
        purpose=purpose,
        judge=judge,
        judge_draw=judge_draw,
    )


def message_row(rollout: int, message: Message) -> Row:
    """One row of `messages`."""
    return (
        rollout,
        message.index,
        message.round,
        message.sender,
        dump(message.to),
        message.kind,
        message.content,
        message.ref,
    )


def message_fact(row: Sequence[Any]) -> Message:
    """The message a row of `messages` was made from. Raises `sqlite3.DatabaseError` for a row of a damaged file."""
    _, index, round, sender, recipients, kind, content, ref = row
    if recipients is None:
        raise sqlite3.DatabaseError("a message lost its sender and recipients")
    return Message(sender, tuple(msgspec.json.decode(recipients)), kind, content, ref, round, index)


def rollout_row(id: int, r: Rollout, status: str | None, now: float) -> Row:
    """One row of `rollouts`; `status` is None while the rollout is unfinished."""
    head = (id, r.key, r.kind, r.scenario, r.task, r.condition, r.generation, r.draw, r.weight, r.population)
    end = (r.attempt, status, r.output, r.output_via, r.cut, r.error, now)
    about = dump(r.about) if r.about else None
    return (*head, r.chosen, r.seed, r.parent, r.at, r.fork, r.change, *end, r.of, r.budget, r.spent, r.steps, about)


def rollout_fact(row: Sequence[Any], messages: tuple[Message, ...]) -> Rollout:
    """The finished rollout a row of `rollouts` was made from, without its calls."""
    names = COLUMNS["rollouts"]
    fields = {name: value for name, value in zip(names, row, strict=True) if name not in ("id", "finished", "about")}
    fields["cut"] = bool(fields["cut"])
    return Rollout(**fields, messages=messages, about=_decode(row[names.index("about")], dict[str, Any], {}))


def verdict_row(rollout: int, verdict: Verdict) -> Row:
    """One row of `verdicts`."""
    v = verdict
    return (rollout, v.judge, v.draw, v.criterion, v.outcome, v.value, v.label, v.reason, v.call, v.mass)


def verdict_fact(rollout: str, row: Sequence[Any]) -> Verdict:
    """The verdict a row of `verdicts` was made from. Raises `sqlite3.DatabaseError` for a row of a damaged file."""
    _, judge, draw, criterion, outcome, value, label, reason, call, mass = row
    if judge is None or outcome is None:
        raise sqlite3.DatabaseError("a verdict lost its judge or its outcome")
    return Verdict(criterion, outcome, value, label, reason, call, mass, rollout, judge, draw)


def _decode(text: str | None, type: Any, default: Any) -> Any:
    return default if text is None else msgspec.json.decode(text, type=type)
