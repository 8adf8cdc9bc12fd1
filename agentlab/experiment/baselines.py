"""Baselines at work: what their measured rollouts used, and how a judge tells their tries apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import fmean, median

from msgspec import structs

from agentlab.engine.budget import Budget, Price, uncached, used
from agentlab.engine.client import Client, Finding, Select
from agentlab.engine.spec import RolloutSpec
from agentlab.errors import is_too_long
from agentlab.experiment.judging.rollouts import JudgeDraw, JudgingItem, NoModel, RecordingJudgeClient
from agentlab.experiment.judging.sorting import plain
from agentlab.interfaces import Judge, JudgeClient
from agentlab.judges.choice import ChoiceScoring
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.inputs import text_input
from agentlab.judges.once import judge_once
from agentlab.models.prices import cost_of
from agentlab.models.spec import ModelSpec
from agentlab.organization.protocols.solo import groups
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.seeds import stream
from agentlab.types import Call, JudgeInput, Message, Settings, Task, Verdict

Use = Callable[[str], Sequence[Call]]
"""Every call that the rollout with this key is charged for."""


@dataclass(frozen=True, slots=True)
class ComputeBudgets:
    """What the rollouts of a run used, for the budgets of its baselines."""

    design: Design
    client: Client
    """Has the selectors' models."""
    settings: Mapping[str, Settings]
    """Of the selectors' models, by alias."""
    use: Use
    conditions: Mapping[str, Condition] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", {condition.name: condition for condition in self.design.conditions})

    def budgeted(self, rollout_spec: RolloutSpec, condition: Condition) -> RolloutSpec:
        """The rollout with its budget; itself when it has none. What decides the budget must be final."""
        how = condition.baseline
        if how is None:
            return rollout_spec
        measured = self.price(self.conditions[how.of])
        uses = [used(self.use(key), how.match, measured) for key in rollout_spec.waits]
        return structs.replace(rollout_spec, budget=Budget(float(median(uses)), how.match, self.price(condition)))

    def price(self, condition: Condition) -> Price:
        """What the calls of a condition's rollouts cost, a selector's included, when nothing comes from a cache."""

        def price(call: Call) -> float | None:
            if call.completion is None or call.completion.usage is None:
                return None
            when = datetime.fromtimestamp(call.started, UTC).date()
            return cost_of(self.spec(condition, call), uncached(call.completion.usage), when)

        return price

    def spec(self, condition: Condition, call: Call) -> ModelSpec:
        """The model that a call of one of the condition's rollouts asked."""
        if call.purpose == "selector":
            return self.design.models[self.design.selectors[call.judge or ""].model or ""]
        return condition.models[condition.organization.alias_of(call.actor) or ""]

    def selector(self, rollout_spec: RolloutSpec, condition: Condition, client: Client) -> Select | None:
        """Who tells the tries of this rollout apart; `client` has its recorded calls."""
        how = condition.baseline
        if how is None or how.by == "refine":
            return None
        task = self.design.tasks[rollout_spec.task.id]
        judge = self.design.selectors.get(how.select or "")
        selector_calls = SelectorCalls(
            replace(self.client, recorded=client.recorded), self.settings, rollout_spec, task
        )
        if judge is None:
            return _exact
        best = how.by == "best_of_n"
        return (
            _Best(selector_calls, judge, self.design.counted[judge.name]) if best else _Agreeing(selector_calls, judge)
        )


@dataclass(frozen=True, slots=True)
class SelectorCalls:
    """Makes a selector's calls in the name of one rollout, in the round of the try that it looks at."""

    client: Client
    settings: Mapping[str, Settings]
    rollout_spec: RolloutSpec
    task: Task

    async def judged(
        self, judge: Judge, draw: int, text: str, round: int, made: list[Call], first: str | None = None
    ) -> list[Verdict]:
        """One judge draw on one try, or on `first` and this try."""
        shown = text_input(self.task, text) if first is None else text_input(self.task, first, rival=text)
        return await self.looked(judge, draw, shown, round, made)

    async def looked(self, judge: Judge, draw: int, shown: JudgeInput, round: int, made: list[Call]) -> list[Verdict]:
        """One judge draw on what is shown."""
        client = self.asking(judge, JudgeDraw(judge.name, draw, "selector"), round, made)
        return await judge_once(judge, shown, self.rollout_spec.key, client)

    def asking(self, judge: Judge, judge_draw: JudgeDraw, round: int, made: list[Call]) -> JudgeClient:
        """The way to the judge's model; every call is added to `made`."""
        seed = stream(self.rollout_spec.lineage, judge_draw.actor, round, "order")
        if judge.model is None:
            return NoModel(judge_draw.draw, seed)
        item = JudgingItem(self.rollout_spec.key, self.rollout_spec.lineage, (), self.rollout_spec.rank)
        settings = self.settings[judge.model]
        return RecordingJudgeClient(
            judge_draw, seed, self.client, judge.model, settings, item, self.rollout_spec.attempt, round, made=made
        )


@dataclass(frozen=True, slots=True)
class _Best:
    """Scores a try by the mean of the judge's counted criteria, over its draws."""

    selector_calls: SelectorCalls
    judge: Judge
    counted: Sequence[str]

    async def __call__(self, text: str, log: Sequence[Message], round: int) -> Finding:
        made, scores = list[Call](), list[float]()
        for draw in range(self.judge.draws):
            verdicts = await self.selector_calls.judged(self.judge, draw, text, round, made)
            values = [v.value for v in verdicts if v.criterion in self.counted and v.value is not None]
            if values and len(values) == len(self.counted):
                scores.append(fmean(values))
        return Finding(repr(fmean(scores)) if scores else "", tuple(made), passing(made))


@dataclass(frozen=True, slots=True)
class _Agreeing:
    """Names the group of a try: by what a judge without a model finds in it, else by asking what is the same answer.

    A try is compared with the first of every group so far, the largest group first. A judge of another kind than
    equivalence lends its model.
    """

    selector_calls: SelectorCalls
    judge: Judge

    async def __call__(self, text: str, log: Sequence[Message], round: int) -> Finding:
        made = list[Call]()
        if self.judge.model is None:
            verdicts = await self.selector_calls.judged(self.judge, 0, text, round, made)
            return Finding(plain(next((v.label for v in verdicts if v.label), "")))
        if not text.strip():
            return Finding("")
        judge = self.judge if isinstance(self.judge, ChoiceScoring) else _alike(self.judge)
        for draw, (name, other) in enumerate(groups(log).items()):
            verdicts = await self.selector_calls.judged(judge, draw, text, round, made, first=other)
            if (error := passing(made)) is not None:
                return Finding("", tuple(made), error)
            if verdicts[0].value == 1:
                return Finding(name, tuple(made))
        return Finding(str(round), tuple(made))


def _alike(judge: Judge) -> Judge:
    """A judge that tells what is the same answer, by another judge's model."""
    return EquivalenceConfig(kind="equivalence", model=judge.model or "").build(judge.name)


async def _exact(text: str, log: Sequence[Message], round: int) -> Finding:
    """The group of a try is its text."""
    return Finding(plain(text))


def passing(made: Sequence[Call]) -> str | None:
    """The error of a call that may succeed another time; a try too long for the judge has no finding instead."""
    return next((c.error for c in made if c.error is not None and not is_too_long(c.error)), None)
