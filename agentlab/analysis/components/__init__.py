"""Variance components of a run, judge noise among them."""
