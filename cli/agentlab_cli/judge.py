"""`agentlab judge`: more judges for a run that is there, and probes of those it has."""

from typing import Annotated

import typer

from agentlab_cli.arguments import RunName
from agentlab_cli.printed import Quiet

SAMPLE = 30
"""Outputs that are changed, unless said otherwise."""


def judge(
    run: RunName,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="JUDGE", help="Add this judge: its name, or its YAML file. May be repeated."),
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let this model judge instead of the run's: provider/name."),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            help="Try the run's rubric judges on changed outputs: length,format; or read what is stored: position,self."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Change this many outputs for --probe. Default: 30.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --probe spends money.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Judge at most this many rollouts at once.")] = 256,
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
