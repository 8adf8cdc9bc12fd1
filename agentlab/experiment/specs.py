"""The rollouts of a design that are to be run: which, in what order, and under which identities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from msgspec.structs import replace

from agentlab.engine.spec import RolloutLimits, RolloutSpec
from agentlab.errors import ScenarioError
from agentlab.experiment.schedule import Item
from agentlab.products import product_facts
from agentlab.scenario.baseline import chained
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.seeds import digest


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a design is run now: a pilot leaves the rest for a later command. None means all."""

    tasks: tuple[str, ...] | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    draws: int | None = None


def check(design: Design, selection: Selection) -> None:
    """Raises `ScenarioError` when the selection names what the design lacks."""
    for task in selection.tasks or ():
        if task not in design.tasks:
            raise ScenarioError(f"--tasks: no task {task!r} in {design.file}; tasks are {', '.join(design.tasks)}")
    for factor, levels in selection.levels.items():
        if factor not in design.factors:
            known = ", ".join(design.factors) or "none"
            raise ScenarioError(f"--only: no factor {factor!r} in {design.file}; factors are {known}")
        for level in levels:
            if level not in design.factors[factor]:
                known = ", ".join(design.factors[factor])
                raise ScenarioError(
                    f"--only: factor {factor!r} has no level {level!r} in {design.file}; it has {known}"
                )


def rollout_specs(design: Design, seed: int, selection: Selection, generation: int = 0) -> Iterator[Item]:
    """Every rollout of one generation of the design, draw by draw: a run that stops early is a smaller balanced run.

    Of one task and draw, the baselines come last, each after what it is measured by.
    """
    limits = RolloutLimits(design.limits.rollout.tokens, design.limits.rollout.cost, design.limits.rollout.minutes)
    rank, draws = count(), range(1, (selection.draws or design.draws) + 1)
    keys = RolloutKeys(design, seed, generation)
    arms = [condition for condition in keys.order if chosen(condition, selection)]
    tasks = selection.tasks or tuple(design.tasks)
    cells = {id: [(c, c.organization_on(id), c.tasks[id], keys.coupling(c.name)) for c in arms] for id in tasks}
    for draw in draws:
        for id in tasks:
            if design.loop is not None and draw > design.draws_of(id):
                continue
            for condition, organization, task, coupling in cells[id]:
                spec = RolloutSpec(
                    keys(condition.name, id, draw),
                    design.name,
                    condition.name,
                    organization,
                    task,
                    draw,
                    seed,
                    generation=generation,
                    coupling=coupling,
                    limits=limits,
                    rank=next(rank),
                )
                if (baseline := condition.baseline) is not None:
                    of = keys(baseline.of, id, draw)
                    every = tuple(keys(baseline.of, id, other) for other in draws)
                    spec = replace(spec, of=of, waits=(of,) if baseline.at == "draw" else every)
                yield spec, condition


class RolloutKeys:
    """The identities of a design's rollouts; that of a baseline hashes that of the rollout it is measured by."""

    def __init__(self, design: Design, seed: int, generation: int = 0) -> None:
        self._design, self._seed, self._generation = design, seed, generation
        self._named = {condition.name: condition for condition in design.conditions}
        matched = {c.name: c.baseline.of for c in design.conditions if c.baseline is not None}
        self.order = [condition for condition in design.conditions if condition.baseline is None]
        self.order += [self._named[name] for name in chained(matched)]
        self._cells: dict[tuple[str, str], tuple[Condition, str, str]] = {}

    def __call__(self, condition: str, task: str, draw: int) -> str:
        """The key of one rollout."""
        cell = self._cells.get((condition, task))
        if cell is None:
            cell = self._cells[condition, task] = self._cell(condition, task)
        arm, content, coupling = cell
        of = () if arm.baseline is None else (self(arm.baseline.of, task, draw),)
        return digest(arm.identity, content, draw, self._generation, self._seed, coupling, *of)

    def _cell(self, condition: str, task: str) -> tuple[Condition, str, str]:
        """What all draws have in common: the condition, the digest of the task's content, and the coupling."""
        arm = self._named[condition]
        asked = arm.tasks[task]
        files = (asked.fields["files"],) if "files" in asked.fields else ()
        sampled = None if arm.loop is None else arm.loop.told(asked)
        content = digest(task, asked.prompt, *files, *filter(None, (product_facts(asked.fields), sampled)))
        return arm, content, self.coupling(condition)

    def coupling(self, condition: str) -> str:
        """Empty when arms share random numbers; else the condition, or the replicate of a loop, which keeps its own
        apart."""
        return self._named[condition].coupling if self._design.coupling == "seeds" else condition


def chosen(condition: Condition, selection: Selection) -> bool:
    """Whether the condition has the levels that were selected."""
    return all(condition.levels[factor] in levels for factor, levels in selection.levels.items())
