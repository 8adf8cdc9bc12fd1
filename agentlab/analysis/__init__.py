"""Analyses: from a run's frames to what its tables say, by the statistics that know nothing of runs."""
