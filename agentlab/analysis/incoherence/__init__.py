"""Bias and variance of a run."""
