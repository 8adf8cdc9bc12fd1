"""What all conditions of a scenario must have in common, and where they must differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentlab.models.spec import ModelSpec
from agentlab.scenario import checks, improve, measure_checks, products, protocol, sections
from agentlab.scenario import judges as judging
from agentlab.scenario.condition import Condition
from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.validate import CheckedDocument


def check(
    site: CheckedDocument,
    plan: ExperimentFields,
    bench: judging.JudgeSet,
    specs: Mapping[str, ModelSpec],
    conditions: Sequence[Condition],
) -> None:
    """Adds what the conditions disagree in, and what no single one of them shows."""
    for name, measure in plan.measures.items():
        measure_checks.criteria(site, name, measure, bench.judges, bench.of_two, bench.traits)
    of_judges = {j.model: specs[j.model] for j in bench.every.values() if j.model and j.model in specs}
    checks.prices(site, plan.limits, {}, of_judges)
    checks.constant(site, of_judges)
    protocol.agree(site, {arm.name: arm.organization for arm in conditions})
    if conditions:
        products.same_product(site, [arm.tasks for arm in conditions])
        improve.same_splits(site, [arm.tasks for arm in conditions])
        for arm in conditions:
            products.has_workspace(site, arm.name, arm.tasks, arm.organization)
    if plan.cluster is not None and conditions:
        checks.cluster(site, plan.cluster, [arm.tasks for arm in conditions])
    seen: dict[tuple[Any, ...], Condition] = {}
    for arm in conditions:
        if plan.coupling == "seeds":  # without coupling, equal arms have keys and streams of their own
            _distinct(site, seen.setdefault((arm.identity, repr(arm.tasks)), arm), arm)
        if arm.tasks.keys() != conditions[0].tasks.keys():
            odd = sorted(arm.tasks.keys() ^ conditions[0].tasks.keys())
            wrong = f"{arm.name} and {conditions[0].name} have different tasks: {', '.join(odd)}"
            site.unknown(sections.level_with(site, odd[0]), wrong, "let a level change tasks, not add or remove them")


def _distinct(site: CheckedDocument, first: Condition, second: Condition) -> None:
    """Two cells with one identity would share every reply."""
    if first is not second:
        factor = next(f for f in second.levels if first.levels[f] != second.levels[f])
        wrong = f"{first.name} and {second.name} are the same condition"
        right = "let every level change something, or write `coupling: none` for an A/A check"
        site.unknown(("factors", factor, second.levels[factor]), wrong, right)
