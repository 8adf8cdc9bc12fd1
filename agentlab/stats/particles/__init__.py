"""Weighed particles: sums of log-weights, resampling, rare events."""
