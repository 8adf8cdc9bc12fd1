"""What a scenario makes columns of a run's frames, which must not have the name of a column that is there anyway."""

from collections.abc import Iterator

from agentlab.columns import ABOUT_ROLLOUTS, CARRIES, MEASURE, MEASURED, RESERVED
from agentlab.mapping import mapping
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.validate import CheckedDocument


def check(site: CheckedDocument, plan: ExperimentFields) -> None:
    """Factors, fields of tasks (each name once) and measures have names of their own."""
    for factor in plan.factors:
        if factor in RESERVED or factor.startswith(CARRIES):
            _taken(site, ("factors", factor), f"the factor {factor!r}", f"{factor}_level")
    for path in _fields(site, plan):
        if path[-1] in ABOUT_ROLLOUTS:
            _taken(site, path, f"the field {path[-1]!r}", f"task_{path[-1]}")
    for name in plan.measures:
        made = {f"{name}{end}" for end in MEASURE}
        if made & MEASURED or made & plan.factors.keys():
            _taken(site, ("measures", name), f"the measure {name!r}", f"{name}_score")


def _taken(site: CheckedDocument, path: Keys, what: str, better: str) -> None:
    wrong = f"{what} has the same name as another column in a run's tables"
    site.unknown(path, wrong, f"choose another name, such as {better}")


def _fields(site: CheckedDocument, plan: ExperimentFields) -> Iterator[Keys]:
    """The first place of every field's name, in the tasks and in what levels make of them."""
    levels = [("factors", factor, level) for factor, levels in plan.factors.items() for level in levels]
    seen = set[str]()
    for head in [(), *levels]:
        for id, task in mapping(mapping(site.get(head)).get("tasks")).items():
            for name in mapping(mapping(task).get("fields")).keys() - seen:
                seen.add(name)
                yield (*head, "tasks", id, "fields", name)
