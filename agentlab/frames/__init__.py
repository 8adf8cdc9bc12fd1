"""A run as pandas frames, read straight from its file."""

from agentlab.frames.run import Run, load

__all__ = ["Run", "load"]
