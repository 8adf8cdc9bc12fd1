"""What became of a team's tickets, by arm: how they ended, what they kept of the task, which flaws reviews caught."""

from collections.abc import Iterator

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.row import Row, ends
from agentlab.columns import CARRIES
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import arm_mean
from agentlab.text import pluralize

_LEGEND = {
    "tickets": "tickets of all rollouts of the arm",
    "moved": "tickets that moved from a silent owner to another worker",
    "reviews": "completed reviews",
    "changes": "reviews that asked for changes",
    "planted": "tickets with a planted flaw",
    "not_planted": "tickets that a flaw did not fit",
    "share": "mean of the rollouts' shares, with the same weight for each task",
    "of": "number of tickets that the share is based on",
}
_INTERVALS = (
    "The intervals treat rollouts as independent, but not the tickets of one rollout, which have the same authors. "
    "They are for these tasks and for new tasks like them."
)
PLAIN = "changes without a flaw"
_FALSE = (
    f"`{PLAIN}` is the share of reviewed tickets without a planted flaw that got a request for changes. "
    "A flaw without `caught` counts any request, so compare its share with this one."
)


def by_arm(run: Run) -> Analysis:
    """Counts by arm, then shares of tickets with their intervals. Raises AnalysisError if the run has no tickets."""
    tickets = run.tickets
    if tickets.empty:
        raise AnalysisError(f"{run.folder}: the run has no tickets; only organizations with `kind: board` have them")
    arms = [str(name) for name in run.conditions["condition"] if (tickets["condition"] == name).any()]
    counts = pd.DataFrame([_counts(arm, tickets[tickets["condition"] == arm]) for arm in arms])
    missing = dict[str, None]()
    found = [row for arm in arms for row in _shares(run, arm, tickets[tickets["condition"] == arm], missing)]
    shares = pd.DataFrame(found, columns=_SHARES)
    notes = ((_INTERVALS,) if found else ()) + ((_FALSE,) if (shares["what"] == PLAIN).any() else ()) + tuple(missing)
    rollouts = tickets["rollout"].nunique()
    says = f"{pluralize(len(tickets), 'ticket')} of {pluralize(rollouts, 'rollout')} at a board."
    tables = {"tickets": counts, "shares": shares} if found else {"tickets": counts}
    return Analysis("tickets", "Tickets by arm", says, tables, notes, shown=2, legend=_LEGEND)


_SHARES = "condition what share these_tasks_low these_tasks_high new_tasks_low new_tasks_high of rollouts".split()


def _counts(arm: str, tickets: pd.DataFrame) -> Row:
    return {
        "condition": arm,
        "rollouts": int(tickets["rollout"].nunique()),
        "tickets": len(tickets),
        "done": int((tickets["state"] == "done").sum()),
        "failed": int((tickets["state"] == "failed").sum()),
        "moved": int((tickets["moves"] > 0).sum()),
        "reviews": int(tickets["reviews"].sum()),
        "changes": int(tickets["changes"].sum()),
        "planted": int((tickets["planted"].map(len) > 0).sum()),
        "not_planted": int((tickets["not_planted"].map(len) > 0).sum()),
    }


def _shares(run: Run, arm: str, tickets: pd.DataFrame, missing: dict[str, None]) -> Iterator[Row]:
    """What tickets kept of the task; of the tickets with a flaw that were reviewed, where it was caught.

    `missing` learns why an interval is.
    """
    for name in [str(name) for name in tickets if str(name).startswith(CARRIES)]:
        asked = tickets[tickets[name].notna()]
        yield from _share(
            run, arm, f"carries {name.removeprefix(CARRIES)}", asked, asked[name].astype("float64"), missing
        )
    reviewed = tickets[tickets["reviews"] > 0]
    for plant in dict.fromkeys(plant for names in tickets["planted"] for plant in names):
        own = reviewed[[plant in names for names in reviewed["planted"]]]
        found = pd.Series([float(plant in names) for names in own["caught"]], index=own.index, dtype="float64")
        yield from _share(run, arm, f"caught {plant}", own, found, missing)
    if tickets["planted"].map(len).any():
        plain = reviewed[reviewed["planted"].map(len) == 0]
        yield from _share(run, arm, PLAIN, plain, (plain["changes"] > 0).astype("float64"), missing)


def _share(
    run: Run, arm: str, what: str, tickets: pd.DataFrame, yes: pd.Series, missing: dict[str, None]
) -> Iterator[Row]:
    """A row, or none without a ticket."""
    if tickets.empty:
        return
    keys = [tickets["rollout"].astype("str"), tickets["task"].astype("str")]
    each = yes.groupby(keys).mean()
    mean = arm_mean(each.to_numpy(), [str(task) for task in each.index.get_level_values(1)], run.clusters)
    missing.update(dict.fromkeys(f"{note[:1].upper()}{note[1:]}." for note in mean.new_tasks.notes))
    yield {
        "condition": arm,
        "what": what,
        "share": mean.these_tasks.value,
        **ends("these_tasks", mean.these_tasks),
        **ends("new_tasks", mean.new_tasks),
        "of": len(tickets),
        "rollouts": len(each),
    }
