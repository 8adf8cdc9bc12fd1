"""`agentlab run`: plays a scenario into a run folder, with live progress and the ending table."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    out: Annotated[str | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Start a fresh folder beside an existing one.")] = False,
    model: Annotated[str | None, typer.Option(help="Replaces models.default: provider/name.")] = None,
    judge_model: Annotated[str | None, typer.Option(help="Replaces models.judge.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Only these tasks: A,B.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these levels: team=firm or team=firm,solo.")] = None,
    draws: Annotated[int | None, typer.Option(min=1, help="This many draws instead of the scenario's.")] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Go on although agentlab or a module of your own has changed.")
    ] = False,
    base_url: Annotated[
        list[str] | None,
        typer.Option("--base-url", metavar="ALIAS=URL", help="The model's server has moved there. May be repeated."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Most rollouts at once.")] = 256,
    preregistered: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run only what this file says: agentlab plan --preregister.")
    ] = None,
) -> None:
    """Run a scenario, or go on with its run. Ctrl-C and SIGTERM stop cleanly; the same command continues."""
    import sys

    from agentlab import scenario as spec
    from agentlab.experiment.addresses import moved
    from agentlab.experiment.decisions import read
    from agentlab.scenario.plugins import modules
    from agentlab_cli import options, work

    design = spec.load(scenario, model, judge_model)
    if own := modules():
        print(f"Code of your own: {', '.join(own)}", file=sys.stderr)
    folder = options.folder_for(design.name, out, new)
    selection = options.selection(tasks, only, draws)
    registration = None if preregistered is None else read(preregistered)
    where = moved(base_url or ())
    raise typer.Exit(work.run(design, folder, selection, concurrency, registration, accept_changes, where))
