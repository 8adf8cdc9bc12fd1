"""The tables at the end of a run, as rich prints them."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.plan import BETWEEN, WITHIN, WORDS, Plan
from agentlab.spec import Design
from agentlab.stats.paired import Interval
from agentlab.summary import Arm, Contrast, Summary, verdict

MOST = 30
"""Contrasts printed; all of them are in `agentlab.summarize`."""


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
        say("What may be concluded:")
    for contrast in shown:
        say(f"  {contrast.measure}, {_named(contrast)}: {verdict(contrast)}")
    if len(summary.contrasts) > MOST:
        say(f"  {len(summary.contrasts) - MOST} more contrasts: agentlab.summarize(run).contrasts")
    for note in summary.notes:
        say(f"  {note}")
    for judge, outcomes in summary.outcomes.items():
        line = summary.anchors.get(judge)
        say(f"Judge {judge}: {_counts(outcomes)} verdicts." + (f" Its {line}." if line else ""))
    say(f"\nNext: agentlab show {folder}\n      agentlab show {folder} --rollout {summary.example}")
    say(f'      python -c "import agentlab; print(agentlab.load({str(folder)!r}).measures)"')


def _arms(summary: Summary) -> Table:
    table = _table(f"{summary.name}: mean of task means (n scored)")
    names = list(summary.arms[0].measures)
    table.add_column("condition")
    table.add_column("rollouts")
    for heading in (*names, "calls", "tokens", "cost", "dropped"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    for arm in summary.arms:
        cells = [escape(_measured(arm, name)) for name in names]
        cost = "unknown" if arm.cost is None else f"{arm.cost:.2f} USD"
        rest = (f"{arm.calls:,}", f"{arm.tokens:,}", cost, f"{arm.dropped:,}")
        table.add_row(escape(arm.condition), _counts(arm.statuses), *cells, *rest)
    return table


def _measured(arm: Arm, name: str) -> str:
    """The mean and its n; what the missing values could make of it; the mean over delivered rollouts if others are."""
    found, lines = arm.measures[name], list[str]()
    lines.append(f"{_number(found.observed)} ({found.n})")
    if found.missing:
        lines.append(f"bounds {found.low:.2f} to {found.high:.2f}")
    if set(arm.statuses) != {"delivered"}:
        lines.append(f"delivered {_number(arm.delivered[name])}")
    return "\n".join(lines)


def _contrasts(contrasts: Sequence[Contrast]) -> Table:
    table = _table("Paired by task and draw, 95% intervals")
    for heading in ("measure", "contrast"):
        table.add_column(heading)
    for heading in ("difference", "these tasks", "tasks like these", "pairs", "same calls"):
        table.add_column(heading, justify="right", no_wrap=True)
    for c in contrasts:
        r = c.result
        shown = "withheld" if c.suppressed else _number(r.difference, "+.3f")
        these, like = ("", "") if c.suppressed else (_interval(r.these_tasks), _interval(r.tasks_like_these))
        pairs = f"{r.pairs}" + (f" ({r.dropped} dropped)" if r.dropped else "")
        table.add_row(*map(escape, (c.measure, _named(c), shown, these, like, pairs, f"{c.identical:.0%}")))
    return table


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left", title_style="bold", pad_edge=False)


def _named(contrast: Contrast) -> str:
    return f"{contrast.a} - {contrast.b}" + (f" ({contrast.within})" if contrast.within else "")


def _interval(interval: Interval | None) -> str:
    return "none" if interval is None else f"[{interval.low:+.3f}, {interval.high:+.3f}]"


def _number(value: float | None, form: str = ".3f") -> str:
    return "none" if value is None else format(value, form)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def planned(console: Console, design: Design, plan: Plan) -> None:
    """The estimate of `agentlab plan`."""
    table = _table(f"{design.name}: an estimate")
    for heading in ("", "calls", "input tokens", "output tokens", "cost"):
        table.add_column(heading, overflow="fold", justify="left" if not heading else "right")
    judges = [(f"judge {name}", use) for name, use in plan.judges.items() if use.calls]
    rows = [*plan.agents.items(), *judges, ("all", plan.total)]
    for name, use in rows:
        cost = "unknown" if use.cost is None else f"{use.cost:.2f} USD"
        table.add_row(escape(name), f"{use.calls:,}", f"{use.usage.input:,}", f"{use.usage.output:,}", cost)
    console.print(f"{plan.rollouts} rollouts: {len(plan.agents)} conditions x {plan.tasks} tasks x {plan.draws} draws")
    console.print(table)
    console.print(
        f"Each cell was played once with a simulated model that writes {WORDS} words, or what max_tokens allows.",
        soft_wrap=True,
    )
    for name, effect in plan.effects.items():
        these, like, limit = (_number(x) for x in (effect.these_tasks, effect.tasks_like_these, effect.limit))
        console.print(
            f"{escape(name)}: smallest difference found with 80% power, for these tasks {these}, for tasks like these "
            f"{like} (with endless draws {limit})",
            soft_wrap=True,
        )
    if plan.effects:
        console.print(
            f"Assumed, as shares of a measure's range: SD {WITHIN} over draws, {BETWEEN} between tasks. Under 6 tasks "
            "nothing can be said about tasks like these.",
            soft_wrap=True,
        )
