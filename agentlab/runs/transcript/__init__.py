"""What happened in a rollout, from the run folder alone."""

from agentlab.runs.transcript.transcript import Decide, Transcript, transcript

__all__ = ["Decide", "Transcript", "transcript"]
