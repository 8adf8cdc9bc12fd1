"""Prints forks with rich: what they will cost, and their results."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from agentlab.analysis.forks.spread import ForkOutcome, ForkSpread
from agentlab.experiment.resample import ForkPlan
from agentlab.experiment.resample.cost import Quote
from agentlab.text import pluralize
from agentlab_cli.layout import number, show_costs, show_rows

MOST = 60
"""Rows printed."""


def quoted(console: Console, plan: ForkPlan) -> None:
    """Prints what is to be drawn, and its price."""
    quote = plan.quote
    names = list(dict.fromkeys(str(fork_point.cut) for fork_point in plan.fork_points))
    cuts = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    first, *others = plan.parents
    parents = f"{len(plan.parents)} rollouts" if others else first.place
    most = "At most " if quote.at_most else ""
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
    show_costs(
        console,
        "Price, at most" if quote.at_most else "Price, an estimate",
        (("agents", quote.agents), ("judges", quote.judges), ("total", quote.total)),
    )
    if uncounted := quote.total.uncounted:
        console.print(f"{pluralize(uncounted, 'call')} had no token counts and are not included.", soft_wrap=True)
    console.print("Estimated from what the rollouts themselves used after the cut, at today's prices.", soft_wrap=True)


def came_to(console: Console, plan: ForkPlan, spreads: Sequence[ForkSpread]) -> None:
    """Prints forks by cut, and the command to type next."""
    if not spreads:
        console.print("No fork is finished yet.")
        return
    names = list(spreads[0].measures)
    rows: list[tuple[str, ...]] = []
    for spread in spreads[:MOST]:
        change = " ".join(part for part in (spread.change, "drawn again" if spread.fresh else "") if part)
        cells = [_cell(spread.measures[name]) for name in names]
        rows.append((spread.at, change, f"{spread.parents}", f"{spread.forks}", *cells))
    words = ("cut", "change")
    title = "Forks: mean, SD among forks of one rollout (n scored)"
    show_rows(console, title, (*words, "rollouts", "forks", *names), rows, words)
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


def _cell(outcome: ForkOutcome) -> str:
    return f"{number(outcome.mean)}, {number(outcome.sd)} ({outcome.n})"
