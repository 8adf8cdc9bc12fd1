"""What a design will take, before a cent is spent: calls, tokens, price.

Every condition is played once, on the task of median length, with a simulated model that writes replies of a stated
length, mails up to two contacts in every turn, does what a board asks of it, and uses a tool a few times in every turn
in which it has tools. It is judged by its judges; the counts are multiplied by tasks and draws. Real models write more
or less and to others, so the figures are an estimate. A program is counted to its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutSpec
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.exemplars_cost import Heard, with_examples
from agentlab.experiment.judging.anchors import anchor_inputs
from agentlab.experiment.judging.rollouts import JudgeDraw, JudgingItem, RecordingJudgeClient
from agentlab.experiment.judging.sides import Side, pairs
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.experiment.stand_in import Typical, stand_in
from agentlab.interfaces import Judge, Model
from agentlab.judges.inputs import judge_input, text_input
from agentlab.judges.of_two import configured
from agentlab.judges.once import judge_once
from agentlab.models.cost import Cost
from agentlab.models.prices import estimated
from agentlab.models.serve import get_model
from agentlab.models.spec import ModelSpec
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.inference_fields import attempts, judge_of
from agentlab.scenario.levels import pooled
from agentlab.types import Call, JudgeInput, Rollout

GROUPS = 2
"""Comparisons by which an output finds its group of the same answer; the largest groups come first."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What agents take by condition, and judges by judge, over all draws."""

    rollouts: int
    tasks: int
    draws: int
    agents: Mapping[str, Cost]
    judges: Mapping[str, Cost]
    anchors: Mapping[str, Cost]
    """What it takes to put judges before their anchor texts, once a run, by judge; also those that an earlier command
    judged."""
    generations: int = 1
    """The base and each trained generation of a self-training loop."""

    @property
    def total(self) -> Cost:
        """Everything together."""
        return sum((*self.agents.values(), *self.judges.values(), *self.anchors.values()), Cost())


async def plan(design: Design, selection: Selection) -> RunPlan:
    """The estimate for the selected part of the design."""
    draws = selection.draws or design.draws
    chatter = get_model("sim/chatter")
    agents: dict[str, Cost] = {}
    judges = {name: Cost() for name in design.judges}
    rollouts, outputs = 0, dict[str, str]()
    tasks = sorted(selection.tasks or design.tasks, key=lambda id: len(design.tasks[id].prompt))
    generations = 1 if design.loop is None else 1 + design.loop.fields.generations
    by_base, later = _times(design, tasks, draws)
    times = by_base + later
    played: dict[str, tuple[Call, ...]] = {}
    budgets = _books(design, played, chatter)
    for rollout_spec, condition, chosen in _needed(
        design, replace(selection, draws=1, tasks=(tasks[len(tasks) // 2],))
    ):
        heard = dict[str, int]()
        client = Client({alias: Heard(Typical(spec, chatter), heard) for alias, spec in condition.models.items()})
        select = budgets.selector(rollout_spec, condition, client)
        rollout = await play(stand_in(budgets.budgeted(rollout_spec, condition)), replace(client, select=select))
        played[rollout_spec.key] = rollout.calls
        if not chosen:
            continue
        cost = sum((_estimated(budgets.spec(condition, call), call) for call in rollout.calls), Cost())
        cost = (cost + await _looked(design, condition, rollout, chatter)) * attempts(condition.inference)
        trained = [
            with_examples(condition, design.tasks, call, heard, budgets.spec(condition, call)) for call in rollout.calls
        ]
        cost = cost * by_base + sum(trained, Cost()) * later
        agents[condition.name] = agents.get(condition.name, Cost()) + cost
        output = rollout.output or "No output."
        shown = judge_input(design.tasks[rollout_spec.task.id], structs.replace(rollout, output=output))
        for name, judge in design.judges.items():
            if judge.model is not None:
                judges[name] += await _judged(design, judge, shown, chatter) * (times * judge.draws)
        rollouts += times
        outputs[condition.name] = output
    for name in design.of_two:
        judges[name] = await _of_two(design, name, outputs, _repeats(design, tasks, draws), chatter)
    anchors = {name: await _anchors(design, name, chatter) for name in (*design.judges, *design.of_two)}
    return RunPlan(rollouts, len(tasks), draws, agents, judges, anchors, generations)


def _times(design: Design, tasks: Sequence[str], draws: int) -> tuple[int, int]:
    """Rollouts of one condition on these tasks, and those of the trained generations of a loop."""
    repeats, loop = _repeats(design, tasks, draws), design.loop
    by_base = sum(n for id, (n, _) in repeats.items() if loop is None or loop.plays(design.tasks[id], 0))
    return by_base, sum(n * generations for n, generations in repeats.values()) - by_base


def _repeats(design: Design, tasks: Sequence[str], draws: int) -> dict[str, tuple[int, int]]:
    """By task, its draws in a generation, and the generations that play it; 1 without a loop."""
    if design.loop is None:
        return {id: (draws, 1) for id in tasks}
    return {id: (min(draws, design.draws_of(id)), design.times_of(id)) for id in tasks}


def _needed(design: Design, selection: Selection) -> list[tuple[RolloutSpec, Condition, bool]]:
    """What is selected, and before it what it is measured by, which is played too but not counted."""
    chosen = {rollout_spec.key for rollout_spec, _ in rollout_specs(design, 0, selection)}
    needed, items = set(chosen), list[tuple[RolloutSpec, Condition, bool]]()
    for rollout_spec, condition in reversed([*rollout_specs(design, 0, replace(selection, levels={}))]):
        if rollout_spec.key in needed:
            needed |= {*rollout_spec.waits}
            items.append((rollout_spec, condition, rollout_spec.key in chosen))
    return items[::-1]


async def _looked(design: Design, condition: Condition, rollout: Rollout, chatter: Model) -> Cost:
    """What it takes the judge of a population to look at one particle until its end."""
    named = None if condition.inference is None else judge_of(condition.inference)
    if condition.inference is None or named is None or design.selectors[named[1]].model is None:
        return Cost()
    part, judge = named[0], design.selectors[named[1]]
    every: int = getattr(getattr(condition.inference, part), "every", 1)
    text = "\n\n".join(message.content for message in rollout.messages)
    rounds = len({call.round for call in rollout.calls})
    looks = 1 if part == "success" else -(-rounds // every)
    shown = judge_input(design.tasks[rollout.task], structs.replace(rollout, output=text or "No output."))
    return await _judged(design, judge, shown, chatter) * (looks * judge.draws)


def _books(design: Design, played: Mapping[str, Sequence[Call]], chatter: Model) -> ComputeBudgets:
    """Budgets from what was played here, and selectors that answer as the simulated model does."""
    aliases = [judge.model for judge in design.selectors.values() if judge.model is not None]
    client = Client({alias: Typical(design.models[alias], chatter) for alias in aliases})
    return ComputeBudgets(
        design, client, {alias: design.models[alias].settings() for alias in aliases}, lambda key: played[key]
    )


def _estimated(spec: ModelSpec, call: Call) -> Cost:
    return Cost() if call.completion is None else estimated(spec, call.completion.usage)


async def _of_two(
    design: Design, name: str, outputs: Mapping[str, str], repeats: Mapping[str, tuple[int, int]], chatter: Model
) -> Cost:
    """A judge of two: every declared pair in both orders; or every output after the first of its task and condition
    held against `GROUPS` others. `repeats` has the draws and the generations of every task."""
    judge, config, cost = design.of_two[name], configured(design.tree["judges"][name]), Cost()
    sides = [Side(arm.name, "", 1, arm.name, arm.levels) for arm in design.conditions if arm.name in outputs]
    if config.traits.two == "better":
        both = [(pair.one.key, pair.other.key) for pair in pairs(sides, config.compared(pooled(design.factors)))]
        asked = sum(draws * generations for draws, generations in repeats.values()) * judge.draws
    else:
        both = [(side.key, side.key) for side in sides]
        asked = sum(n * round((draws - 1) * min(GROUPS, draws / 2)) for draws, n in repeats.values())
    task = design.tasks[[*repeats][len(repeats) // 2]]
    for first, second in both:
        cost += await _judged(design, judge, text_input(task, outputs[first], rival=outputs[second]), chatter) * asked
    return cost


async def _anchors(design: Design, name: str, chatter: Model) -> Cost:
    """The anchor texts of a judge, in all its draws."""
    judge, cost = {**design.judges, **design.of_two}[name], Cost()
    for shown in anchor_inputs(design.tree["judges"][name], judge.draws):
        cost += await _judged(design, judge, shown, chatter)
    return cost


async def _judged(design: Design, judge: Judge, shown: JudgeInput, chatter: Model) -> Cost:
    """One judge draw."""
    made = list[Call]()
    assert judge.model is not None
    spec = design.models[judge.model]

    async def record(rollout: str, call: Call) -> None:
        made.append(call)

    client = Client({judge.model: Typical(spec, chatter)}, record)
    ask = RecordingJudgeClient(
        JudgeDraw(judge.name, 0),
        0,
        client,
        judge.model,
        spec.settings(),
        JudgingItem("plan", "plan", (shown,)),
        1,
    )
    await judge_once(judge, shown, "plan", ask)
    return sum((_estimated(spec, call) for call in made), Cost())
