"""What the options of several commands mean."""

import sys
from pathlib import Path

from agentlab.errors import ScenarioError
from agentlab.experiment.specs import Selection
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load as load_scenario
from agentlab.scenario.plugins import modules


def design_of(
    scenario: str, model: str | None, judge_model: str | None, values: list[str] | None, quiet: bool
) -> Design:
    """The design that these options mean. Prints, unless `quiet`, what they changed and whose code it runs."""
    design = load_scenario(scenario, model, judge_model, values or ())
    if design.options and not quiet:
        print(f"With {', '.join(design.options)}", file=sys.stderr)
    if (names := modules()) and not quiet:
        print(f"Code of your own: {', '.join(names)}", file=sys.stderr)
    return design


def folder_for(name: str, out: str | None, new: bool) -> Path:
    """The run folder that these options mean."""
    folder = Path(out) if out else Path("runs") / name
    if not new or not folder.exists():
        return folder
    return next(path for i in range(2, 10_000) if not (path := folder.with_name(f"{folder.name}-{i}")).exists())


def selection(tasks: str | None, only: list[str] | None, draws: int | None) -> Selection:
    """The part of the design that these options mean."""
    levels: dict[str, tuple[str, ...]] = {}
    for text in only or ():
        factor, equals, names = text.partition("=")
        if not equals or not names:
            raise ScenarioError(f"--only {text!r}: write FACTOR=LEVEL, such as team=firm")
        levels[factor] = (*levels.get(factor, ()), *names.split(","))
    return Selection(tuple(tasks.split(",")) if tasks else None, levels, draws)
