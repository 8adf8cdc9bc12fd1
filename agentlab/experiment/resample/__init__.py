"""Forks: stored rollouts drawn anew from a cut on, what they will take, and which rollouts and cuts are legal."""

from agentlab.experiment.resample.draw import Plan, draw, keys, plan

__all__ = ["Plan", "draw", "keys", "plan"]
