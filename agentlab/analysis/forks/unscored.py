"""Changed forks that have no score, and why."""

from collections.abc import Collection, Iterator

from agentlab.runs.frames import Run
from agentlab.text import pluralize


def unscored(run: Run, among: Collection[str] | None = None) -> Iterator[str]:
    """A sentence on each change of which no fork has a score; `among` are the keys of the forks that are meant."""
    forks, names = run.forks, [measure.name for measure in run.measured]
    forks = forks[(forks["change"] != "") & (forks["rollout"].isin(among) if among is not None else True)]
    for change, part in forks.groupby("change", sort=False):
        if part[names].notna().any(axis=None):
            continue
        statuses = " and ".join(sorted(set(part["status"].astype("str"))))
        silent = ", because no agent acts after the cut" if not part["calls"].any() else ""
        yield f"{change}: none of {pluralize(len(part), 'fork')} has a score: they ended {statuses}{silent}."
