"""`agentlab run`: plays a scenario into a run folder, with live progress and the ending table."""

import typer

from agentlab_cli.arguments import (
    AcceptChanges,
    BaseUrl,
    Concurrency,
    Draws,
    JudgeModel,
    ModelName,
    New,
    Only,
    Out,
    Preregistered,
    Scenario,
    Tasks,
    UnsafeLocal,
    Values,
)
from agentlab_cli.interrupted import before_a_run
from agentlab_cli.printed import AsJson, Quiet


def run(
    scenario: Scenario,
    out: Out = None,
    new: New = False,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    values: Values = None,
    tasks: Tasks = None,
    only: Only = None,
    draws: Draws = None,
    accept_changes: AcceptChanges = False,
    base_url: BaseUrl = None,
    concurrency: Concurrency = 256,
    preregistered: Preregistered = None,
    unsafe_local: UnsafeLocal = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario, or continue its run. Ctrl-C and SIGTERM stop cleanly; the same command continues."""
    with before_a_run():
        from agentlab.experiment.addresses import moved
        from agentlab.experiment.decisions import read
        from agentlab_cli import options, work

        design = options.design_of(scenario, model, judge_model, values, quiet)
        folder = options.folder_for(design.name, out, new)
        selection = options.selection(tasks, only, draws)
        registration = None if preregistered is None else read(preregistered)
        where = moved(base_url or ())
    raise typer.Exit(
        work.run(
            *(design, folder, selection, concurrency, registration, accept_changes, where, quiet, as_json),
            unsafe=unsafe_local,
        )
    )
