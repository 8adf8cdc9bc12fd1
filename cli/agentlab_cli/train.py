"""`agentlab train`: plays a scenario's self-training loop into a run folder, generation by generation."""

import typer

from agentlab_cli.arguments import (
    AcceptChanges,
    BaseUrl,
    Concurrency,
    JudgeModel,
    ModelName,
    New,
    Out,
    Preregistered,
    Scenario,
    UnsafeLocal,
    Values,
)
from agentlab_cli.interrupted import before_a_run
from agentlab_cli.printed import AsJson, Quiet


def train(
    scenario: Scenario,
    out: Out = None,
    new: New = False,
    model: ModelName = None,
    judge_model: JudgeModel = None,
    values: Values = None,
    accept_changes: AcceptChanges = False,
    base_url: BaseUrl = None,
    concurrency: Concurrency = 256,
    preregistered: Preregistered = None,
    unsafe_local: UnsafeLocal = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario's self-training loop, or continue it: sample, judge, keep, train, repeat."""
    with before_a_run():
        from agentlab.experiment.addresses import moved
        from agentlab.experiment.decisions import read
        from agentlab_cli import options, trained

        design = options.design_of(scenario, model, judge_model, values, quiet)
        folder = options.folder_for(design.name, out, new)
        registration = None if preregistered is None else read(preregistered)
        where = moved(base_url or ())
    raise typer.Exit(
        trained.train(
            *(design, folder, concurrency, registration, accept_changes, where, quiet, as_json), unsafe=unsafe_local
        )
    )
