"""`agentlab show`: a run, one of its rollouts, or a scenario before it is run."""

from pathlib import Path
from typing import Annotated

import typer


def show(
    what: Annotated[str, typer.Argument(help="A run folder or its name under runs/; or a scenario.")],
    rollout: Annotated[
        str | None, typer.Option(help="One rollout: a key's beginning, or task=loan,team=firm,draw=1.")
    ] = None,
    turn: Annotated[str | None, typer.Option(help="Only this turn, with all its agent saw: 2/analyst.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the rollout as a page to this file.")] = None,
    prompts: Annotated[bool, typer.Option("--prompts", help="Every prompt of every arm of a scenario.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the organizations of a scenario into this file.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="List only these: failed, stopped, limit, incomplete, vetoed, declined, cut, unscored, …"),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Most rollouts to list.")] = 50,
) -> None:
    """Show what happened in a run, or what a scenario would send."""
    from rich.console import Console

    from agentlab.report.show import shown

    text = shown(what, rollout=rollout, turn=turn, html=html, prompts=prompts, svg=svg, most=most, status=status)
    Console(highlight=False).out(text, highlight=False)
