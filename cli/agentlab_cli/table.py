"""The tables at the end of a run, as rich prints them."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.contrast import Contrast, compute, scope, verdict
from agentlab.differs import phrase
from agentlab.stats.paired import Interval
from agentlab.summary import Arm, Summary
from agentlab_cli.layout import number, table

MOST, PAIRS = 64, 12
"""Contrasts printed, and pairs of arms of which is printed in what they differ; `agentlab.summarize` has all."""


def ending(console: Console, summary: Summary, folder: Path) -> None:
    """Measures by condition, contrasts, what may be concluded, what went missing, and what to type next."""
    if not summary.arms:
        console.print("No rollout is finished yet.")
        return

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    console.print(_arms(summary))
    shown = summary.contrasts[:MOST]
    if shown:
        console.print(_contrasts(shown))
        say(scope(summary.contrasts))
    if len(summary.contrasts) > MOST:
        say(f"{len(summary.contrasts) - MOST} more contrasts: agentlab.summarize(run).contrasts")
    pairs = {_named(contrast): contrast for contrast in shown}
    for names, contrast in list(pairs.items())[:PAIRS]:
        say(f"  {names} differ in: {phrase(contrast.differs)}")
        if contrast.baseline:
            say(f"    compute of the first for one of the second: {compute(contrast)}")
    if len(pairs) > PAIRS:
        say(f"  and {len(pairs) - PAIRS} more pairs: agentlab show SCENARIO says in what any two arms differ")
    for note in summary.notes:
        say(f"  {note}")
    for judge, outcomes in summary.outcomes.items():
        line = summary.anchors.get(judge)
        say(f"Judge {judge}: {_counts(outcomes)} verdicts." + (f" Its {line}." if line else ""))
    say(f"\nNext: agentlab show {folder}\n      agentlab show {folder} --rollout {summary.example}")
    say(f'      python -c "import agentlab; print(agentlab.load({str(folder)!r}).measures)"')


def _arms(summary: Summary) -> Table:
    made = table(f"{summary.name}: mean of task means (n scored)")
    names = list(summary.arms[0].measures)
    made.add_column("condition")
    made.add_column("rollouts")
    for heading in (*names, "calls", "tokens", "cost", "dropped"):
        made.add_column(escape(heading), justify="right", no_wrap=True)
    for arm in summary.arms:
        cells = [escape(_measured(arm, name)) for name in names]
        cost = "unknown" if arm.cost is None else f"{arm.cost:.2f} USD"
        rest = (f"{arm.calls:,}", f"{arm.tokens:,}", cost, f"{arm.dropped:,}")
        made.add_row(escape(arm.condition), _counts(arm.statuses), *cells, *rest)
    return made


def _measured(arm: Arm, name: str) -> str:
    """The mean and its n; what the missing values could make of it; the mean over delivered rollouts if others are."""
    found, lines = arm.measures[name], list[str]()
    lines.append(f"{number(found.observed)} ({found.n})")
    if found.missing:
        lines.append(f"bounds {found.low:.2f} to {found.high:.2f}")
    if set(arm.statuses) != {"delivered"}:
        lines.append(f"delivered {number(arm.delivered[name])}")
    return "\n".join(lines)


def _contrasts(contrasts: Sequence[Contrast]) -> Table:
    made = table("Paired by task and draw, 95% intervals")
    for heading in ("measure", "contrast"):
        made.add_column(heading, overflow="fold")
    for heading in ("difference", "these tasks", "tasks like these", "pairs", "same calls"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("may be said", no_wrap=True)
    for c in contrasts:
        r = c.result
        shown = "" if c.suppressed else number(r.difference, "+.3f")
        these, like = ("", "") if c.suppressed else (_interval(r.these_tasks), _interval(r.tasks_like_these))
        pairs = f"{r.pairs}" + (f" ({r.dropped} dropped)" if r.dropped else "")
        made.add_row(*map(escape, (c.measure, _named(c), shown, these, like, pairs, f"{c.identical:.0%}", verdict(c))))
    return made


def _named(contrast: Contrast) -> str:
    return f"{contrast.a} - {contrast.b}" + (f" ({contrast.within})" if contrast.within else "")


def _interval(interval: Interval | None) -> str:
    return "none" if interval is None else f"[{interval.low:+.3f}, {interval.high:+.3f}]"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
