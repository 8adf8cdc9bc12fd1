"""Other people's texts as runs, and their labels of a run's texts."""

from agentlab.runs.imports.columns import Columns
from agentlab.runs.imports.labels import LabelImport, labels
from agentlab.runs.imports.sheet import ColumnDefaults
from agentlab.runs.imports.table import Imported, table

__all__ = ["ColumnDefaults", "Columns", "Imported", "LabelImport", "labels", "table"]
