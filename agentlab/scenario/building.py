"""From a document to its design: factors are crossed, every cell is resolved and checked before the first call."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.interfaces import Judge
from agentlab.mapping import mapping
from agentlab.scenario import (
    agreement,
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
    plugins,
    sections,
    task_table,
)
from agentlab.scenario import jsonl as lines
from agentlab.scenario import judges as judging
from agentlab.scenario.asked import tasks
from agentlab.scenario.baseline import Matched
from agentlab.scenario.compare import Compare
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.document import Keys, Tree, clashes, patch
from agentlab.scenario.fields import ConditionFields, ExperimentFields
from agentlab.scenario.findings import Findings
from agentlab.scenario.levels import named
from agentlab.scenario.validate import CheckedDocument
from agentlab.types import Task


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
        plugins.searchable(self.path.parent)
        plan = self.plan()
        self.specs = specs = condition.models(self.site)
        bench = judging.build(self.site, specs)
        conditions, declared, loop, crossed = list[Condition](), Compare(), None, plan
        if plan is not None:
            columns.check(self.site, plan)
            matches = baseline.read(self.site, plan.factors)
            baselines = [matched for matched in matches.values() if matched is not None]
            self.selectors = baseline.selectors(self.site, baselines, bench)
            baseline.families(self.site, baselines, bench.every, specs)
            conditions = self.conditions(plan, matches, bench)
            self.selectors |= inference.selectors(conditions, bench)
            agreement.check(self.site, plan, bench, specs, conditions)
            loop = improve.agree(self.site, {arm.name: arm.loop for arm in conditions})
            loop_section = mapping(self.tree.value.get("improve"))
            crossed, conditions = generations.with_generations(plan, loop, loop_section), generations.base(conditions)
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
        common = {key: value[key] for key in ExperimentFields.model_fields if key in value}
        if isinstance(common.get("judges"), dict):
            common["judges"] = {name: judge for name, judge in common["judges"].items() if judge is not None}
        site = CheckedDocument(Tree(common, self.tree.places, self.tree.keys), self.findings, self.path.parent)
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
        matches: Mapping[tuple[str, str], Matched | None],
        bench: judging.JudgeSet,
    ) -> list[Condition]:
        crossed = cells.checked(self.site, plan)
        if sum(map(len, plan.factors.values())) > cells.MAX_CONDITIONS:
            return []
        levels = {(f, name): self.level(f, name) for f in plan.factors for name in plan.factors[f]}
        if self.clash(levels):
            return []
        by_name: dict[str, Condition] = {}
        for cell in crossed:
            tree = condition.tree(self.tree.value, self.tree)
            for key in cell.items():
                tree = patch(tree, levels[key])
            name = named(cell)
            self.findings.cell = name if plan.factors else None
            baselines = [matches[key] for key in cell.items() if key in matches]
            if None in baselines or not baseline.single(
                self.site, plan, cell, [matched for matched in baselines if matched is not None]
            ):
                continue
            whole = copies.expand(condition.tree(tree.value, tree))
            site = CheckedDocument(whole, self.findings, self.path.parent)
            resolved = condition.resolve(site, name, cell, next(iter(baselines), None))
            if resolved is not None:
                checks.one_round(self.site, plan.limits, resolved.organization, resolved.tasks)
                checks.prices(site, plan.limits, resolved.models, {})
                checks.task_fields(site, resolved.organization, resolved.tasks)
                checks.targets(site, bench.misfits, resolved.tasks)
                if resolved.loop is not None:
                    improve_checks.measures(site, resolved.loop.fields, plan, bench)
                inference.judge(site, resolved.inference, bench, plan.measures, self.specs)
                by_name[name] = resolved
        self.findings.cell = None
        self.tie(by_name, matches)
        return list(by_name.values())

    def tie(self, conditions: dict[str, Condition], matches: Mapping[tuple[str, str], Matched | None]) -> None:
        """Ties every baseline to the condition that it is measured by."""
        baselines = {
            name: matched
            for name, each in conditions.items()
            for key in each.levels.items()
            if (matched := matches.get(key)) is not None
        }
        measured = {name: named(matched.of(conditions[name].levels)) for name, matched in baselines.items()}
        for name in baseline.chained(measured):
            matched, of = baselines[name], conditions.get(measured[name])
            if of is None:  # it has a mistake of its own
                continue
            judge = mapping(self.tree.value.get("judges")).get(matched.fields.select or "")
            identity = baseline.tied(conditions[name].identity, of.identity, judge)
            organization = baseline.with_workspace(conditions[name].organization, of.organization)
            conditions[name] = replace(
                conditions[name], identity=identity, baseline=matched.baseline(of.name), organization=organization
            )
            selector = self.selectors.get(matched.fields.select or "")
            asked = [of.models, conditions[name].models]
            specs = {spec.name: spec for models in asked for spec in models.values()}
            if selector is not None and selector.model in self.specs:
                specs[self.specs[selector.model].name] = self.specs[selector.model]
            baseline.prices(self.site, matched, specs)

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
        for (key, first), (other_key, second) in itertools.combinations(levels.items(), 2):
            for keys, there, place in clashes(first, second) if key[0] != other_key[0] else ():
                wrong = f"{'='.join(key)} ({there}) and {'='.join(other_key)} supply the same value"
                self.findings.add(place, keys, wrong, "let only one of the factors patch it")
        return len(self.findings.mistakes) > before

    def tasks(self, plan: ExperimentFields) -> dict[str, Task]:
        """The tasks of the first condition, without what is added to them."""
        tree = condition.tree(self.tree.value, self.tree)
        for factor, levels in plan.factors.items():
            tree = patch(tree, self.level(factor, next(iter(levels))))
        site = CheckedDocument(condition.tree(tree.value, tree), self.findings, self.path.parent)
        cell = site.validate(ConditionFields, ())
        return tasks(site, cell) if cell else {}


def _source(tree: Tree) -> ModuleType:
    """What its tasks come from, which writes them out."""
    if generators.is_generated(tree):
        return generators
    return task_table if task_table.is_table(tree) else lines
