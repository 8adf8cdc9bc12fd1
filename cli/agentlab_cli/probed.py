"""Probes, with their progress, after their price was printed and accepted."""

import asyncio
import sys
from pathlib import Path

import typer

from agentlab.errors import ScenarioError
from agentlab.experiment.judging.perturb import VARIANTS, Probe
from agentlab.experiment.judging.probes import estimate, probe
from agentlab.runs.frames import load
from agentlab.suggestion import suggest
from agentlab.text import pluralize
from agentlab_cli.analysed import analysed
from agentlab_cli.work import work

FREE = ("position", "self")
"""Probes that cost nothing, because they read what is stored."""


def probed(
    folder: Path, names: str, sample: int, concurrency: int, asked: bool, quiet: bool = False, as_json: bool = False
) -> int:
    """Prints the price, asks on a terminal where it is not zero, probes, and prints the result."""
    chosen = _chosen(names)
    if chosen:
        outputs, cost = asyncio.run(estimate(folder, chosen, sample))
        price = "of unknown price" if cost.cost is None else cost.money
        size = f"{pluralize(outputs, 'output')}, {pluralize(cost.calls, 'call')}"
        asks = asked and cost.cost != 0 and sys.stdin.isatty()
        if asks or not quiet:
            print(f"{size}, about {cost.tokens:,} tokens, {price}.", file=sys.stderr)
        if asks and not typer.confirm("Ask them?"):
            print("Nothing was asked.", file=sys.stderr)
            return 0
        code = work(
            folder,
            lambda progress: probe(folder, chosen, sample, progress, concurrency),
            lambda console: None,
            quiet=quiet,
        )
        if code:
            return code
    analysed(load(folder), "probes", {}, as_json=as_json, quiet=quiet)
    return 0


def _chosen(names: str) -> list[Probe]:
    """The probes that cost something."""
    wanted = names.split(",")
    for name in wanted:
        if name not in (*VARIANTS, *FREE):
            raise ScenarioError(f"--probe: no probe {name!r}; {suggest(name, [*VARIANTS, *FREE])}")
    return [kind for kind in VARIANTS if kind in wanted]
