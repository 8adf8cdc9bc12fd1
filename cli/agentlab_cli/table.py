"""The tables at the end of a run, as rich prints them."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.plan import BETWEEN, WITHIN, WORDS, Plan
from agentlab.spec import Design
from agentlab.stats.paired import Interval
from agentlab.summary import Summary, verdict


def ending(console: Console, summary: Summary, folder: Path) -> None:
    """Measures by condition, contrasts with what may be concluded, what went missing, and what to type next."""
    if not summary.arms:
        console.print("No rollout is finished yet.")
        return
    console.print(_arms(summary))
    if summary.contrasts:
        console.print(_contrasts(summary))
    for judge, outcomes in summary.outcomes.items():
        console.print(f"Judge {escape(judge)}: {_counts(outcomes)} verdicts.", soft_wrap=True)
    for judge, line in summary.anchors.items():
        console.print(f"Judge {escape(judge)}, {escape(line)}", soft_wrap=True)
    for note in summary.notes:
        console.print(escape(note), soft_wrap=True)
    console.print(
        f"\nNext: agentlab show {folder}\n"
        f"      agentlab show {folder} --rollout {summary.example}\n"
        f'      python -c "import agentlab; print(agentlab.load({str(folder)!r}).measures)"',
        soft_wrap=True,
        markup=False,
    )


def _arms(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=f"{escape(summary.name)}: mean of task means, n scored, worst-case bounds")
    names = list(summary.arms[0].measures)
    for heading in ("condition", "rollouts", *names, "calls", "tokens", "cost", "dropped"):
        table.add_column(escape(heading), overflow="fold")
    for arm in summary.arms:
        cells = [escape(arm.condition), _counts(arm.statuses)]
        for name in names:
            b, delivered = arm.measures[name], arm.delivered[name]
            text = f"{_number(b.observed)} (n {b.n})"
            if b.missing:
                text += f"\n[{b.low:.2f}, {b.high:.2f}]"
            if set(arm.statuses) != {"delivered"}:
                text += f"\ndelivered {_number(delivered)}"
            cells.append(escape(text))
        cost = "unknown" if arm.cost is None else f"{arm.cost:.2f} USD"
        table.add_row(*cells, str(arm.calls), str(arm.tokens), cost, str(arm.dropped))
    return table


def _contrasts(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="Paired differences by task and draw, 95% intervals")
    for heading in ("contrast", "measure", "difference", "these tasks", "tasks like these", "pairs", "same calls"):
        table.add_column(heading, overflow="fold")
    table.add_column("what may be said", overflow="fold")
    for c in summary.contrasts:
        r = c.result
        named = f"{c.a} - {c.b}" + (f" ({c.within})" if c.within else "")
        shown = "" if c.suppressed else _number(r.difference, "+.3f")
        these, like = ("", "") if c.suppressed else (_interval(r.these_tasks), _interval(r.tasks_like_these))
        pairs = f"{r.pairs} in {r.tasks} tasks" + (f", {r.dropped} dropped" if r.dropped else "")
        cells = (named, c.measure, shown, these, like, pairs, f"{c.identical:.0%}", verdict(c))
        table.add_row(*map(escape, cells))
    return table


def _interval(interval: Interval | None) -> str:
    return "none" if interval is None else f"[{interval.low:+.3f}, {interval.high:+.3f}]"


def _number(value: float | None, form: str = ".3f") -> str:
    return "none" if value is None else format(value, form)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def planned(console: Console, design: Design, plan: Plan) -> None:
    """The estimate of `agentlab plan`."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{escape(design.name)}: an estimate")
    for heading in ("", "calls", "input tokens", "output tokens", "cost"):
        table.add_column(heading, overflow="fold", justify="left" if not heading else "right")
    rows = [*plan.agents.items(), *((f"judge {name}", use) for name, use in plan.judges.items()), ("all", plan.total)]
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
