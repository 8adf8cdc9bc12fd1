"""The tables at the end of a run, as rich prints them."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.analysis.contrasts.notes import scope
from agentlab.analysis.summary import ConditionSummary, Summary
from agentlab.models import money
from agentlab.text import pluralize
from agentlab_cli.contrasts import say_contrasts
from agentlab_cli.layout import number, table

LONGEST = 20
"""Characters of a measure's name that are never folded."""


def ending(console: Console, summary: Summary, folder: Path) -> None:
    """Measures by condition, contrasts, what may be concluded, what went missing, and what to type next."""
    if not summary.arms:
        console.print("No rollout is finished yet.")
        return

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    console.print(_arms(summary))
    if summary.arms[0].measures:
        console.print(_measures(summary))
    if summary.contrasts:
        say_contrasts(summary.table, say, folder)
        for line in scope(summary.contrasts):
            say(line)
    for measure, why in summary.suppressed.items():
        say(f"{measure}: suppressed: {why}.")
    for note in summary.notes:
        say(f"  {note}")
    for judge, outcomes in summary.outcomes.items():
        say(f"Judge {judge}: {_counted(outcomes)} verdicts.{_anchors(summary, judge)}")
    for judge, (outputs, groups) in summary.groups.items():
        size = f"{pluralize(outputs, 'output')} in {pluralize(groups, 'group')} of the same answer"
        say(f"Judge {judge}: {size}.{_anchors(summary, judge)}")
    say(f"\nNext: agentlab show {folder}\n      agentlab show {folder} --rollout {summary.example}")
    say(f"      agentlab stats {folder}\n      agentlab report {folder}")
    say(f'      python -c "import agentlab; print(agentlab.load({str(folder)!r}).measures)"')


def _anchors(summary: Summary, judge: str) -> str:
    line = summary.anchors.get(judge)
    return f" Its {line}." if line else ""


def _arms(summary: Summary) -> Table:
    made = table(f"{summary.name}: rollouts")
    made.add_column("condition", overflow="fold")
    made.add_column("rollouts", overflow="fold")
    for heading in ("cut off", "dropped", "calls", "tokens", "cost"):
        made.add_column(heading, justify="right", no_wrap=True)
    for arm in summary.arms:
        cut = f"{arm.cut:,}" + (f" ({pluralize(arm.turns_cut, 'turn')})" if arm.turns_cut else "")
        tokens = "unknown" if arm.tokens is None else f"{arm.tokens:,}"
        counts = (cut, f"{arm.dropped:,}", f"{arm.calls:,}", tokens, money(arm.cost))
        made.add_row(escape(arm.condition), _counted(arm.statuses), *counts)
    return made


def _measures(summary: Summary) -> Table:
    """A row for each measure and arm: what the missing values could make of the mean, and what was not read."""
    made = table(f"{summary.name}: mean of task means")
    made.collapse_padding = True  # else seven columns do not fit 80 characters
    longest = max(map(len, summary.arms[0].measures), default=0)
    made.add_column("measure", overflow="fold", min_width=min(longest, LONGEST))
    made.add_column("condition", overflow="fold")
    for heading in ("mean", "n", "bounds", "delivered"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("no score", overflow="fold", min_width=len("9 truncated"))
    for name in summary.arms[0].measures:
        for arm in summary.arms:
            first = arm is summary.arms[0]
            cells = _measured(arm, name, name in summary.suppressed)
            made.add_row(escape(name) if first else "", escape(arm.condition), *cells)
    return made


def _measured(arm: ConditionSummary, name: str, suppressed: bool) -> tuple[str, ...]:
    found = arm.measures[name]
    others = set(arm.statuses) != {"delivered"}
    numbers = (
        number(found.observed),
        f"{found.n:,}",
        f"{found.low:.2f}..{found.high:.2f}" if found.missing else "",
        number(arm.delivered[name]) if others else "",
    )
    return (
        *(("suppressed", f"{found.n:,}", "", "") if suppressed else numbers),
        "\n".join(f"{count:,} {outcome}" for outcome, count in arm.unread[name].items()),
    )


def _counted(counts: Mapping[str, int]) -> str:
    """`15 delivered, 3 declined`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
