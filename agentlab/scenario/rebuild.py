"""The design that a run recorded: its scenario may have gone since."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from agentlab.errors import Place, ScenarioError
from agentlab.scenario.design import Design, DesignBuilder
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.findings import Findings


def rebuild(tree: Mapping[str, Any], run: Path, modules: Path) -> Design:
    """The design of the document `tree`, in which files and judges are written out.

    Parts of one's own are imported from the folder `modules`, the working folder or what is installed. Raises
    `ScenarioError` when the document is none of today's, or a part cannot be found.
    """
    places = dict.fromkeys(_paths(dict(tree), ()), Place(str(run), 1, 1))
    document = Tree(dict(tree), places, places)
    try:
        return replace(DesignBuilder(document, Findings(), modules / "scenario.yaml").design(), file=str(run))
    except ScenarioError as error:
        raise ScenarioError(
            f"{run}: its design cannot be built again from what it recorded:\n{error}\n"
            "If a module of your own is missing, name the scenario that lies beside it: --scenario FILE"
        ) from error


def _paths(value: Any, path: Keys) -> Iterator[Keys]:
    """Of the value and of everything in it."""
    yield path
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
    else:
        items = enumerate(cast("list[Any]", value) if isinstance(value, list) else [])
    for key, item in items:
        yield from _paths(item, (*path, key))
