"""Other people's texts as runs, and their labels of a run's texts."""

from agentlab.runs.imports.columns import Columns
from agentlab.runs.imports.labels import Labelled, labels
from agentlab.runs.imports.sheet import Given
from agentlab.runs.imports.table import Imported, table

__all__ = ["Columns", "Given", "Imported", "Labelled", "labels", "table"]
