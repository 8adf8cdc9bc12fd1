"""The rollouts of a run as a table, with how many there are of each status."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pandas as pd

from agentlab.report.show.grid import grid
from agentlab.runs.frames import Run
from agentlab.runs.transcript.find import places, said
from agentlab.store import read
from agentlab.text import line, pluralize

SHORT = 8
"""Fewest characters of a key."""
_UNFINISHED = ("unfinished", "cancelled", "infrastructure")


def rollouts(run: Run, most: int) -> str:
    """At most so many rollouts, those that are not finished first, and how to look at one."""
    with closing(read(run.folder)) as connection:
        where = places(connection)
    status = dict(zip(run.rollouts["rollout"], run.rollouts["status"], strict=True))
    keys = sorted(where, key=lambda key: status.get(key, "unfinished") not in _UNFINISHED)
    counts = Counter(status.get(key, "unfinished") for key in where)
    waiting = sum(counts[name] for name in _UNFINISHED)
    size = pluralize(len(where), "rollout")
    head = f"{line(run.meta.get('name', ''))}: {size}, {len(where) - waiting} finished, {waiting} not"
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    parts = [f"{head} ({told})" if told else head]
    if options := run.meta.get("options"):
        parts[0] += f"\nwith {', '.join(map(line, options))}"
    if keys:
        parts.append(_table(run, {key: where[key] for key in keys[:most]}, status, _short(list(where))))
        if len(keys) > most:
            parts.append(f"… and {len(keys) - most:,} more; --most {len(keys)} lists all")
        parts.append(_legend([measure.name for measure in run.measured]))
        parts.append(f"One of them: agentlab show {run.folder} --rollout {said(where[keys[-1]])}")
    if len(run.forks):
        parts.append(_forks(run))
    return "\n\n".join(parts)


def _forks(run: Run) -> str:
    first, parents = run.forks["rollout"].iloc[0], run.forks["parent"].nunique()
    return (
        f"{pluralize(len(run.forks), 'fork')} of {pluralize(parents, 'rollout')}: "
        f"agentlab.load({str(run.folder)!r}).forks\n"
        f"One of them: agentlab show {run.folder} --rollout {first[:12]}"
    )


def _table(run: Run, chosen: Mapping[str, Mapping[str, object]], status: Mapping[str, str], short: int) -> str:
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
    return grid(head, rows, ("draw", *names, "tokens in", "out"))


def _legend(measures: list[str]) -> str:
    """What the columns mean."""
    named = f"{', '.join(measures)}: {'measure' if len(measures) == 1 else 'measures'}"
    scored = f"{named}, empty where there is no score. " if measures else ""
    return f"{scored}tokens in, out: of the agents' prompts and replies, ? where a provider sent no count."


def _by_key(frame: pd.DataFrame, names: list[str]) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in frame[["rollout", *names]].itertuples(index=False, name=None)}


def _short(keys: list[str]) -> int:
    """Characters that tell all keys apart."""
    length = SHORT
    while length < 32 and len({key[:length] for key in keys}) < len(keys):
        length += 1
    return length
