"""A run as pandas frames, read straight from its file."""

from agentlab.runs.frames.run import Run, load

__all__ = ["Run", "load"]
