"""How a document's fields are read: an unknown one is a mistake, and what was read is never changed."""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True, defer_build=True)
"""For a pydantic model. Its validator is built when it first reads: a command reads a few of all that could stand."""
