"""The design that a run recorded: its scenario may have gone since."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentlab.errors import Place, ScenarioError
from agentlab.scenario.building import DesignBuilder
from agentlab.scenario.design import Design
from agentlab.scenario.document import Tree, every_path
from agentlab.scenario.findings import Findings


def rebuild(tree: Mapping[str, Any], run: Path, modules: Path) -> Design:
    """The design of the document `tree`, in which files and judges are written out.

    Parts of one's own are imported from the folder `modules`, the working folder or what is installed. Raises
    `ScenarioError` when the document is none of today's, or a part cannot be found.
    """
    places = dict.fromkeys(every_path(dict(tree)), Place(str(run), 1, 1))
    document = Tree(dict(tree), places, places)
    try:
        return replace(DesignBuilder(document, Findings(), modules / "scenario.yaml").design(), file=str(run))
    except ScenarioError as error:
        raise ScenarioError(
            f"{run}: the design cannot be rebuilt from what the run recorded:\n{error}\n"
            "If a module of your own is missing, give the scenario in the same folder: --scenario FILE"
        ) from error
