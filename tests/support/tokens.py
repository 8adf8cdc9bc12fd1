"""The token counts of a completion that must have some."""

from agentlab.types import Completion, Usage


def used(completion: Completion) -> Usage:
    """Its usage, which is not unknown."""
    assert completion.usage is not None
    return completion.usage
