"""Inference over rollouts: populations of particles, which are forks, moved step by step."""
