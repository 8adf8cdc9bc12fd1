"""Variance components of nested scores."""
