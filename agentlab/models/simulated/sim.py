"""Policies with known probabilities: the ground truth for statistics, and a model for tests that costs nothing.

`sim/replies` draws each reply from a table in its `options`, after the tools that they name; `sim/chatter` answers
anything. `sim/MODULE:NAME` is a policy of one's own: `NAME(**options)` returns a function from a request to a
completion. Draws depend on the request's stream alone, so a call has the same reply in any order and any process.
"""

import asyncio
import json
import math
import re
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, cast

from msgspec.structs import replace
from pydantic import ValidationError

from agentlab.errors import ModelError, ScenarioError
from agentlab.models import capabilities as families
from agentlab.models import registry
from agentlab.models.scoring import IMPOSSIBLE, scored
from agentlab.models.simulated import chatter
from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.models.simulated.tool_use import called, offered
from agentlab.models.spec import ModelSpec
from agentlab.types import Capabilities, Completion, Request, ToolCall, Usage, Where

Chances = Mapping[str, float]
Tables = Mapping[str, Chances]

_FORM = re.compile(r'<verdict criterion="([^"<>]+)">')


@dataclass(frozen=True, slots=True)
class Sim:
    """A policy as a model. `seconds` is how long each reply takes; 0 returns at once."""

    name: str
    policy: Callable[[Request], Completion]
    seconds: float = 0.0
    capabilities: Capabilities = families.EVERYTHING

    async def complete(self, request: Request) -> Completion:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return counted(request, self.policy(request), self.name)


@dataclass(frozen=True, slots=True)
class Scripted:
    """Any function of a request as a model, for tests. It may return text or a completion, or raise ModelError."""

    function: Callable[[Request], Completion | str | Awaitable[Completion | str]]
    name: str = "sim/scripted"
    capabilities: Capabilities = families.EVERYTHING

    async def complete(self, request: Request) -> Completion:
        reply = self.function(request)
        answer = await reply if isinstance(reply, Awaitable) else reply
        if isinstance(answer, str):
            return counted(request, Completion(answer), self.name)
        return counted(request, answer, self.name) if answer.usage is None else answer


@dataclass(frozen=True, slots=True)
class Replies:
    """Draws from tables: `replies` by actor, `scores` by criterion; `*` stands for all others.

    `calls` are the tools that an actor calls at the beginning of each turn, with their arguments.
    """

    replies: Mapping[str, tuple[tuple[str, ...], tuple[float, ...]]]
    scores: Tables
    calls: Mapping[str, tuple[ToolCall, ...]] = field(default_factory=dict[str, tuple[ToolCall, ...]])

    def __call__(self, request: Request) -> Completion:
        if self.scores and request.where.purpose not in ("agent", "distance"):
            return self._judged(request)
        if self.calls and request.where.k == 0 and (calls := self._calls(request)):
            return called(request, calls)
        table = self._table(request.where)
        if request.settings.score is not None:
            return self._scored(request.settings.score, table, request.where.stream)
        texts, edges = table
        if len(texts) == 1:
            return Completion(texts[0])
        point = RandomNumbers(request.where.stream).below(2**53) / 2**53
        return Completion(texts[min(bisect_right(edges, point), len(texts) - 1)])

    def _scored(
        self, texts: tuple[str, ...], table: tuple[tuple[str, ...], tuple[float, ...]], stream: int
    ) -> Completion:
        """The exact probability of each text."""
        replies, edges = table
        chances = dict(zip(replies, (b - a for a, b in pairwise((0.0, *edges))), strict=True))
        logs = [math.log(p) if (p := chances.get(text, 0.0)) > 0 else IMPOSSIBLE for text in texts]
        return scored(texts, logs, stream)

    def _calls(self, request: Request) -> tuple[ToolCall, ...]:
        """Those of its tools that the actor has here: an arm without a tool calls none."""
        actor, has = request.where.actor, offered(request)
        named = next((self.calls[n] for n in (actor, actor.rpartition(".")[0], "*") if n in self.calls), ())
        return tuple(call for call in named if call.name in has)

    def _table(self, where: Where) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Of the agent, else of its name before a copy's number; of a judge by its name; else of everybody."""
        actor = where.judge or where.actor
        for name in (actor, actor.rpartition(".")[0], "*"):
            if name in self.replies:
                return self.replies[name]
        raise ModelError("fatal", f"sim/replies has no replies for {actor!r}: add it, or '*', to options.replies")

    def _judged(self, request: Request) -> Completion:
        draws, last = RandomNumbers(request.where.stream), request.chat[-1].content
        settings = request.settings
        if settings.logprobs is not None:
            named = [name for name in self.scores if name != "*" and f"\n{name}: " in last]
            return chatter.weighed(self._chances(named[-1] if named else "*"), draws, settings.logprobs)
        if settings.schema is not None:
            return Completion(json.dumps(self._form(settings.schema, draws)))
        names = dict.fromkeys(_FORM.findall(last))
        lines = (chatter.verdict(name, self._score(name, draws), draws) for name in names)
        return Completion("\n".join(lines) or self._score("*", draws))

    def _form(self, schema: Mapping[str, Any], draws: RandomNumbers) -> Any:
        """A rubric's JSON: a value for each criterion, its `score` drawn from the tables."""
        filled: Any = chatter.value(schema, draws)
        verdicts = cast("dict[str, Any]", filled) if isinstance(filled, dict) else {}
        for name, verdict in verdicts.items():
            if isinstance(verdict, dict) and "score" in verdict:
                cast("dict[str, Any]", verdict)["score"] = _number(self._score(name, draws))
        return cast("Any", filled)

    def _score(self, criterion: str, draws: RandomNumbers) -> str:
        return chatter.weighed(self._chances(criterion), draws, 0).text

    def _chances(self, criterion: str) -> Chances:
        chances = self.scores.get(criterion) or self.scores.get("*")
        if chances is None:
            raise ModelError("fatal", f"sim/replies has no scores for {criterion!r}: add it, or '*', to options.scores")
        return chances


def _number(score: str) -> int | str:
    """A point of a scale as a number; a word, such as that of a judge of two, as it is."""
    return int(score) if re.fullmatch(r"-?\d+", score) else score


def build(spec: ModelSpec) -> Sim:
    """Raises ScenarioError when the options are wrong."""
    policy = spec.name.partition("/")[2]
    allowed = registry.options_of(spec.name)
    if allowed is not None and (unknown := sorted(set(spec.options) - set(allowed))):
        raise ScenarioError(f"options of {spec.name} has no {unknown[0]!r}; known options: {', '.join(allowed)}")
    seconds = spec.options.get("seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise ScenarioError(f"options.seconds of {spec.name} is {seconds!r}; write a number of seconds, 0 or more")
    if policy == "chatter":
        return Sim(spec.name, chatter.reply, float(seconds))
    if registry.is_own(policy):
        return Sim(spec.name, _own_policy(spec, policy), float(seconds), registry.capabilities_of(spec))
    replies, scores = _tables(spec, "replies"), _tables(spec, "scores")
    if not replies and not scores:
        raise ScenarioError(f'{spec.name} needs options.replies, such as {{"*": {{"yes": 0.3, "no": 0.7}}}}')
    edges = {actor: (tuple(table), tuple(accumulate(table.values()))) for actor, table in replies.items()}
    return Sim(spec.name, Replies(edges, scores, _tool_calls(spec)), float(seconds), families.SCORING)


def _own_policy(spec: ModelSpec, policy: str) -> Callable[[Request], Completion]:
    options = {name: value for name, value in spec.options.items() if name != "seconds"}
    try:
        return registry.own_object(policy)(**options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, ("options", *first["loc"])))
        raise ScenarioError(f"{place} of {spec.name}: {first['msg']}; found {first['input']!r}") from None
    except TypeError as error:
        raise ScenarioError(f"options of {spec.name}: {error}") from None


def counted(request: Request, completion: Completion, name: str) -> Completion:
    """With a usage of four tokens for three words."""
    words = len(request.chat) + sum([chatter.blanks(entry.content) for entry in request.chat])
    usage = Usage(input=words * 4 // 3, output=chatter.tokens(completion.text))
    return replace(completion, usage=usage, served_model=name)


def _tool_calls(spec: ModelSpec) -> dict[str, tuple[ToolCall, ...]]:
    calls = spec.options.get("calls", {})
    right = f"options.calls of {spec.name} maps each agent or '*' to tools and their arguments"
    example = 'such as `{ann: {calculate: {expression: "6 * 7"}}}`'
    actors = cast("Mapping[Any, Any]", calls if isinstance(calls, Mapping) else {"": calls})
    for actor, tools in actors.items():
        arguments = list(cast("Mapping[Any, Any]", tools).values()) if isinstance(tools, Mapping) else [None]
        if not all(isinstance(values, Mapping) for values in arguments):
            raise ScenarioError(f"{right}, and {actor!r} has {tools!r}; {example}")
    return {
        str(actor): tuple(ToolCall(f"call_{i}", str(name), json.dumps(a)) for i, (name, a) in enumerate(tools.items()))
        for actor, tools in actors.items()
    }


def _tables(spec: ModelSpec, option: str) -> Tables:
    given = spec.options.get(option, {})
    right = f"options.{option} of {spec.name} maps each name or '*' to texts and their probabilities, which sum to 1"
    if not isinstance(given, Mapping):
        raise ScenarioError(f"{right}; found {given!r}")
    tables: dict[str, Chances] = {}
    for name, table in cast("Mapping[Any, Any]", given).items():
        if not isinstance(table, Mapping) or not table:
            raise ScenarioError(f"{right}; {name!r} has {table!r}")
        chances = {str(text): chance for text, chance in cast("Mapping[Any, Any]", table).items()}
        if any(isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1 for p in chances.values()):
            raise ScenarioError(f"{right}; {name!r} has {chances!r}")
        if abs(sum(chances.values()) - 1) > 1e-9:
            raise ScenarioError(f"{right}; those of {name!r} sum to {sum(chances.values()):g}")
        tables[str(name)] = {text: float(chance) for text, chance in chances.items()}
    return tables
