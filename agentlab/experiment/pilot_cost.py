"""What a design will take, by what the rollouts of a pilot run took."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentlab.experiment.cost import RunPlan
from agentlab.models.cost import Cost
from agentlab.models.prices import estimated
from agentlab.models.spec import ModelSpec
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.store import UNFINISHED, read
from agentlab.types import Usage

_CALLS = (
    "SELECT actor, purpose, judge, input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, "
    "cache_write_tokens, judge_draw FROM call_spans AS calls JOIN rollouts AS own ON own.id = calls.rollout "
    "JOIN rollouts AS whole ON whole.key = coalesce(own.population, own.key) "
    "WHERE calls.error IS NULL AND whole.kind = 'rollout' AND whole.condition = ? "
    "AND whole.status NOT IN (?, ?)"
)
"""Calls of finished rollouts and of their particles."""
_COMPARED = (
    "SELECT input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens "
    "FROM call_spans AS calls JOIN rollouts AS own ON own.id = calls.rollout "
    "WHERE calls.error IS NULL AND own.kind = 'pair' AND calls.judge = ?"
)
"""Calls of a judge that was shown pairs of outputs."""
_TOKENS = slice(3, 8)


@dataclass(frozen=True, slots=True)
class PilotPlan:
    """A plan in which what the pilot has played is measured."""

    plan: RunPlan
    measured: tuple[str, ...]
    """Names of the conditions that the pilot has."""
    rollouts: int
    """Finished rollouts of these conditions in the pilot."""


def by_pilot(plan: RunPlan, folder: Path, design: Design) -> PilotPlan:
    """The plan with the calls and tokens of an average rollout of the pilot, at the prices of the design's models.

    A condition that the pilot lacks keeps its estimate. A judge is measured where the pilot has every condition; of one
    that compares arms, the number of calls is that of the plan.
    """
    conditions = {condition.name: condition for condition in design.conditions if condition.name in plan.agents}
    agents, judges, counts = dict(plan.agents), dict[str, Cost](), dict[str, int]()
    with closing(read(folder)) as connection:
        for name, condition in conditions.items():
            if not (count := _finished(connection, name)):
                continue
            counts[name], share = count, plan.rollouts / len(plan.agents) / count
            calls = connection.execute(_CALLS, (name, *UNFINISHED[1:])).fetchall()
            asked = [call for call in calls if call[1] != "judge"]
            agents[name] = _scaled(
                _total((_asked(design, condition, *call[:3]), call[_TOKENS]) for call in asked), share
            )
            for judge in {call[2] for call in calls if call[1] == "judge"} & design.judges.keys():
                spec = design.models.get(design.judges[judge].model or "")
                judging = [call for call in calls if call[1:3] == ("judge", judge)]
                more = design.judges[judge].draws / len({call[-1] for call in judging})
                cost = _total((spec, call[_TOKENS]) for call in judging)
                judges[judge] = judges.get(judge, Cost()) + _scaled(cost, share * more)
        for judge, compares in design.of_two.items():
            cost = _total(
                (design.models.get(compares.model or ""), call) for call in connection.execute(_COMPARED, (judge,))
            )
            if cost.calls and judge in plan.judges:
                judges[judge] = _scaled(cost, plan.judges[judge].calls / cost.calls)
    if counts.keys() < conditions.keys():
        judges = {}
    plan = replace(plan, agents=agents, judges={**plan.judges, **judges})
    return PilotPlan(plan, tuple(counts), sum(counts.values()))


def _finished(connection: sqlite3.Connection, condition: str) -> int:
    sql = "SELECT count(*) FROM rollouts WHERE kind = 'rollout' AND condition = ? AND status NOT IN (?, ?)"
    return connection.execute(sql, (condition, *UNFINISHED[1:])).fetchone()[0]


def _asked(design: Design, condition: Condition, actor: str, purpose: str, judge: str | None) -> ModelSpec | None:
    """The model that such a call would ask in this design; None where nobody knows."""
    if purpose == "selector":
        named = design.selectors.get(judge or "")
        return design.models.get(named.model or "") if named else None
    alias = condition.organization.alias_of(actor)
    return None if alias is None else condition.models[alias]


def _total(calls: Iterable[tuple[ModelSpec | None, Sequence[Any]]]) -> Cost:
    total = Cost()
    for spec, tokens in calls:
        usage = None if tokens[0] is None else Usage(*tokens)
        total += Cost(1, usage or Usage(), unpriced=1) if spec is None else estimated(spec, usage)
    return total


def _scaled(cost: Cost, share: float) -> Cost:
    """Rounded to whole calls and tokens."""
    u = cost.usage
    tokens = (u.input, u.output, u.reasoning, u.cache_read, u.cache_write)
    calls, unpriced, uncounted = (round(n * share) for n in (cost.calls, cost.unpriced, cost.uncounted))
    unpriced = max(unpriced, int(cost.unpriced > 0))
    return Cost(calls, Usage(*(round(n * share) for n in tokens)), cost.priced * share, unpriced, 0.0, uncounted)
