"""Judges of a run under suspicion."""
