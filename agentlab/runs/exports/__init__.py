"""A run in formats that other tools read, and sheets that people fill."""

from agentlab.runs.exports.labels import Drawn, sheet
from agentlab.runs.exports.parquet import Written, parquet

__all__ = ["Drawn", "Written", "parquet", "sheet"]
