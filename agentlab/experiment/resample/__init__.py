"""Forks: stored rollouts drawn anew from a cut on, what they will take, and which rollouts and cuts are legal."""

from agentlab.experiment.resample.draw import ForkPlan, draw, keys, plan

__all__ = ["ForkPlan", "draw", "keys", "plan"]
