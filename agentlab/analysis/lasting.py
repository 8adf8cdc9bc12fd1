"""Whether what failed in a run can go well when it is only tried again."""

from agentlab.errors import is_passing
from agentlab.runs.frames import Run
from agentlab.text import line

LONGEST = 300
"""Characters of a reason that are told."""


def lasting(run: Run) -> str:
    """The first reason for which rollouts or verdicts failed, where every one of them stays until somebody mends it."""
    lost = run.rollouts.loc[run.rollouts["status"] == "infrastructure", "error"]
    errors = run.scores.loc[run.scores["outcome"] == "error", "reason"]
    reasons = [str(reason) for reason in (*lost.dropna(), *errors.dropna())]
    if not reasons or any(map(is_passing, reasons)):
        return ""
    return line(reasons[0], LONGEST)
