"""`agentlab show`: a run, one of its rollouts, or a scenario before it is run."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import Shown, Values
from agentlab_cli.printed import AsJson, Quiet, print_json


def show(
    what: Shown,
    rollout: Annotated[
        str | None,
        typer.Option(
            metavar="ROLLOUT", help="Show one rollout: the beginning of a key, or task=loan,team=firm,draw=1."
        ),
    ] = None,
    turn: Annotated[
        str | None,
        typer.Option(metavar="ROUND/AGENT", help="Show only this turn, with everything its agent saw: 2/analyst."),
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="Show the rollout's plan, its tickets by round, and changes of its files.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rollout as an HTML page to this file.")
    ] = None,
    prompts: Annotated[bool, typer.Option("--prompts", help="Show every prompt of every arm of a scenario.")] = False,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the organizations of a scenario into this file.")
    ] = None,
    values: Values = None,
    most: Annotated[int, typer.Option(metavar="N", min=1, help="List at most this many rollouts.")] = 50,
    json: AsJson = False,
    quiet: Quiet = False,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="List only these: wrong, failed, stopped, limit, incomplete, declined, cut, unscored, …",
        ),
    ] = None,
) -> None:
    """Show what happened in a run, or what a scenario would send."""
    if json:
        _as_json(
            what,
            rollout,
            values,
            {"--turn": turn, "--files": files, "--html": html, "--prompts": prompts, "--svg": svg},
        )
        return

    from agentlab.report.show import shown
    from agentlab_cli.layout import console_for, folded, line_width

    console = console_for()
    text = shown(
        what,
        rollout=rollout,
        turn=turn,
        html=html,
        prompts=prompts,
        svg=svg,
        most=most,
        values=values or (),
        status=status,
        files=files,
        width=line_width(console),
    )
    if not quiet:
        console.out(folded(console, text), highlight=False)


def _as_json(what: str, rollout: str | None, values: list[str] | None, others: dict[str, object]) -> None:
    from agentlab.errors import ScenarioError
    from agentlab.report.show.data import data

    if wrong := [name for name, value in others.items() if value]:
        raise ScenarioError(f"--json and {', '.join(wrong)} cannot be combined; leave one out")
    print_json(data(what, rollout, values or ()))
