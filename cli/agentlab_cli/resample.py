"""`agentlab resample`: stored rollouts drawn anew from a cut on."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import RunName, UnsafeLocal
from agentlab_cli.printed import AsJson, Quiet


def resample(
    run: RunName,
    rollout: Annotated[
        str | None,
        typer.Option(metavar="ROLLOUT", help="One rollout: the beginning of a key, or task=loan,team=firm,draw=1."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="CUT", help="Where to cut: 3 (after round 3), 3/analyst (that turn), closing/analyst."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", metavar="N", help="Forks per cut. Default: 8, or 4 with --every-round.")
    ] = None,
    every_round: Annotated[bool, typer.Option("--every-round", help="Cut at the end of every round.")] = False,
    by_agent: Annotated[bool, typer.Option("--by-agent", help="Also re-run every subset of a round's agents.")] = False,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Find the round that decided the outcome of one rollout.")
    ] = False,
    measure: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measure for --bisect. Default: the first.")
    ] = None,
    swap: Annotated[
        str | None, typer.Option(metavar="AGENT=MODEL", help="Give an agent another model: analyst=provider/name.")
    ] = None,
    drop: Annotated[
        int | None, typer.Option(metavar="N", help="Drop a message, by its number in `agentlab show`.")
    ] = None,
    edit: Annotated[
        int | None, typer.Option(metavar="N", help="Replace a message with --text, by its number in `agentlab show`.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The new text for --edit; @FILE reads it from a file.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="JUDGE",
            help="Redraw the turn of --at until its messages have a property (JUDGE) or lack it (JUDGE=no).",
        ),
    ] = None,
    tries: Annotated[int, typer.Option(metavar="N", help="Maximum number of draws of a turn, for --until.")] = 20,
    resilient: Annotated[
        bool, typer.Option("--resilient", help="With --until: also redraw each later turn under this condition.")
    ] = False,
    tasks: Annotated[str | None, typer.Option(metavar="A,B", help="Only rollouts of these tasks.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="FACTOR=LEVEL", help="Only these levels: team=firm or team=firm,solo. May be repeated."),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only rollouts of the first draws, up to this one.")
    ] = None,
    parents: Annotated[int, typer.Option(metavar="N", help="Fork at most this many rollouts.")] = 30,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The scenario, if modules of your own are in its folder.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the estimated cost and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Spend money without asking.")] = False,
    unsafe_local: UnsafeLocal = False,
    concurrency: Annotated[
        int, typer.Option(min=1, max=2000, metavar="N", help="Run at most this many forks at once, up to 2000.")
    ] = 256,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Re-run stored rollouts from a chosen point. The price is shown first; everything before the cut is free."""
    from agentlab.experiment import resample as made
    from agentlab.experiment.resample.request import ForkRequest
    from agentlab.store import find
    from agentlab_cli import fork_options, options, resampled

    folder = find(run)
    request = ForkRequest(
        rollout=fork_options.key_of(folder, rollout),
        selection=options.selection(tasks, only, draws),
        parents=parents,
        at=at,
        every_round=every_round,
        by_agent=by_agent,
        bisect=bisect,
        measure=measure,
        n=n,
        swap=fork_options.swap(swap),
        drop=drop,
        edit=fork_options.edit(edit, text),
        until=fork_options.until(until, tries, resilient),
    )
    raise typer.Exit(
        resampled.resampled(
            made.plan(folder, request, scenario),
            concurrency,
            plan,
            asked=not yes,
            quiet=quiet,
            as_json=json,
            unsafe=unsafe_local,
        )
    )
