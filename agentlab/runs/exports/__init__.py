"""A run in formats that other tools read, and sheets that people fill."""

from agentlab.runs.exports.attacks import attacks
from agentlab.runs.exports.labels import LabelSheet, sheet
from agentlab.runs.exports.parquet import WrittenFile, parquet
from agentlab.runs.exports.rows import training_rows
from agentlab.runs.exports.workspace import workspace

__all__ = ["LabelSheet", "WrittenFile", "attacks", "parquet", "sheet", "training_rows", "workspace"]
