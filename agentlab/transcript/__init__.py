"""What happened in a rollout, from the run folder alone."""

from agentlab.transcript.transcript import Transcript, transcript

__all__ = ["Transcript", "transcript"]
