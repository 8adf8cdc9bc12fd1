"""What the replicates of a self-training loop can say, in the words of every command."""

TOGETHER = "Replicates of an arm are taken together, with their weights as given"
ENOUGH = 5
"""Replicates from which an interval over them says something."""


def few_replicates(number: int) -> str:
    """What so few replicates say of the training; empty for a loop that runs once, or often enough."""
    if not 1 < number < ENOUGH:
        return ""
    freedom = f"{number - 1} degree{'s' if number > 2 else ''} of freedom"
    few = f"{number} replicates: intervals over loops have {freedom} for each arm, so they are wide"
    return f"{few}; {ENOUGH} or more say more"
