"""Forks as rich prints them: what they will take, and what they came to."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from agentlab.analysis.forks.spread import ForkOutcome, ForkSpread
from agentlab.experiment.resample import ForkPlan
from agentlab.experiment.resample.cost import Quote
from agentlab.text import pluralize
from agentlab_cli.layout import number, table

MOST = 60
"""Rows printed."""


def quoted(console: Console, plan: ForkPlan) -> None:
    """What is to be drawn, and its price."""
    quote = plan.quote
    names = list(dict.fromkeys(str(fork_point.cut) for fork_point in plan.fork_points))
    cuts = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    first, *others = plan.parents
    parents = f"{len(plan.parents)} rollouts" if others else first.place
    most = "at most " if quote.at_most else ""
    there = f"; {quote.there:,} already exist" if quote.there else ""
    console.print(
        f"{most}{pluralize(quote.forks, 'fork')} to draw of {escape(parents)}, cut at {escape(cuts)}{there}",
        soft_wrap=True,
    )
    for note in plan.notes:
        console.print(note, soft_wrap=True, markup=False)
    if quote.forks:
        _price(console, quote)


def _price(console: Console, quote: Quote) -> None:
    shown = table("At most" if quote.at_most else "An estimate")
    for heading in ("", "calls", "input tokens", "output tokens", "cost"):
        shown.add_column(heading, justify="left" if not heading else "right")
    for name, cost in (("agents", quote.agents), ("judges", quote.judges), ("all", quote.total)):
        usage = cost.usage
        shown.add_row(name, f"{cost.calls:,}", f"{usage.input:,}", f"{usage.output:,}", cost.money)
    console.print(shown)
    if uncounted := quote.total.uncounted:
        console.print(f"{pluralize(uncounted, 'call')} had no token counts and are not included.", soft_wrap=True)
    console.print("Estimated from what the rollouts themselves used after the cut, at today's prices.", soft_wrap=True)


def came_to(console: Console, plan: ForkPlan, spreads: Sequence[ForkSpread]) -> None:
    """Forks by cut, and what to type next."""
    if not spreads:
        console.print("No fork is finished yet.")
        return
    names = list(spreads[0].measures)
    shown = table("Forks: mean, SD among forks of one rollout (n scored)")
    for heading in ("cut", "change", "rollouts", "forks", *names):
        shown.add_column(escape(heading), justify="left" if heading in ("cut", "change") else "right")
    for one in spreads[:MOST]:
        change = " ".join(part for part in (one.change, "drawn again" if one.fresh else "") if part)
        cells = [_told(one.measures[name]) for name in names]
        shown.add_row(*map(escape, (one.at, change, f"{one.parents}", f"{one.forks}", *cells)))
    console.print(shown)
    if len(spreads) > MOST:
        console.print(
            f"and {len(spreads) - MOST} more cuts; see agentlab.load({str(plan.folder)!r}).forks", markup=False
        )
    first, *others = plan.parents
    path = f"path {first.rollout_spec.key[:8]}" if not others else "attribution"
    analysis = "interventions" if plan.request.changes else path
    following = f"agentlab stats {plan.folder} {analysis}"
    if first.rollout_spec.branches:  # these analyses are of rollouts that are no forks
        following = f"agentlab.load({str(plan.folder)!r}).forks"
    console.print(f"Next: {following}", soft_wrap=True, markup=False)


def _told(outcome: ForkOutcome) -> str:
    return f"{number(outcome.mean)}, {number(outcome.sd)} ({outcome.n})"
