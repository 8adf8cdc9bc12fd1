"""Simulated agents of the cascades that ship, and what their programs call."""
