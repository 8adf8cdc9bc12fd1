"""`agentlab judge`: more judges for a run that is there."""

from typing import Annotated

import typer


def judge(
    run: Annotated[str, typer.Argument(help="A run folder, or its name under runs/.")],
    with_: Annotated[list[str], typer.Option("--with", help="A judge by name, or its YAML. May be repeated.")],
    judge_model: Annotated[str | None, typer.Option(help="The model behind it, instead of the run's.")] = None,
    live: Annotated[int, typer.Option(min=1, max=2000, help="Most rollouts at once.")] = 256,
) -> None:
    """Add the verdicts of more judges to a run; no rollout is repeated."""
    from agentlab.rejudge import rejudge
    from agentlab.store import find
    from agentlab_cli.work import work

    folder = find(run)
    raise typer.Exit(work(folder, lambda progress: rejudge(folder, with_, judge_model, progress, live)))
