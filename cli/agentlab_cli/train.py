"""`agentlab train`: plays a scenario's self-training loop into a run folder, generation by generation."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import JudgeModel, ModelName, Scenario, Values
from agentlab_cli.printed import AsJson, Quiet


def train(
    scenario: Scenario,
    out: Annotated[str | None, typer.Option(metavar="FOLDER", help="Use this run folder. Default: runs/NAME.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Start a fresh folder beside an existing one.")] = False,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    values: Values = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Continue even if agentlab or a module of your own has changed.")
    ] = False,
    base_url: Annotated[
        list[str] | None,
        typer.Option("--base-url", metavar="ALIAS=URL", help="The new address of a model's server. May be repeated."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Play at most this many rollouts at once.")] = 256,
    preregistered: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Run only if the scenario matches this preregistration (agentlab plan --preregister)."
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario's self-training loop, or continue it: sample, judge, keep, train, repeat."""
    import sys

    from agentlab import scenario as spec
    from agentlab.experiment.addresses import moved
    from agentlab.experiment.decisions import read
    from agentlab_cli import options, trained

    design = spec.load(scenario, model, judge_model, values or ())
    if design.options and not quiet:
        print(f"With {', '.join(design.options)}", file=sys.stderr)
    folder = options.folder_for(design.name, out, new)
    registration = None if preregistered is None else read(preregistered)
    where = moved(base_url or ())
    raise typer.Exit(trained.train(design, folder, concurrency, registration, accept_changes, where, quiet, as_json))
