"""What programs can reach at best on the held-out cases of a run: recorded, so that readers need no module."""

from collections.abc import Mapping
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.judges.program import with_case_seeds
from agentlab.own_code import told
from agentlab.products import CASE_SEED, product, product_facts
from agentlab.products.frontier import mean_frontier
from agentlab.scenario.design import Design


def products(design: Design, old: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """By task with a product: its facts, its number of `cases`, and by name the `limits` of the means over these cases.

    `seed` is that of the run. A limit is a list of harm and utility, each from 0 to 1. What is in `old` is not computed
    again. Raises `ScenarioError` when a product cannot say its limits.
    """
    cases = max((judge.draws for name, judge in design.judges.items() if design.traits[name].cases), default=0)
    facts_by_id: dict[str, Any] = dict(old)
    for id, task in with_case_seeds(design.tasks, seed).items():
        if not (about := product_facts(task.fields)):
            continue
        facts = {**about, "cases": cases}
        known = facts_by_id.get(id, {})
        if {name: known.get(name) for name in facts} != facts:
            facts_by_id[id] = {**facts, "limits": _limits(design, id, str(facts["name"]), int(facts[CASE_SEED]), cases)}
    return facts_by_id


def _limits(design: Design, id: str, name: str, seed: int, cases: int) -> dict[str, list[list[float]]]:
    made = product(name)
    try:
        by_case = [made.limits(made.case(seed, number).hidden) for number in range(cases)]
        names = list(dict.fromkeys(limit for limits in by_case for limit in limits))
        return {
            limit: [list(point) for point in mean_frontier([limits.get(limit, ()) for limits in by_case])]
            for limit in names
        }
    except Exception as error:  # a module of the user's may fail in any way
        raise ScenarioError(f"{design.file}: task {id!r}: the limits of product {name!r}: {told(error)}") from error
