"""The loop: what is kept of a generation, the rows made of it, and the training of the next one."""
