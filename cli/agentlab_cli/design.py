"""`agentlab new`, `check` and `plan`: a scenario before anything is spent."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab.text import pluralize

Scenario = Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")]
ModelName = Annotated[str | None, typer.Option("--model", help="Replaces models.default: provider/name.")]
JudgeModel = Annotated[str | None, typer.Option("--judge-model", help="Replaces models.judge.")]


def new(
    name: Annotated[str, typer.Argument(help="Name of the scenario; NAME.yaml is written here.")],
) -> None:
    """Write a commented scenario that runs as it is."""
    from agentlab.errors import ScenarioError
    from agentlab.scenario.library import template

    path = Path(f"{name}.yaml")
    if path.exists():
        raise ScenarioError(f"{path} is there already; choose another name")
    path.write_text(template(path.stem))
    print(f"Wrote {path}.\nNext: agentlab check {path}\n      agentlab run {path}")


def check(scenario: Scenario, model: ModelName = None, judge_model: JudgeModel = None) -> None:
    """Check a scenario: every mistake with its line, or what it will run."""
    from agentlab import scenario as spec
    from agentlab.scenario.remarks import remarks

    design = spec.load(scenario, model, judge_model)
    rollouts = len(design.conditions) * len(design.tasks) * design.draws
    conditions = ", ".join(condition.name for condition in design.conditions)
    print(f"{design.file}: no mistakes")
    print(f"{pluralize(len(design.tasks), 'task')}: {', '.join(design.tasks)}")
    print(f"{pluralize(len(design.conditions), 'condition')}: {conditions}")
    size = f"{pluralize(design.draws, 'draw')}, {pluralize(rollouts, 'rollout')}"
    print(f"{size}; judges: {', '.join([*design.judges, *design.of_two]) or 'none'}")
    if design.cluster is not None:
        sources = {task.fields[design.cluster] for task in design.tasks.values()}
        print(f"{pluralize(len(sources), 'cluster')} of tasks, by {design.cluster}")
    for remark in remarks(design):
        print(f"Note: {remark}.")


def plan(
    scenario: Scenario,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    tasks: Annotated[str | None, typer.Option(help="Only these tasks: A,B.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these levels: team=firm.")] = None,
    draws: Annotated[int | None, typer.Option(min=1, help="This many draws instead of the scenario's.")] = None,
    effect: Annotated[
        float | None, typer.Option(help="A difference in the measure's units: print its power, and the tasks it needs.")
    ] = None,
    pilot: Annotated[str | None, typer.Option(metavar="RUN", help="Take the SDs from this run.")] = None,
    within: Annotated[
        float | None, typer.Option(help="Assumed SD over draws, as a share of the range. Default: 0.25.")
    ] = None,
    between: Annotated[
        float | None, typer.Option(help="Assumed SD of the difference between tasks, likewise. Default: 0.1.")
    ] = None,
    preregister: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what the scenario decides into this new file."),
    ] = None,
) -> None:
    """Print calls, tokens, price and the smallest detectable effect, before any money is spent."""
    import asyncio

    from agentlab import scenario as spec
    from agentlab.experiment.cost import plan as estimate
    from agentlab.experiment.power import prospects
    from agentlab.experiment.specs import check as check_selection
    from agentlab_cli.layout import console_for
    from agentlab_cli.options import selection
    from agentlab_cli.planned import foreseen, noises, planned, preregistered

    design, chosen = spec.load(scenario, model, judge_model), selection(tasks, only, draws)
    check_selection(design, chosen)
    if preregister is not None:
        preregistered(console_for(), design, chosen, preregister)
    assumptions, remarks = noises(design, pilot, within, between)
    made = asyncio.run(estimate(design, chosen))
    planned(console_for(), design, made)
    foreseen(console_for(), design, prospects(design, (made.tasks, made.draws), assumptions, effect), effect, remarks)
