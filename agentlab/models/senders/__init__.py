"""Processes that send requests, so that one core is not the limit of how many calls a run makes a second."""
