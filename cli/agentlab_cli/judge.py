"""`agentlab judge`: more judges for an existing run, and probes of its judges."""

import sys
from typing import Annotated

import typer

from agentlab_cli.arguments import RunName, UnsafeLocal
from agentlab_cli.printed import AsJson, Quiet

UNCHANGED = (
    "Nothing was judged: {judges} had judged every output already. For more verdicts, copy the judge's YAML to a file "
    "of another name: agentlab judge {folder} --with FILE.yaml"
)
SAMPLE = 30
"""Outputs that are changed by default."""


def judge(
    run: RunName,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="JUDGE", help="Add this judge, by name or YAML file. May be repeated."),
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Judge with this model instead of the run's judge model: provider/name."),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Test the run's rubric judges on changed outputs (length,format), or use stored verdicts "
            "(position,self).",
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Change this many outputs for --probe. Default: 30.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Spend money for --probe without asking.")] = False,
    unsafe_local: UnsafeLocal = False,
    concurrency: Annotated[
        int, typer.Option(min=1, max=2000, metavar="N", help="Judge at most this many rollouts at once, up to 2000.")
    ] = 256,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Add verdicts of more judges on the rollouts and forks of a run, or test its judges. No rollout is repeated."""
    from agentlab.errors import ScenarioError
    from agentlab.experiment import sandboxed
    from agentlab.experiment.judging.added import rejudge
    from agentlab.experiment.progress import Progress
    from agentlab.store import find
    from agentlab_cli.probed import probed
    from agentlab_cli.work import as_object, work

    if with_ is None and probe is None:
        raise ScenarioError("give a judge to add, --with NAME, or a probe for its judges, --probe length,format")
    misplaced = {"--with": with_, "--judge-model": judge_model} if probe is not None else {"--sample": sample}
    if wrong := [name for name, value in misplaced.items() if value is not None]:
        other = "--probe" if probe is not None else "--with"
        raise ScenarioError(f"{' and '.join(wrong)} cannot be combined with {other}; give them in separate commands")
    folder = find(run)
    if probe is not None:
        raise typer.Exit(probed(folder, probe, sample or SAMPLE, concurrency, asked=not yes, quiet=quiet, as_json=json))

    async def job(progress: Progress) -> None:
        with sandboxed.unsafe_local(unsafe_local):
            await rejudge(folder, with_ or (), judge_model, progress, concurrency)
        if not (progress.ended or progress.stopping or quiet):
            print(UNCHANGED.format(folder=folder, judges=" and ".join(with_ or ())), file=sys.stderr)

    raise typer.Exit(work(folder, job, as_object(folder) if json else None, quiet=quiet))
