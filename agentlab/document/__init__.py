"""YAML with places: every value remembers the file, line and column that supplied it. Knows nothing of scenarios."""

from agentlab.document.patch import clashes, patch
from agentlab.document.read import load, read
from agentlab.document.scalar import scalar
from agentlab.document.text import MAX_BYTES, position
from agentlab.document.tree import Keys, Tree, dotted, suggest

__all__ = ["MAX_BYTES", "Keys", "Tree", "clashes", "dotted", "load", "patch", "position", "read", "scalar", "suggest"]
