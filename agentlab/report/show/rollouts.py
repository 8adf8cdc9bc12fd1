"""The rollouts of a run as a table, with how many there are of each status."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pandas as pd

from agentlab.analysis.measure_summary import measure_summaries
from agentlab.errors import ScenarioError
from agentlab.report.show.grid import grid
from agentlab.runs.frames import Run
from agentlab.runs.transcript.find import address, places
from agentlab.store import read
from agentlab.suggestion import suggest
from agentlab.text import line, pluralize

SHORT = 8
"""Fewest characters of a key."""
_UNFINISHED = ("unfinished", "cancelled", "infrastructure")
STATUSES = {
    **{
        name: name
        for name in ("delivered", "incomplete", "declined", "vetoed", "rejected", "pruned", "limit", "unfinished")
    },
    "failed": "infrastructure",
    "stopped": "cancelled",
}
"""What `--status` says of a rollout, and how the run calls it."""


def rollouts(run: Run, most: int, what: str | None = None, width: int | None = None) -> str:
    """At most so many rollouts, those that are not finished first, and how to look at one.

    `what` keeps those of one status, or what else can be asked for; `width` is how many characters fit into a line.
    Raises ScenarioError where `what` is none of these.
    """
    with closing(read(run.folder)) as connection:
        where = places(connection)
    total = len(where)
    status = dict(zip(run.rollouts["rollout"], run.rollouts["status"], strict=True))
    if what is not None:
        chosen = _asked(run, what, {key: status.get(key, "unfinished") for key in where})
        where = {key: place for key, place in where.items() if key in chosen}
    keys = sorted(where, key=lambda key: status.get(key, "unfinished") not in _UNFINISHED)
    counts = Counter(status.get(key, "unfinished") for key in where)
    waiting = sum(counts[name] for name in _UNFINISHED)
    size = (
        pluralize(len(where), "rollout") if what is None else f"{what}: {len(where):,} of {pluralize(total, 'rollout')}"
    )
    left = f", {len(where) - waiting:,} finished, {waiting:,} not" if waiting else ""
    head = f"{line(run.meta.get('name', ''))}: {size}{left}"
    if what is not None and not where:
        return f"{line(run.meta.get('name', ''))}: {size}"
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    parts = [f"{head} ({listed})" if listed else head]
    if options := run.meta.get("options"):
        parts[0] += f"\nwith {', '.join(map(line, options))}"
    if keys:
        parts.append(_table(run, {key: where[key] for key in keys[:most]}, status, _short(list(where)), width))
        if len(keys) > most:
            parts.append(f"… and {len(keys) - most:,} more; --most {len(keys)} lists all")
        example = keys[-1 if what is None else 0]  # of a whole list, the last is finished
        parts.append(_legend([measure.name for measure in run.measured]))
        parts.append(f"One of them: agentlab show {run.folder} --rollout {address(where[example], example)}")
    if len(run.forks) and what is None:
        parts.append(_forks(run))
    return "\n\n".join(parts)


def _asked(run: Run, what: str, status: Mapping[str, str]) -> set[str]:
    """The keys of the rollouts that are asked for."""
    frame = run.rollouts.set_index("rollout")
    if what in STATUSES:
        return {key for key, value in status.items() if value == STATUSES[what]}
    if what == "cut":
        return set(frame.index[frame["output_cut"] | (frame["turns_cut"] > 0)])
    if what == "lost-messages":
        return set(frame.index[(frame[["bounced", "unparsed", "truncated"]] > 0).any(axis=1)])
    if what == "unscored":
        names = [measure.name for measure in run.measured]
        return set(run.measures.loc[run.measures[names].isna().any(axis=1), "rollout"])
    if what == "wrong":
        return _wrong(run)
    known = [*STATUSES, "wrong", "unscored", "cut", "lost-messages"]
    raise ScenarioError(f"--status {what!r}: {suggest(what, known)}")


def _wrong(run: Run) -> set[str]:
    """Rollouts with a wrong answer by any measure that counts right ones."""
    right = {name: summary.right for name, summary in measure_summaries(run).items() if summary.right is not None}
    if not right:
        raise ScenarioError("--status wrong: no measure of this run counts right answers; name another status")
    chosen = set[str]()
    for name, value in right.items():
        scores = run.measures[name]
        chosen |= set(run.measures.loc[scores.notna() & (scores != value), "rollout"])
    return chosen


def _forks(run: Run) -> str:
    first, parents = run.forks["rollout"].iloc[0], run.forks["parent"].nunique()
    return (
        f"{pluralize(len(run.forks), 'fork')} of {pluralize(parents, 'rollout')}: "
        f"agentlab.load({str(run.folder)!r}).forks\n"
        f"One of them: agentlab show {run.folder} --rollout {first[:12]}"
    )


def _table(
    run: Run, chosen: Mapping[str, Mapping[str, object]], status: Mapping[str, str], short: int, width: int | None
) -> str:
    names = [measure.name for measure in run.measured]
    values = _by_key(run.measures, names)
    tokens = _by_key(run.rollouts, ["input_tokens", "output_tokens"])
    head = ["key", "task", *run.factors, "draw", "status", *names, "tokens in", "out"]
    rows: list[list[object]] = []
    for key, place in chosen.items():
        cells = (place["task"], *(place.get(factor, "") for factor in run.factors), place["draw"])
        scores = ["" if pd.isna(score) else f"{score:.3g}" for score in values.get(key, (pd.NA,) * len(names))]
        used = ["?" if pd.isna(count) else count for count in tokens.get(key, ("", ""))]
        rows.append([key[:short], *cells, status.get(key, "unfinished"), *scores, *used])
    return grid(head, rows, ("draw", *names, "tokens in", "out"), width)


def _legend(measures: list[str]) -> str:
    """What the columns mean."""
    named = f"{', '.join(measures)}: {'measure' if len(measures) == 1 else 'measures'}"
    scored = f"{named}, empty if there is no score. " if measures else ""
    return f"{scored}tokens in, out: tokens of the agents' prompts and replies, ? if a provider sent no count."


def _by_key(frame: pd.DataFrame, names: list[str]) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in frame[["rollout", *names]].itertuples(index=False, name=None)}


def _short(keys: list[str]) -> int:
    """How many leading characters distinguish all keys."""
    length = SHORT
    while length < 32 and len({key[:length] for key in keys}) < len(keys):
        length += 1
    return length
