"""A run as pandas frames, read straight from its file."""

from agentlab.runs.frames.run import Run, load
from agentlab.runs.frames.several import Runs

__all__ = ["Run", "Runs", "load"]
