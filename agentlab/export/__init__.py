"""A run in formats that other tools read, and sheets that people fill."""

from agentlab.export.labels import Drawn, sheet
from agentlab.export.parquet import Written, parquet

__all__ = ["Drawn", "Written", "parquet", "sheet"]
