"""`agentlab stats`: the analyses of a run, as tables."""

from pathlib import Path
from typing import Annotated

import typer


def stats(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="A run folder or its name under runs/.")],
    decompose: Annotated[bool, typer.Option("--decompose", help="Error as bias and variance.")] = False,
    components: Annotated[
        bool, typer.Option("--components", help="What tasks, draws and the judge add to the variance.")
    ] = False,
    contrasts: Annotated[bool, typer.Option("--contrasts", help="Every contrast, with effect sizes and arms.")] = False,
    mixed: Annotated[bool, typer.Option("--mixed", help="The mixed model with arm slopes by task.")] = False,
    frontier: Annotated[bool, typer.Option("--frontier", help="What each arm attains of two measures.")] = False,
    attribution: Annotated[bool, typer.Option("--attribution", help="Shares of variance by round and agent.")] = False,
    path: Annotated[
        str | None, typer.Option(metavar="ROLLOUT", help="One rollout, by the beginning of its key.")
    ] = None,
    interventions: Annotated[bool, typer.Option("--interventions", help="What edits, swaps and drops change.")] = False,
    passes: Annotated[bool, typer.Option("--passes", help="Several tries: pass@k, pass^k, maj@k.")] = False,
    length: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="By output_tokens, reasoning_tokens, turns or messages: what errs more."),
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Judges against people; means corrected by labels.")] = False,
    judges: Annotated[
        bool, typer.Option("--judges", help="What speaks against each judge: probes and bounds.")
    ] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="Arms compared two at a time by a judge.")] = False,
    probes: Annotated[bool, typer.Option("--probes", help="What moves the judges: length, format, position.")] = False,
    measure: Annotated[str | None, typer.Option(metavar="NAME", help="Only this measure.")] = None,
    embeddings: Annotated[
        str | None, typer.Option(metavar="FILE", help="For --decompose: a CSV of embedded outputs, by rollout.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="For --components and --length: tasks with one value of it are alike."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="ARM", help="For --length: by whose lengths tasks are grouped, such as team=solo."),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(metavar="X,Y", help="For --frontier: its measures, such as misalignment,utility.")
    ] = None,
    k: Annotated[str | None, typer.Option("--k", metavar="K,K", help="For --passes: tries, such as 1,5,10.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write all tables into this folder.")] = None,
) -> None:
    """Print what the analyses of a run find: those that are named, else every one that applies to it."""
    from agentlab.runs.frames import load
    from agentlab.store import find
    from agentlab_cli.analysed import analysed

    analysed(load(find(run)), context.params, csv)
