"""Tasks made by a generator: `tasks: {kind: arithmetic, …}`, or one of your own by `my_module:Name`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel

from agentlab.errors import Place
from agentlab.mapping import mapping
from agentlab.organization.declaration import Flaw
from agentlab.own_code import is_own, told
from agentlab.registry import Registry
from agentlab.scenario import plugins
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.findings import Findings
from agentlab.scenario.unknown import kind_of
from agentlab.scenario.validate import CheckedDocument, shown


class TaskGenerator(Protocol):
    """The fields of a kind, which make its tasks."""

    def tasks(self) -> dict[str, Any] | Flaw: ...


KINDS = Registry[type[BaseModel]](__name__, {"arithmetic": "arithmetic:ArithmeticFields"})
"""What ships. `tasks()` gives the tasks by id as a scenario writes them, or what is wrong with the fields."""
SECTION: Keys = ("tasks",)


def is_generated(tree: Tree) -> bool:
    """Whether the section `tasks` names a generator: a task by the id `kind` would be a mapping."""
    return isinstance(mapping(tree.value.get("tasks")).get("kind"), str)


def expand(tree: Tree, findings: Findings, root: Path) -> Tree:
    """The document with its tasks written out; a mistake in one of them points to the section."""
    site = CheckedDocument(tree, findings, root)
    made = _made(site, mapping(tree.value["tasks"]))
    if isinstance(made, tuple):
        site.flaws(SECTION, [made])
        made = None
    if not made:
        findings.faulted.add(tree.place(SECTION))
    tasks: dict[str, Any] = made or {}
    kept, keys = ({at: p for at, p in places.items() if at[:1] != SECTION} for places in (tree.places, tree.keys))
    places: dict[Keys, Place] = {at: tree.place(SECTION) for at in (SECTION, *((*SECTION, id) for id in tasks))}
    return Tree({**tree.value, "tasks": tasks}, {**kept, **places}, {**keys, **places}, tree.removed)


def _made(site: CheckedDocument, part: Mapping[str, Any]) -> dict[str, Any] | Flaw | None:
    """The tasks, or what is wrong; None where the findings say it."""
    kind = str(part["kind"])
    if is_own(kind):
        return _own_tasks(site, kind, part)
    if flaw := kind_of(part, KINDS):
        field, wrong, right = flaw
        (site.unknown if field != "kind" else site.wrong)((*SECTION, field), wrong, right)
        return None
    fields = site.validate(KINDS[kind], SECTION)
    return None if fields is None else cast(TaskGenerator, fields).tasks()


def _own_tasks(site: CheckedDocument, kind: str, part: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        generator = plugins.make(kind, site.folder, {name: value for name, value in part.items() if name != "kind"})
        made: Any = generator.tasks()
    except ValueError as error:
        site.wrong((*SECTION, "kind"), str(error), "correct the generator or its fields")
    except Exception as error:  # a generator of the user's may fail in any way
        site.wrong((*SECTION, "kind"), f"{kind}.tasks() fails: {told(error)}", "correct the generator or its fields")
    else:
        if mapping(made):
            return mapping(made)
        wrong = f"{kind}.tasks() gives {shown(made)}"
        site.wrong((*SECTION, "kind"), wrong, "return a mapping from ids to tasks, with at least one")
    return None
