"""What `agentlab check` says of a scenario without mistakes."""

from dataclasses import dataclass

from agentlab.scenario.design import Design
from agentlab.scenario.remarks import remarks
from agentlab.text import pluralize
from agentlab_cli import planned_loop

MOST = 24
"""Names that are listed."""


@dataclass(frozen=True, slots=True)
class CheckedScenario:
    """The numbers and names of a scenario. `notes` says what is no mistake but may harm a run."""

    file: str
    name: str
    options: tuple[str, ...]
    """What the command line changed in the scenario."""
    tasks: tuple[str, ...]
    conditions: tuple[str, ...]
    draws: int
    rollouts: int
    """Of a self-training loop, in all its generations."""
    loop: tuple[str, ...]
    """Of a self-training loop: its size, and a line for each split; else empty."""
    judges: tuple[str, ...]
    measures: tuple[str, ...]
    cluster: str | None
    clusters: int | None
    notes: tuple[str, ...]


def checked(design: Design) -> CheckedScenario:
    """A summary of the scenario."""
    loop = design.loop
    return CheckedScenario(
        file=design.file,
        name=design.name,
        options=design.options,
        tasks=tuple(design.tasks),
        conditions=tuple(condition.name for condition in design.conditions),
        draws=design.draws,
        rollouts=len(design.conditions) * sum(design.draws_of(id) * design.times_of(id) for id in design.tasks),
        loop=() if loop is None else (planned_loop.sizes(design, loop), *planned_loop.splits(design, loop)),
        judges=(*design.judges, *design.of_two),
        measures=tuple(design.measures),
        cluster=design.cluster,
        clusters=None if design.cluster is None else design.independent,
        notes=tuple(remarks(design)),
    )


def print_checked(scenario: CheckedScenario) -> None:
    """Prints the summary as text."""
    print(f"{scenario.file}: no mistakes")
    if scenario.options:
        print(f"With {', '.join(scenario.options)}")
    print(f"{pluralize(len(scenario.tasks), 'task')}: {_first(scenario.tasks)}")
    print(f"{pluralize(len(scenario.conditions), 'condition')}: {_first(scenario.conditions)}")
    draws = scenario.loop[0] if scenario.loop else pluralize(scenario.draws, "draw")
    size = f"{draws}, {pluralize(scenario.rollouts, 'rollout')}"
    print(f"{size}; judges: {', '.join(scenario.judges) or 'none'}")
    for split in scenario.loop[1:]:
        print(split)
    if scenario.clusters is not None:
        print(f"{pluralize(scenario.clusters, 'cluster')} of tasks, by {scenario.cluster}")
    for note in scenario.notes:
        print(f"Note: {note}.")


def _first(names: tuple[str, ...]) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:MOST]) + (f", and {len(names) - MOST:,} more" if len(names) > MOST else "")
