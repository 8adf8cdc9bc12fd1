"""The sections of a document and of a level; what is none is reported."""

from collections.abc import Mapping

from agentlab.errors import Place
from agentlab.mapping import mapping
from agentlab.models.spec import ModelSpec
from agentlab.scenario import unknown
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.fields import ConditionFields, ExperimentFields
from agentlab.scenario.findings import Findings
from agentlab.scenario.validate import CheckedDocument, key_place

SECTIONS = (*ExperimentFields.model_fields, *ConditionFields.model_fields)
OF_LEVEL = (*ConditionFields.model_fields, "baseline")


class Sections(ExperimentFields, ConditionFields):
    """A whole scenario, for what stands where in it."""

    models: Mapping[str, ModelSpec]  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]


def known(tree: Tree, findings: Findings) -> Tree:
    """The document without unknown sections. A misspelled one is reported, and read as what it is meant to be."""
    odd = [key for key in tree.value if key not in SECTIONS]
    for key, wrong, right in unknown.messages(odd, Sections, SECTIONS):
        findings.add(key_place(tree, (key,)), (key,), wrong, right)
    if not odd:
        return tree
    document = Tree({key: tree.value[key] for key in tree.value if key in SECTIONS}, *_known_places(tree), tree.removed)
    for key in odd[: unknown.FEW]:
        name = unknown.meant(key, SECTIONS)
        if name and name not in document.value:
            moved = tree.at((key,)).under((name,))
            places = {**document.places, **moved.places, (): tree.place(())}
            keys = {**document.keys, **moved.keys, (name,): key_place(tree, (key,))}
            document = Tree({**document.value, **moved.value}, places, keys, tree.removed)
    return document


def _known_places(tree: Tree) -> tuple[dict[Keys, Place], dict[Keys, Place]]:
    """Of values and keys, without those of unknown sections."""
    every = (tree.places, tree.keys)
    known, keys = ({at: place for at, place in places.items() if not at or at[0] in SECTIONS} for places in every)
    return known, keys


def of_level(site: CheckedDocument, path: Keys) -> None:
    """A level patches sections of a condition only."""
    odd = [key for key in mapping(site.get(path)) if key not in OF_LEVEL]
    for key, wrong, right in unknown.messages(odd, ConditionFields, OF_LEVEL):
        where = "write it at the top of the file" if key in SECTIONS else right
        site.unknown((*path, key), wrong, f"{where} (a level patches the sections of a condition)")


def level_with(site: CheckedDocument, task: str) -> Keys:
    """Where a level adds or removes the task."""
    for factor, levels in mapping(site.get(("factors",))).items():
        for level, change in mapping(levels).items():
            if task in mapping(mapping(change).get("tasks")):
                return ("factors", factor, level, "tasks", task)
    return ("factors",)
