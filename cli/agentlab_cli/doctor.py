"""`agentlab doctor`: what this machine has, or a run folder that may be damaged."""

from functools import partial
from typing import Annotated

import typer

from agentlab_cli.arguments import RunOrMachine
from agentlab_cli.printed import AsJson, Quiet, print_json, print_result

_NAMES = {
    "conditions": "condition",
    "calls": "call",
    "messages": "message",
    "verdicts": "verdict",
    "labels": "label",
    "pages": "text page",
}
"""What a row of a table is called; those of rollouts are told apart by their kind."""


def doctor(
    run: RunOrMachine = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Copy everything readable to a new run in this folder.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check this machine; or check the file of a run, and copy what can be read to a new run."""
    from pathlib import Path

    if run is None:
        _machine(json, quiet, out)
        return

    from agentlab.runs.listing import listed_run
    from agentlab.store import find
    from agentlab.store.rescue import examine, rescue
    from agentlab.text import pluralize
    from agentlab_cli.layout import console_for
    from agentlab_cli.layout import say as say_on

    say = partial(say_on, console_for(json or quiet))
    folder = find(run)
    finding = examine(folder)
    for problem in finding.problems:
        say(problem)
    kinds = dict(finding.kinds)
    rollouts = [pluralize(kinds.pop("rollout", 0), "rollout"), *(f"{n:,} of kind {kind}" for kind, n in kinds.items())]
    rows = [pluralize(finding.rows[table], name) for table, name in _NAMES.items() if finding.rows[table]]
    state = "damaged" if finding.problems or finding.lost else "sound"
    say(f"{folder}: the file is {state}. What can be read: {', '.join([*rollouts, *rows])}.")
    known = listed_run(folder)
    if known.state == "stopped":
        say(f"{known.done:,} of {pluralize(known.planned or 0, 'rollout')} are played.")
    if finding.lost:
        say(f"Not fully readable: {', '.join(finding.lost)}.")
    copied = None if out is None else rescue(folder, Path(out))
    if copied is not None:
        say(f"Copied {pluralize(sum(copied.values()), 'row')} to {out}.")
        say(f"To continue, give the same `agentlab run` command with --out {out}.")
    elif state == "damaged":
        say(f"Next: agentlab doctor {folder} --out {folder}-rescued")
    if json:
        print_json({"folder": folder, "state": state, "finding": finding, "copied": copied})
    raise typer.Exit(0 if state == "sound" or out is not None else 1)


def _machine(json: bool, quiet: bool, out: str | None) -> None:
    from agentlab.errors import ScenarioError
    from agentlab.experiment.machine import abilities

    if out is not None:
        raise ScenarioError("--out copies a run: name the run that is to be rescued")
    machine = list(abilities())
    width = max(len(ability.name) for ability in machine)
    lines = (f"{'yes' if a.there else 'no ':<3}  {a.name:<{width}}  {a.says}" for a in machine)
    print_result({"machine": machine}, lines, json, quiet)
