"""The plan that a team makes before it has tickets."""

from collections.abc import Sequence

from agentlab.organization.board.rules import Rules
from agentlab.text import middle
from agentlab.types import Message

LONGEST, ALL = 6_000, 24_000
"""Characters shown of a plan, and of all of them."""


def plans(log: Sequence[Message]) -> dict[str, str]:
    """The last plan of each author."""
    return {message.sender: message.content for message in log if message.kind == "plan"}


def shown(log: Sequence[Message]) -> str:
    """Every plan, as all agents see it in every round."""
    texts = plans(log)
    room = min(LONGEST, ALL // max(1, len(texts)))
    return "\n".join(f"--- plan of {author}\n{middle(text, room)}" for author, text in texts.items()) or "none yet"


def asked(rules: Rules, round: int) -> str:
    """What the authors are told before `round`, a round of the plan."""
    first = "Write a plan" if round == 1 else "Write your plan again, as it is now"
    return (
        f"{first}. Everybody sees all plans. "
        f"This is round {round} of {rules.plan_rounds} of the plan; tickets come after."
    )


STANDS = "The plan stands. Now put up the tickets."
"""What those who put up tickets are told after the last round of the plan."""
