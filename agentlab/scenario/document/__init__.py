"""YAML with places: every value remembers the file, line and column that supplied it. Knows nothing of scenarios."""

from agentlab.scenario.document.patch import clashes, patch
from agentlab.scenario.document.paths import confined
from agentlab.scenario.document.read import load, read, read_text
from agentlab.scenario.document.scalar import scalar
from agentlab.scenario.document.text import MAX_BYTES, position
from agentlab.scenario.document.tree import Keys, Tree, dotted, every_path

__all__ = [
    "MAX_BYTES",
    "Keys",
    "Tree",
    "clashes",
    "confined",
    "dotted",
    "every_path",
    "load",
    "patch",
    "position",
    "read",
    "read_text",
    "scalar",
]
