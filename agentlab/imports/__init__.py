"""Other people's texts as runs."""

from agentlab.imports.columns import Columns
from agentlab.imports.table import Imported, table

__all__ = ["Columns", "Imported", "table"]
