"""A program over texts: its fields, its checks, its values, and the pure machine that runs it between two questions."""
