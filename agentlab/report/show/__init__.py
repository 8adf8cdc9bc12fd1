"""What a person looks at in a terminal: a run, a rollout, a scenario and its prompts."""

from agentlab.report.show.shown import shown

__all__ = ["shown"]
