"""Contrasts as lines: a block for each pair of arms, with a row for each measure."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from agentlab.analysis.contrasts.contrast import Contrast, compute, verdict
from agentlab.experiment.confounds import phrase
from agentlab.stats.contrasts.paired import Interval
from agentlab.text import pluralize
from agentlab_cli.layout import number

MOST, BESIDE, PAIRS = 30, 9, 12
"""Exploratory rows that are printed, alone and after primary ones; pairs of which is said in what they differ."""
Pair = tuple[str, frozenset[str], str]
_LEGEND = (
    "  judge: its noise, as a share of a score's variance over draws; not sep.: one judge draw, or draws that repeat",
    "  r: correlation of the two arms over draws; AUC: good against bad anchor texts, as the judge scores them",
)
_COLUMNS = (
    "measure",
    "difference",
    "these tasks",
    "new tasks",
    "p",
    "pairs",
    "judge",
    "r",
    "AUC",
    "conclusion",
)


def told(contrasts: Sequence[Contrast], say: Callable[[str], None], folder: Path) -> None:
    """Primary contrasts, then the first exploratory ones, with what their columns mean."""
    primary = [c for c in contrasts if c.primary]
    rest = [c for c in contrasts if not c.primary]
    known: set[Pair] = set()
    if primary:
        _part("Primary contrasts", primary, say, known)
    if rest:
        most = BESIDE if primary else MOST
        _part("Exploratory contrasts" if primary else "Contrasts", rest[:most], say, known)
        if len(rest) > most:
            say(f"  {pluralize(len(rest) - most, 'more exploratory row')}: agentlab stats {folder} --contrasts\n")
    if contrasts:
        for line in _LEGEND:
            say(line)


def _part(title: str, contrasts: Sequence[Contrast], say: Callable[[str], None], known: set[Pair]) -> None:
    """`known` are the pairs of which is said already in what they differ; those told here are added."""
    looks = {c.look.number for c in contrasts} - {1}
    look = f", look {max(looks)}" if looks else ""
    intervals = "intervals of this look" if any(c.primary and c.look.planned for c in contrasts) else "95% intervals"
    heads = ["Holm p" if name == "p" and contrasts[0].primary else name for name in _COLUMNS]
    rows = [_row(c) for c in contrasts]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    say(f"{title}: paired by task and draw, {intervals}{look}\n")
    say(_aligned(heads, widths))
    say(" " + "─" * (sum(widths) + 3 * len(widths) - 2))
    for i, (_, block) in enumerate(groupby(zip(contrasts, rows, strict=True), key=lambda item: _pair(item[0]))):
        items = list(block)
        first = items[0][0]
        say(" " + _heading(first, [c for c, _ in items]))
        for _, row in items:
            say(_aligned(row, widths))
        pair = (first.factor, frozenset((first.a, first.b)), first.within)
        if pair in known:
            continue
        known.add(pair)
        if first.baseline:
            say(f"     compute of the first for one of the second: {compute(first)}")
        if first.primary or i < PAIRS:
            say(f"     {first.a} - {first.b} differ in: {phrase(first.differs)}")
    say("")


def _pair(contrast: Contrast) -> tuple[str, str, str, str, str]:
    return contrast.name, contrast.factor, contrast.a, contrast.b, contrast.within


def _heading(c: Contrast, block: Sequence[Contrast]) -> str:
    """The arms, and what holds for all their measures."""
    name = f"{c.name}: " if c.name else ""
    named = f"{name}{c.a} - {c.b}" + (f" ({c.within})" if c.within else "")
    used = f"{c.unit} {number(c.ratios[c.unit], '.2f')}" + (", not matched" if c.unmatched else "")
    facts = (
        pluralize(max(one.result.tasks for one in block), "task"),
        f"declined {c.declined[0]} and {c.declined[1]}",
        used,
        f"same calls {c.identical:.0%}",
    )
    return " · ".join((named, *facts))


def _row(c: Contrast) -> list[str]:
    r = c.result
    found = (number(r.difference, "+.3f"), _interval(r.these_tasks), _interval(r.new_tasks), _chance(c))
    return [
        f"  {c.measure}",
        *(("",) * 4 if c.suppressed else found),
        f"{r.pairs}" + (f" ({r.dropped} dropped)" if r.dropped else ""),
        "not sep." if c.judge_share is None else f"{c.judge_share:.0%}",
        "" if r.correlation_within is None else f"{r.correlation_within:+.2f}",
        "" if c.auc is None else f"{c.auc:.2f}",
        verdict(c),
    ]


def _chance(c: Contrast) -> str:
    p = c.holm if c.primary else c.p
    if p is None:
        return "none"
    return "<.001" if p < 0.001 else f"{p:.3f}"


def _interval(interval: Interval | None) -> str:
    return "none" if interval is None else f"[{interval.low:+.3f}, {interval.high:+.3f}]"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first and the last to the left, numbers to the right."""
    last = len(cells) - 1
    parts = [
        cell.ljust(w) if i in (0, last) else cell.rjust(w)
        for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
    ]
    return (" " + "   ".join(parts)).rstrip()
