"""`agentlab new`, `check` and `plan`: a scenario before anything is spent."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import Draws, JudgeModel, ModelName, Only, Scenario, Tasks, Values
from agentlab_cli.printed import AsJson, Quiet, print_json


def new(
    name: Annotated[str, typer.Argument(help="The scenario's name. NAME.yaml is written into this folder.")],
    quiet: Quiet = False,
) -> None:
    """Write a commented scenario that is ready to run."""
    from agentlab.scenario.library import write_new

    path = write_new(name)
    if not quiet:
        print(f"Wrote {path}.\nNext: agentlab check {path}\n      agentlab run {path}")


def check(
    scenario: Scenario,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    values: Values = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check a scenario: print every mistake with its line, or what it would run."""
    from agentlab.scenario.loading import load as load_scenario
    from agentlab_cli.checked import checked, print_checked

    summary = checked(load_scenario(scenario, model, judge_model, values or ()))
    if json:
        print_json(summary)
    elif not quiet:
        print_checked(summary)


def plan(
    scenario: Scenario,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    values: Values = None,
    tasks: Tasks = None,
    only: Only = None,
    draws: Draws = None,
    effect: Annotated[
        float | None,
        typer.Option(
            metavar="SIZE",
            help="Print the power to detect this difference, in the measure's units, and the number of tasks needed.",
        ),
    ] = None,
    pilot: Annotated[
        str | None, typer.Option(metavar="RUN", help="Use the costs and SDs measured in this run.")
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(metavar="SD", help="Assume this SD over draws, as a share of the range. Default: 0.25."),
    ] = None,
    between: Annotated[
        float | None,
        typer.Option(
            metavar="SD", help="Assume this SD of the difference between tasks, as a share of the range. Default: 0.1."
        ),
    ] = None,
    training: Annotated[
        float | None,
        typer.Option(
            metavar="SD",
            help="Assume this SD of an arm's mean between trainings of a self-training loop, as a share of the range. "
            "Default: 0.05.",
        ),
    ] = None,
    preregister: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a preregistration of the scenario to this new file."),
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print calls, tokens, price and the smallest detectable effect, before any money is spent."""
    import asyncio

    from agentlab.experiment.cost import plan as estimate
    from agentlab.experiment.pilot_cost import by_pilot
    from agentlab.experiment.power import prospects, sample
    from agentlab.experiment.specs import check as check_selection
    from agentlab.scenario.loading import load as load_scenario
    from agentlab.store import find
    from agentlab_cli.layout import console_for
    from agentlab_cli.options import selection
    from agentlab_cli.planned import as_object, foreseen, noises, planned, preregistered

    design, chosen = load_scenario(scenario, model, judge_model, values or ()), selection(tasks, only, draws)
    check_selection(design, chosen)
    console = console_for(quiet=json or quiet)
    if preregister is not None:
        preregistered(console, design, chosen, preregister)
    assumptions, remarks = noises(design, pilot, (within, between, training))
    made = asyncio.run(estimate(design, chosen))
    piloted = None if pilot is None else by_pilot(made, find(pilot), design)
    made = made if piloted is None else piloted.plan
    size = sample(design, chosen)
    forecasts = [] if size is None else prospects(design, size, assumptions, effect)
    planned(console, design, made, piloted)
    foreseen(console, design, forecasts, effect, remarks)
    if json:
        print_json(as_object(design, made, forecasts))
