"""Other people's texts as runs, and their labels of a run's texts."""

from agentlab.imports.columns import Columns
from agentlab.imports.labels import Labelled, labels
from agentlab.imports.sheet import Given
from agentlab.imports.table import Imported, table

__all__ = ["Columns", "Given", "Imported", "Labelled", "labels", "table"]
