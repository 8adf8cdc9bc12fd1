"""`agentlab judge`: more judges for a run that is there, and probes of those it has."""

from typing import Annotated

import typer

from agentlab_cli.printed import Quiet

SAMPLE = 30
"""Outputs that are changed, unless said otherwise."""


def judge(
    run: Annotated[str, typer.Argument(help="A run folder, or its name under runs/.")],
    with_: Annotated[
        list[str] | None, typer.Option("--with", help="A judge by name, or its YAML. May be repeated.")
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="The judge's model, instead of the run's.")] = None,
    probe: Annotated[
        str | None, typer.Option(help="Try the run's rubric judges on changed outputs: length,format.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="For --probe: how many outputs are changed. Default: 30.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="For --probe: do not ask before money is spent.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Most rollouts at once.")] = 256,
    quiet: Quiet = False,
) -> None:
    """Add the verdicts of more judges to a run, or try its judges on changed outputs; no rollout is repeated."""
    from agentlab.errors import ScenarioError
    from agentlab.experiment.judging.added import rejudge
    from agentlab.experiment.progress import Progress
    from agentlab.store import find
    from agentlab_cli.probed import probed
    from agentlab_cli.work import work

    if with_ is None and probe is None:
        raise ScenarioError("say which judge to add, --with NAME, or what to try its judges on, --probe length,format")
    told = {"--with": with_, "--judge-model": judge_model} if probe is not None else {"--sample": sample}
    if wrong := [name for name, value in told.items() if value is not None]:
        other = "--probe" if probe is not None else "--with"
        raise ScenarioError(f"{' and '.join(wrong)}: not with {other}; give them in commands of their own")
    folder = find(run)
    if probe is not None:
        raise typer.Exit(probed(folder, probe, sample or SAMPLE, concurrency, asked=not yes, quiet=quiet))

    async def job(progress: Progress) -> None:
        await rejudge(folder, with_ or (), judge_model, progress, concurrency)

    raise typer.Exit(work(folder, job, quiet=quiet))
