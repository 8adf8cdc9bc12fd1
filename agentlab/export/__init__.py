"""A run in formats that other tools read."""

from agentlab.export.parquet import Written, parquet

__all__ = ["Written", "parquet"]
