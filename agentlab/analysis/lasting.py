"""Whether a run's failures would only repeat if the run was continued."""

from agentlab.errors import is_passing
from agentlab.runs.frames import Run
from agentlab.text import line

LONGEST = 300
"""Characters of a reason that are shown."""


def lasting(run: Run) -> str:
    """The first reason for which rollouts or verdicts failed, if none of them goes away by itself; else empty."""
    lost = run.rollouts.loc[run.rollouts["status"] == "infrastructure", "error"]
    failed = [frame.loc[frame["outcome"] == "error", "reason"] for frame in (run.scores, run.anchors)]
    reasons = [str(reason) for part in (lost, *failed) for reason in part.dropna()]
    if not reasons or any(map(is_passing, reasons)):
        return ""
    return line(reasons[0], LONGEST)
