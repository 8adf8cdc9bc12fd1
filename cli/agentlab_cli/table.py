"""The tables at the end of a run, as rich prints them."""

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


def ending(console: Console, summary: Summary, folder: Path) -> None:
    """Measures by condition, contrasts, what may be concluded, what went missing, and what to type next."""
    if not summary.arms:
        console.print("No rollout is finished yet.")
        return

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    console.print(_arms(summary))
    if summary.contrasts:
        say_contrasts(summary.table, say, folder)
        for line in scope(summary.contrasts):
            say(line)
    for measure, why in summary.suppressed.items():
        say(f"{measure}: suppressed: {why}.")
    for note in summary.notes:
        say(f"  {note}")
    for judge, outcomes in summary.outcomes.items():
        say(f"Judge {judge}: {_counts(outcomes)} verdicts.{_anchors(summary, judge)}")
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
    made = table(f"{summary.name}: mean of task means (n scored)")
    names = list(summary.arms[0].measures)
    made.add_column("condition")
    made.add_column("rollouts")
    for heading in (*names, "calls", "tokens", "cost", "dropped"):
        made.add_column(escape(heading), justify="right", no_wrap=True)
    for arm in summary.arms:
        cells = [
            _suppressed(arm, name) if name in summary.suppressed else escape(_measured(arm, name)) for name in names
        ]
        cost = money(arm.cost)
        tokens = "unknown" if arm.tokens is None else f"{arm.tokens:,}"
        rest = (f"{arm.calls:,}", tokens, cost, f"{arm.dropped:,}")
        made.add_row(escape(arm.condition), _counts(arm.statuses), *cells, *rest)
    return made


def _suppressed(arm: ConditionSummary, name: str) -> str:
    return f"suppressed ({arm.measures[name].n})"


def _measured(arm: ConditionSummary, name: str) -> str:
    """The mean and its n; what the missing values could make of it; the mean over delivered rollouts if others are."""
    found, lines = arm.measures[name], list[str]()
    lines.append(f"{number(found.observed)} ({found.n})")
    if found.missing:
        lines.append(f"bounds {found.low:.2f} to {found.high:.2f}")
    if set(arm.statuses) != {"delivered"}:
        lines.append(f"delivered {number(arm.delivered[name])}")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
