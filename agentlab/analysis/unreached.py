"""Why a run reached no model: the errors of its calls, where not one was answered."""

from collections import Counter

from agentlab.runs.frames import Run
from agentlab.text import line, pluralize

MOST, LONGEST = 5, 300
"""Errors that are shown, and characters of each."""


def unreached(run: Run) -> list[str]:
    """A line for each error, the most frequent first; empty when a call was answered, or none was made."""
    calls = run.calls[["model", "error"]]
    if calls.empty or calls["error"].isna().any():
        return []
    counts = Counter(zip(calls["model"].astype("str"), calls["error"].astype("str"), strict=True))
    errors = [f"{model}: {line(error, LONGEST)} ({pluralize(n, 'call')})" for (model, error), n in counts.most_common()]
    more = [f"and {pluralize(len(errors) - MOST, 'other error')}"] if len(errors) > MOST else []
    return [*errors[:MOST], *more]
