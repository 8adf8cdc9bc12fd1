"""Forks, with their progress, after their price was printed and accepted."""

import sys
from typing import Any

import typer
from rich.console import Console

from agentlab.analysis.forks.spread import spread
from agentlab.analysis.forks.survival import Survival, survivals
from agentlab.analysis.forks.unscored import unscored
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample import ForkPlan, draw, keys
from agentlab.experiment.resample.bisect import Bisected, bisect
from agentlab.experiment.sandboxed import unsafe_local
from agentlab.runs.frames import Run, load
from agentlab_cli.forks import came_to, quoted
from agentlab_cli.layout import console_for
from agentlab_cli.printed import print_json
from agentlab_cli.work import work


def resampled(
    plan: ForkPlan,
    concurrency: int,
    only_price: bool,
    asked: bool,
    quiet: bool = False,
    as_json: bool = False,
    unsafe: bool = False,
) -> int:
    """Prints the price, asks on a terminal where it is not zero, draws; returns the exit code."""
    asks = asked and not only_price and plan.quote.total.cost != 0 and sys.stdin.isatty()
    quoted(console_for((quiet or as_json) and not asks), plan)
    if only_price:
        if as_json:
            print_json(as_object(plan))
        return 0
    if asks and not typer.confirm("Draw them?"):
        print("Nothing was drawn.", file=sys.stderr)
        return 0
    decided: list[Bisected | None] = []

    async def job(progress: Progress) -> None:
        with unsafe_local(unsafe):
            if plan.request.bisect:
                decided.extend(await _bisected(plan, progress, concurrency))
            else:
                await draw(plan, progress, concurrency)

    def end(console: Console) -> None:
        drawn_from = load(plan.folder)
        if as_json:
            bisections = [bisection for bisection in decided if bisection is not None]
            survivals = _survivals(drawn_from, plan)
            results = {"cuts": spread(drawn_from, keys(plan)), "decided": bisections, "survivals": survivals}
            print_json(as_object(plan) | results)
            return
        came_to(console, plan, spread(drawn_from, keys(plan)))
        for sentence in unscored(drawn_from, keys(plan)):
            console.print(sentence, soft_wrap=True, markup=False)
        for measure, why in suppressed_measures(drawn_from).items():
            console.print(f"{measure}: its means are suppressed: {why}.", soft_wrap=True, markup=False)
        for survival in _survivals(drawn_from, plan):
            console.print(survival.says, soft_wrap=True, markup=False)
        for bisection in decided:
            console.print(_sentence(bisection), soft_wrap=True, markup=False)

    return work(plan.folder, job, end, quiet=quiet)


async def _bisected(plan: ForkPlan, progress: Progress, concurrency: int) -> list[Bisected | None]:
    """The step that a bisection found, or None where all means are equal; empty where it was stopped before."""
    step = await bisect(plan, progress, concurrency)
    return [] if progress.stopping or progress.limited else [step]


def _survivals(run: Run, plan: ForkPlan) -> list[Survival]:
    """What the property of a turn that was drawn anew changes."""
    redrawn = [point for point in plan.fork_points if point.change is not None and point.change.redraw is not None]
    results = list[Survival]()
    for point in redrawn:
        if point.change is not None and not point.parent.rollout_spec.branches:
            results += survivals(run, point.parent.rollout_spec.key, point.cut, point.change)
    return results


def as_object(plan: ForkPlan) -> dict[str, Any]:
    """What was to be drawn, for programs; costs are in US dollars, None where a price is unknown."""
    quote = plan.quote
    sizes = {"forks": quote.forks, "already_there": quote.there, "at_most": quote.at_most}
    costs = {"agents_cost": quote.agents.cost, "judges_cost": quote.judges.cost, "cost": quote.total.cost}
    return {"folder": plan.folder, "rollouts": len(plan.parents), **sizes, **costs, "notes": plan.notes}


def _sentence(decided: Bisected | None) -> str:
    if decided is None:
        return "No step was found: the mean of the measure is the same at each cut with forks, and at the end."
    after = "its end" if decided.end is None else f"cut {decided.end}"
    return (
        f"{decided.measure} moved most from cut {decided.start} to {after}: {decided.before:.3f} to "
        f"{decided.after:.3f}. This step was selected for its size, so the size is biased upward; the fresh forks "
        f"drawn there are not affected."
    )
