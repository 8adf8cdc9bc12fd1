"""The estimate of `agentlab plan`, as rich prints it; without pandas, so that a plan answers at once."""

from rich.console import Console
from rich.markup import escape

from agentlab.plan import BETWEEN, WITHIN, WORDS, Plan
from agentlab.spec import Design
from agentlab_cli.layout import number, table


def planned(console: Console, design: Design, plan: Plan) -> None:
    """The estimate of `agentlab plan`."""
    shown = table(f"{design.name}: an estimate")
    for heading in ("", "calls", "input tokens", "output tokens", "cost"):
        shown.add_column(heading, overflow="fold", justify="left" if not heading else "right")
    judges = [(f"judge {name}", use) for name, use in plan.judges.items() if use.calls]
    rows = [*plan.agents.items(), *judges, ("all", plan.total)]
    for name, use in rows:
        cost = "unknown" if use.cost is None else f"{use.cost:.2f} USD"
        shown.add_row(escape(name), f"{use.calls:,}", f"{use.usage.input:,}", f"{use.usage.output:,}", cost)
    console.print(f"{plan.rollouts} rollouts: {len(plan.agents)} conditions x {plan.tasks} tasks x {plan.draws} draws")
    console.print(shown)
    console.print(
        f"Each condition was played once, on the task of median length, by a simulated model that writes {WORDS} words "
        "a turn, or what max_tokens allows, and mails up to two contacts.",
        soft_wrap=True,
    )
    for name, effect in plan.effects.items():
        these, like, limit = (number(x) for x in (effect.these_tasks, effect.tasks_like_these, effect.limit))
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
