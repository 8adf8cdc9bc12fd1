"""The tickets of teams, by arm: how they ended, what they kept of the task, which flaws reviews caught."""

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
    "planted": "tickets with the flaw",
    "not_planted": "tickets that the flaw did not fit: for example, `find` matched nothing",
    "share": "mean of the rollouts' shares, with the same weight for each task",
    "of": "number of tickets that the share is based on",
}
_INTERVALS = (
    "The intervals treat rollouts as independent, but not the tickets of one rollout, which have the same authors. "
    "They are for these tasks and for new tasks like them."
)
_CARRIES, _PLANTED = "carries ", ("planted", "not_planted")
_CARRIED = (
    "`carries NAME` is how many tickets still mention the constraint NAME of the task. One ticket may be enough to "
    "keep a constraint, so a small share does not yet say that it was lost."
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
    share_rows = [row for arm in arms for row in _shares(run, arm, tickets[tickets["condition"] == arm], missing)]
    flaws = [row for arm in arms for row in _flaws(arm, tickets[tickets["condition"] == arm])]
    shares = pd.DataFrame(share_rows, columns=_SHARES)
    carried, plain = shares["what"].str.startswith(_CARRIES).any(), (shares["what"] == PLAIN).any()
    note_applies = {_CARRIED: carried, _INTERVALS: bool(share_rows), _FALSE: plain}
    notes = (*(note for note, applies in note_applies.items() if applies), *missing)
    rollouts = tickets["rollout"].nunique()
    says = f"{pluralize(len(tickets), 'ticket')} of {pluralize(rollouts, 'rollout')} at a board."
    tables = {"tickets": counts, "flaws": pd.DataFrame(flaws), "shares": shares}
    kept = {name: table for name, table in tables.items() if len(table)}
    return Analysis("tickets", "Tickets by arm", says, kept, notes, shown=3, legend=_LEGEND)


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
    }


def _flaws(arm: str, tickets: pd.DataFrame) -> Iterator[Row]:
    """A row for each planted flaw."""
    for name in dict.fromkeys(name for column in _PLANTED for names in tickets[column] for name in names):
        counts = {column: sum(name in names for names in tickets[column]) for column in _PLANTED}
        yield {"condition": arm, "flaw": name, **counts}


def _shares(run: Run, arm: str, tickets: pd.DataFrame, missing: dict[str, None]) -> Iterator[Row]:
    """What tickets kept of the task; of the tickets with a flaw that were reviewed, where it was caught.

    `missing` collects the reasons for which an interval is missing.
    """
    for name in [str(name) for name in tickets if str(name).startswith(CARRIES)]:
        asked = tickets[tickets[name].notna()]
        yield from _share(
            run, arm, f"{_CARRIES}{name.removeprefix(CARRIES)}", asked, asked[name].astype("float64"), missing
        )
    reviewed = tickets[tickets["reviews"] > 0]
    for plant in dict.fromkeys(plant for names in tickets["planted"] for plant in names):
        flawed = reviewed[[plant in names for names in reviewed["planted"]]]
        caught = pd.Series([float(plant in names) for names in flawed["caught"]], index=flawed.index, dtype="float64")
        yield from _share(run, arm, f"caught {plant}", flawed, caught, missing)
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
    by_rollout = yes.groupby(keys).mean()
    mean = arm_mean(by_rollout.to_numpy(), [str(task) for task in by_rollout.index.get_level_values(1)], run.clusters)
    missing.update(dict.fromkeys(f"{note[:1].upper()}{note[1:]}." for note in mean.new_tasks.notes))
    yield {
        "condition": arm,
        "what": what,
        "share": mean.these_tasks.value,
        **ends("these_tasks", mean.these_tasks),
        **ends("new_tasks", mean.new_tasks),
        "of": len(tickets),
        "rollouts": len(by_rollout),
    }
