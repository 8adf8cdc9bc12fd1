"""How many tasks a conclusion about new tasks takes. By itself, since a check of a scenario needs no more of it."""

FEWEST_TASKS = 6
"""Under so many tasks nothing is said about new tasks."""
