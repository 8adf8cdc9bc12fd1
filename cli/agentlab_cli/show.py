"""`agentlab show`: a run, one of its rollouts, or a scenario before it is run."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import Shown, Values


def show(
    what: Shown,
    rollout: Annotated[
        str | None, typer.Option(help="Show one rollout: a key's beginning, or task=loan,team=firm,draw=1.")
    ] = None,
    turn: Annotated[str | None, typer.Option(help="Show only this turn, with all its agent saw: 2/analyst.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the rollout as a page to this file.")] = None,
    prompts: Annotated[bool, typer.Option("--prompts", help="Show every prompt of every arm of a scenario.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the organizations of a scenario into this file.")] = None,
    values: Values = None,
    most: Annotated[int, typer.Option(min=1, help="List at most this many rollouts.")] = 50,
) -> None:
    """Show what happened in a run, or what a scenario would send."""
    from rich.console import Console

    from agentlab.report.show import shown

    text = shown(what, rollout=rollout, turn=turn, html=html, prompts=prompts, svg=svg, most=most, values=values or ())
    Console(highlight=False).out(text, highlight=False)
