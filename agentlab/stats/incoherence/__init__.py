"""Error as bias and variance over the draws of a task, and what is read beside it."""
