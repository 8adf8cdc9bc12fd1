"""From a scenario to its design: factors are crossed, every cell is resolved and checked before the first call."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from agentlab.errors import ScenarioError
from agentlab.interfaces import Judge
from agentlab.judges import JudgeTraits
from agentlab.models.spec import ModelSpec
from agentlab.scenario import (
    baseline,
    cells,
    checks,
    columns,
    compare,
    condition,
    copies,
    generations,
    generators,
    improve,
    improve_checks,
    inference,
    library,
    products,
    protocol,
    sections,
    task_table,
)
from agentlab.scenario import jsonl as lines
from agentlab.scenario import judges as judging
from agentlab.scenario.baseline import Matched
from agentlab.scenario.compare import Compare
from agentlab.scenario.compare_fields import LooksFields
from agentlab.scenario.condition import Condition
from agentlab.scenario.document import Keys, Tree, clashes, patch, read
from agentlab.scenario.fields import ConditionFields, ExperimentFields, LimitsFields, MeasureFields
from agentlab.scenario.findings import Findings
from agentlab.scenario.improve import Improve
from agentlab.scenario.override import SET, with_model, with_value
from agentlab.scenario.protocol import ordered_fields
from agentlab.scenario.repeated import clusters
from agentlab.scenario.validate import CheckedDocument, mapping
from agentlab.types import Task


@dataclass(frozen=True, slots=True)
class Design:
    """A scenario, resolved: nothing in it depends on a file any more."""

    name: str
    about: str
    file: str
    tree: Mapping[str, Any]
    """The document with its files and judges written out; JSON-able."""
    tasks: Mapping[str, Task]
    """As every condition is asked them, before addenda and the closing question of one agent alone."""
    conditions: tuple[Condition, ...]
    factors: Mapping[str, tuple[str, ...]]
    draws: int
    seed: int | None
    coupling: Literal["seeds", "none"]
    models: Mapping[str, ModelSpec]
    """Of the document without patches: those of the judges."""
    judges: Mapping[str, Judge]
    """Those that score; not those that tell the tries of a baseline apart, or look at particles."""
    selectors: Mapping[str, Judge]
    of_two: Mapping[str, Judge]
    """Those of two outputs: they compare arms or sort outputs into groups, and are no measure."""
    scales: Mapping[str, Mapping[str, tuple[float, float]]]
    """Lowest and highest score of each judge's criteria."""
    counted: Mapping[str, tuple[str, ...]]
    """The criteria of each judge that `criteria: all` means."""
    traits: Mapping[str, JudgeTraits]
    """Of every judge by name, those that select included."""
    measures: Mapping[str, MeasureFields]
    compare: Compare
    looks: LooksFields | Literal["any"] | None
    cluster: str | None
    """The field of the tasks by which they are clustered."""
    limits: LimitsFields
    options: tuple[str, ...] = ()
    """What the command line put in place of what the scenario says, as it was typed."""

    @property
    def independent(self) -> int:
        """Tasks, or clusters of tasks, that share no source; repeated tasks count once."""
        found = clusters(list(self.tasks.values()), self.cluster)
        return len(set(found.values())) if found else len(self.tasks)

    @property
    def loop(self) -> Improve | None:
        """The self-training loop of its first condition: all have the same splits, generations and replicates."""
        return self.conditions[0].loop

    def draws_of(self, task: str) -> int:
        """How many times each condition does this task."""
        return self.draws if self.loop is None else self.loop.split(self.tasks[task]).draws

    def times_of(self, task: str) -> int:
        """How many generations of each condition do this task; 1 without a loop."""
        return 1 if self.loop is None else self.loop.times(self.tasks[task])

    @property
    def ordered(self) -> frozenset[str]:
        """Fields of the protocols in which the order of keys counts."""
        return frozenset[str]().union(*(ordered_fields(one.organization.protocol) for one in self.conditions))


def load(
    name_or_path: str | Path, model: str | None = None, judge_model: str | None = None, values: Sequence[str] = ()
) -> Design:
    """The design of a scenario, by path or by the name of a shipped one; raises `ScenarioError` with all mistakes.

    `model` replaces `models.default` and `judge_model` `models.judge`: of what was there only `max_tokens` stays, since
    addresses, prices, limits and other sampling settings belonged to the model that was named. Each of `values` is
    `PATH=VALUE`, which is merged into the document before it is checked.
    """
    path = library.scenario(name_or_path)
    tree, mistakes = read(path, as_written=_is_target)
    findings = Findings()
    for mistake in mistakes:
        findings.add(mistake.place, mistake.path, mistake.wrong, mistake.right)
        findings.faulted.add(mistake.place)
    if not isinstance(tree.value, dict):
        if not mistakes:
            findings.add(tree.place(()), "", "this is not a scenario", "write a mapping that begins with `spec: 1`")
        raise ScenarioError(findings.sorted())
    told: list[str] = []
    for alias, option, name in (("default", "--model", model), ("judge", "--judge-model", judge_model)):
        if name is not None:
            tree = with_model(tree, alias, option, name)
            told.append(f"{option} {name}")
    for text in values:
        tree = with_value(tree, text, path, _is_target)
        told.append(f"{SET} {text}")
    return replace(DesignBuilder(tree, findings, path).design(), options=tuple(told))


def _source(tree: Tree) -> ModuleType:
    """What its tasks come from, which writes them out."""
    if generators.is_generated(tree):
        return generators
    return task_table if task_table.is_table(tree) else lines


def _is_target(path: Keys) -> bool:
    """Of a task, in the document or in a level's patch: a judge compares texts, and `0.10` is not `0.1`."""
    task = path[3:] if path[:1] == ("factors",) else path
    return len(task) == 3 and task[0] == "tasks" and task[2] == "target"


class DesignBuilder:
    """One scenario on its way from document to design."""

    def __init__(self, tree: Tree, findings: Findings, path: Path) -> None:
        self.findings, self.path = findings, path
        known = sections.known(tree, findings)
        known = _source(known).expand(known, findings, path.parent)
        self.tree = judging.inline(known, findings, path.parent)
        self.site = CheckedDocument(self.tree, findings, path.parent)
        self.selectors: dict[str, Judge] = {}

    def design(self) -> Design:
        plan = self.plan()
        self.specs = specs = condition.models(self.site)
        bench = judging.build(self.site, specs)
        conditions, declared, loop, crossed = list[Condition](), Compare(), None, plan
        if plan is not None:
            columns.check(self.site, plan)
            matched = baseline.read(self.site, plan.factors)
            told = [one for one in matched.values() if one is not None]
            self.selectors = baseline.selectors(self.site, told, bench)
            baseline.families(self.site, told, bench.every, specs)
            conditions = self.conditions(plan, matched, bench)
            self.selectors |= inference.selectors(conditions, bench)
            self.finish(plan, bench, specs, conditions)
            loop = improve.agree(self.site, {one.name: one.loop for one in conditions})
            told_loop = mapping(self.tree.value.get("improve"))
            crossed, conditions = generations.with_generations(plan, loop, told_loop), generations.base(conditions)
            used = {measure.judge for measure in plan.measures.values()}
            declared = compare.resolve(self.site, crossed, bench.plain({*used, *self.selectors}))
        if self.findings.mistakes or plan is None or crossed is None:
            raise ScenarioError(self.findings.sorted(len(cells.cells(plan)) if plan else 1))
        return Design(
            name=plan.name,
            about=plan.about,
            file=str(self.path),
            tree=self.tree.value,
            tasks=self.tasks(plan),
            conditions=tuple(conditions),
            factors={name: tuple(levels) for name, levels in crossed.factors.items()},
            draws=plan.draws if loop is None else max(split.draws for split in loop.fields.splits.values()),
            seed=plan.seed,
            coupling=plan.coupling,
            models=specs,
            judges={name: judge for name, judge in bench.judges.items() if name not in self.selectors},
            selectors=self.selectors,
            of_two={name: judge for name, judge in bench.of_two.items() if name not in self.selectors},
            scales=bench.scales,
            counted=bench.counted,
            traits=bench.traits,
            measures=plan.measures,
            compare=declared,
            looks=plan.looks,
            cluster=plan.cluster,
            limits=plan.limits,
        )

    def plan(self) -> ExperimentFields | None:
        """The sections that hold for every condition."""
        value = self.tree.value
        own = {key: value[key] for key in ExperimentFields.model_fields if key in value}
        if isinstance(own.get("judges"), dict):
            own["judges"] = {name: judge for name, judge in own["judges"].items() if judge is not None}
        site = CheckedDocument(Tree(own, self.tree.places, self.tree.keys), self.findings, self.path.parent)
        return site.validate(ExperimentFields, ()) or self.rescued(site)

    def rescued(self, site: CheckedDocument) -> ExperimentFields | None:
        """What can be read of a plan that is wrong, so that the conditions are checked all the same."""
        usable: dict[str, Any] = {"spec": 1, "name": "x"}
        for key, value in site.tree.value.items():
            trial = CheckedDocument(Tree({**usable, key: value}, site.tree.places), Findings(), self.path.parent)
            if trial.validate(ExperimentFields, ()) is not None:
                usable[key] = value
        return CheckedDocument(Tree(usable, site.tree.places), Findings(), self.path.parent).validate(
            ExperimentFields, ()
        )

    def conditions(
        self,
        plan: ExperimentFields,
        matched: Mapping[tuple[str, str], Matched | None],
        bench: judging.JudgeSet,
    ) -> list[Condition]:
        crossed = cells.checked(self.site, plan)
        if sum(map(len, plan.factors.values())) > cells.MAX_CONDITIONS:
            return []
        levels = {(f, name): self.level(f, name) for f in plan.factors for name in plan.factors[f]}
        if self.clash(levels):
            return []
        found: dict[str, Condition] = {}
        for cell in crossed:
            tree = condition.tree(self.tree.value, self.tree)
            for key in cell.items():
                tree = patch(tree, levels[key])
            name = condition.named(cell)
            self.findings.cell = name if plan.factors else None
            own = [matched[key] for key in cell.items() if key in matched]
            if None in own or not baseline.single(self.site, plan, cell, [one for one in own if one is not None]):
                continue
            whole = copies.expand(condition.tree(tree.value, tree))
            site = CheckedDocument(whole, self.findings, self.path.parent)
            resolved = condition.resolve(site, name, cell, next(iter(own), None))
            if resolved is not None:
                checks.one_round(self.site, plan.limits, resolved.organization, resolved.tasks)
                checks.prices(site, plan.limits, resolved.models, {})
                checks.task_fields(site, resolved.organization, resolved.tasks)
                checks.targets(site, bench.misfits, resolved.tasks)
                if resolved.loop is not None:
                    improve_checks.measures(site, resolved.loop.fields, plan, bench)
                inference.judge(site, resolved.inference, bench, plan.measures, self.specs)
                found[name] = resolved
        self.findings.cell = None
        self.tie(found, matched)
        return list(found.values())

    def tie(self, found: dict[str, Condition], matched: Mapping[tuple[str, str], Matched | None]) -> None:
        """Ties every baseline to the condition that it is measured by."""
        own = {
            name: one
            for name, each in found.items()
            for key in each.levels.items()
            if (one := matched.get(key)) is not None
        }
        measured = {name: condition.named(one.of(found[name].levels)) for name, one in own.items()}
        for name in baseline.chained(measured):
            one, of = own[name], found.get(measured[name])
            if of is None:  # it has a mistake of its own
                continue
            judge = mapping(self.tree.value.get("judges")).get(one.fields.select or "")
            identity = baseline.tied(found[name].identity, of.identity, judge)
            organization = baseline.with_workspace(found[name].organization, of.organization)
            found[name] = replace(
                found[name], identity=identity, baseline=one.baseline(of.name), organization=organization
            )
            selector = self.selectors.get(one.fields.select or "")
            asked = [of.models, found[name].models]
            specs = {spec.name: spec for models in asked for spec in models.values()}
            if selector is not None and selector.model in self.specs:
                specs[self.specs[selector.model].name] = self.specs[selector.model]
            baseline.prices(self.site, one, specs)

    def level(self, factor: str, name: str) -> Tree:
        """A level's patch; only what decides a single condition may be patched."""
        path: Keys = ("factors", factor, name)
        tree = self.tree.at(path)
        sections.of_level(self.site, path)
        return Tree(
            {k: v for k, v in mapping(tree.value).items() if k in ConditionFields.model_fields}, tree.places, tree.keys
        )

    def clash(self, levels: Mapping[tuple[str, str], Tree]) -> bool:
        """Two factors must not supply one value: their order would decide."""
        before = len(self.findings.mistakes)
        for (one, first), (two, second) in itertools.combinations(levels.items(), 2):
            for keys, there, place in clashes(first, second) if one[0] != two[0] else ():
                wrong = f"{'='.join(one)} ({there}) and {'='.join(two)} supply the same value"
                self.findings.add(place, keys, wrong, "let only one of the factors patch it")
        return len(self.findings.mistakes) > before

    def finish(
        self,
        plan: ExperimentFields,
        bench: judging.JudgeSet,
        specs: Mapping[str, ModelSpec],
        conditions: list[Condition],
    ) -> None:
        """The checks that look at all conditions together."""
        for name, measure in plan.measures.items():
            checks.criteria(self.site, name, measure, bench.judges, bench.of_two, bench.traits)
        of_judges = {j.model: specs[j.model] for j in bench.every.values() if j.model and j.model in specs}
        checks.prices(self.site, plan.limits, {}, of_judges)
        checks.constant(self.site, of_judges)
        protocol.agree(self.site, {one.name: one.organization for one in conditions})
        if conditions:
            products.same_product(self.site, [one.tasks for one in conditions])
            improve.same_splits(self.site, [one.tasks for one in conditions])
            for one in conditions:
                products.has_workspace(self.site, one.name, one.tasks, one.organization)
        if plan.cluster is not None and conditions:
            checks.cluster(self.site, plan.cluster, [one.tasks for one in conditions])
        seen: dict[tuple[Any, ...], Condition] = {}
        for one in conditions:
            if plan.coupling == "seeds":  # without coupling, equal arms have keys and streams of their own
                self.same(seen.setdefault((one.identity, repr(one.tasks)), one), one)
            if one.tasks.keys() != conditions[0].tasks.keys():
                odd = sorted(one.tasks.keys() ^ conditions[0].tasks.keys())
                wrong = f"{one.name} and {conditions[0].name} have different tasks: {', '.join(odd)}"
                self.site.unknown(
                    sections.level_with(self.site, odd[0]), wrong, "let a level change tasks, not add or remove them"
                )

    def same(self, first: Condition, second: Condition) -> None:
        """Two cells with one identity would share every reply."""
        if first is not second:
            factor = next(f for f in second.levels if first.levels[f] != second.levels[f])
            wrong = f"{first.name} and {second.name} are the same condition"
            right = "let every level change something, or write `coupling: none` for an A/A check"
            self.site.unknown(("factors", factor, second.levels[factor]), wrong, right)

    def tasks(self, plan: ExperimentFields) -> dict[str, Task]:
        """The tasks of the first condition, without what is added to them."""
        tree = condition.tree(self.tree.value, self.tree)
        for factor, levels in plan.factors.items():
            tree = patch(tree, self.level(factor, next(iter(levels))))
        site = CheckedDocument(condition.tree(tree.value, tree), self.findings, self.path.parent)
        cell = site.validate(ConditionFields, ())
        return condition.tasks(site, cell) if cell else {}
