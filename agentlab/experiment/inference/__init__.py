"""Inference: populations of weighed particles, each a fork of a rollout, that are played on, copied and chosen from."""
