"""What of a run is still to be played or judged."""

from agentlab.runs.frames import Run
from agentlab.store import UNFINISHED

STOPPED = "cancelled"
"""The status of rollouts that were stopped while they were played; the same command plays them again."""


def planned(run: Run) -> int | None:
    """Rollouts that each condition is to have: tasks times draws; None for imported texts."""
    return None if "imported" in run.meta else len(run.meta.get("tasks", ())) * int(run.meta.get("draws", 0))


def unplayed(run: Run) -> int:
    """Rollouts of the design that are not there yet; those that were stopped or failed are there."""
    return max(0, len(run.conditions) * (planned(run) or 0) - len(run.rollouts))


def unjudged(run: Run) -> int:
    """Finished rollouts on which the judge of some measure has not been asked yet."""
    due = set(run.rollouts.loc[~run.rollouts["status"].isin(UNFINISHED), "rollout"])
    judges = {measure.judge for measure in run.measured}
    verdicts = run.scores.loc[run.scores["judge"].isin(judges), ["judge", "rollout"]].drop_duplicates()
    asked = verdicts.groupby("rollout").size() if judges else None
    return 0 if asked is None else len(due - set(asked.index[asked == len(judges)]))
