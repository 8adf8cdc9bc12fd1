"""Agents, the tags they write, and the protocols that say where a reply goes."""
