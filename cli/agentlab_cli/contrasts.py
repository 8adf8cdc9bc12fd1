"""The table of contrasts as lines: a block for each pair of arms, with a row for each measure."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from agentlab.analysis.contrasts.table import UNITS
from agentlab.text import line, pluralize
from agentlab_cli.layout import number

MOST, BESIDE, PAIRS = 30, 9, 12
"""Exploratory rows that are printed, alone and after primary ones; pairs of which is said in what they differ."""
Row = Mapping[Hashable, Any]
"""One contrast and measure, by the columns of `tabulate`; None where there is nothing."""
Pair = tuple[str, frozenset[str], str]
_LEGEND = (
    "  judge: its noise, as a share of a score's variance over draws; not sep.: one judge draw, or draws that repeat",
    "  r: correlation of the two arms over draws; AUC: good against bad anchor texts, as the judge scores them",
)
_COLUMNS = ("measure", "difference", "these tasks", "new tasks", "p", "pairs")
WIDEST = 16
"""Characters of a measure, so that a line has 80."""


def say_contrasts(table: pd.DataFrame, say: Callable[[str], None], folder: Path) -> None:
    """Primary contrasts, then the first exploratory ones, with what their columns mean."""
    every = table.astype("object").where(table.notna(), None).to_dict("records")
    primary = [row for row in every if row["role"] == "primary"]
    rest = [row for row in every if row["role"] != "primary"]
    known: set[Pair] = set()
    if primary:
        _part("Primary contrasts", primary, say, known)
    if rest:
        most = BESIDE if primary else MOST
        _part("Exploratory contrasts" if primary else "Contrasts", rest[:most], say, known)
        if len(rest) > most:
            say(f"  {pluralize(len(rest) - most, 'more exploratory row')}: agentlab stats {folder} --contrasts\n")
    for meaning in _LEGEND:
        say(meaning)


def _part(title: str, contrasts: Sequence[Row], say: Callable[[str], None], known: set[Pair]) -> None:
    """`known` are the pairs of which is said already in what they differ; those told here are added."""
    latest = max(row["interim_analysis"] for row in contrasts)
    anytime = any(row["anytime"] for row in contrasts)
    interim = f", interim analysis {latest}" if latest > 1 and not anytime else ""
    primary = contrasts[0]["role"] == "primary"
    planned = primary and any(row["planned"] for row in contrasts)
    intervals = "intervals of this interim analysis" if planned else "95% intervals"
    intervals = "95% intervals that hold at every look" if anytime else intervals
    paired = all(row["paired"] for row in contrasts)
    named = {"p": "Holm p" if primary else "p", "pairs": "pairs" if paired else "scored"}
    heads = [named.get(name, name) for name in _COLUMNS]
    rows = [_cells(row) for row in contrasts]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    how = "paired by task and draw" if paired else "unpaired within tasks"
    say(f"{title}: {how}, {intervals}{interim}\n")
    say(_aligned(heads, widths))
    say(" " + "─" * (sum(widths) + 2 * len(widths) - 2))
    for i, (_, block) in enumerate(groupby(zip(contrasts, rows, strict=True), key=lambda item: _block(item[0]))):
        items = list(block)
        first = items[0][0]
        for head in _heading(first, [row for row, _ in items]):
            say(head)
        for row, cells in items:
            say(_aligned(cells, widths))
            for fact in _beside(row):
                say(f"     {fact}")
        pair = (first["factor"], frozenset((first["a"], first["b"])), first["within"])
        if pair in known:
            continue
        known.add(pair)
        if first["baseline"]:
            say(f"   compute of the first for one of the second: {_compute(first)}")
        if primary or i < PAIRS:
            say(f"   {first['a']} - {first['b']} differ in: {first['confounds']}")
    say("")


def _block(row: Row) -> tuple[str, str, str]:
    return row["name"], row["factor"], row["contrast"]


def _ratio(row: Row) -> float | None:
    """By the unit that counts."""
    return row[row["unit"].replace(" ", "_")]


def _compute(row: Row) -> str:
    parts = [f"{unit.replace('_', ' ')} {number(row[unit], '.2f', 'unknown')}" for unit in UNITS]
    ratio = _ratio(row)
    if ratio is None:
        return ", ".join(parts)
    return f"{', '.join(parts)}: {'' if row['matched'] else 'not '}matched in {row['unit']} ({ratio:.2f})"


def _heading(first: Row, block: Sequence[Row]) -> Iterator[str]:
    """The arms, and what holds for all their measures."""
    name = f"{first['name']}: " if first["name"] else ""
    tasks = pluralize(max(row["tasks"] for row in block), "task")
    yield f" {name}{first['contrast']} · {tasks} · declined {first['declined_a']} and {first['declined_b']}"
    ratio, calls = _ratio(first), first["identical_calls"]
    used = "" if ratio is None else f"{first['unit']} {ratio:.2f}" + ("" if first["matched"] else ", not matched")
    facts = [*([used] if used else []), *([] if calls is None else [f"identical calls {calls:.0%}"])]
    if facts:
        yield f"   {' · '.join(facts)}"


def _cells(row: Row) -> list[str]:
    intervals = (
        _interval(row["these_tasks_low"], row["these_tasks_high"]),
        _interval(row["new_tasks_low"], row["new_tasks_high"]),
    )
    numbers = (number(row["difference"], "+.3f"), *intervals, _chance(row))
    return [
        f"  {line(row['measure'], WIDEST - 2)}",
        *(("",) * len(numbers) if row["conclusion"] == "suppressed" else numbers),
        f"{row['pairs']}" if row["paired"] else f"{row['scored_a']}, {row['scored_b']}",
    ]


def _beside(row: Row) -> Iterator[str]:
    """The conclusion and what speaks for or against it."""
    facts = {
        "judge": number(row["judge_share"], ".0%", "not sep."),
        "r": number(row["r_within"], "+.2f", ""),
        "AUC": number(row["auc"], ".2f", ""),
    }
    dropped = f"{row['dropped']} dropped" if row["dropped"] else ""
    yield " · ".join(filter(None, (row["conclusion"], dropped, *(f"{k} {v}" for k, v in facts.items() if v))))
    if row["bias"] is not None:
        yield f"a judge bias of {row['bias']:.3f} between the arms would erase this"
    if row["bounds_low"] is not None:
        count = f"{row['missing_a']} and {row['missing_b']} values missing"
        low, high = (row[f"{'bounds' if row['worst_low'] is None else 'worst'}_{end}"] for end in ("low", "high"))
        yield f"{count}: at their worst {_interval(low, high)}"
    if row["tipping"] is not None:
        yield f"turns if they lie {row['tipping']:.0%} of the range off what is there"
    if row["delivered"] is not None:
        yield f"delivered only: {row['delivered']:+.3f} {_interval(row['delivered_low'], row['delivered_high'])}"


def _chance(row: Row) -> str:
    p = row["holm"] if row["role"] == "primary" else row["p"]
    if p is None:
        return "none"
    return "<.001" if p < 0.001 else f"{p:.3f}"


def _interval(low: float | None, high: float | None) -> str:
    return "none" if low is None else f"[{low:+.3f}, {high:+.3f}]"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first to the left, numbers to the right."""
    parts = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return (" " + "  ".join(parts)).rstrip()
