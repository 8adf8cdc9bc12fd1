"""What `agentlab check` says of a scenario without mistakes."""

from dataclasses import dataclass

from agentlab.scenario import Design
from agentlab.scenario.remarks import remarks
from agentlab.text import pluralize

MOST = 24
"""Names that are listed."""


@dataclass(frozen=True, slots=True)
class CheckedScenario:
    """A scenario in numbers and names; `notes` is what is no mistake, but stands in the way of a run."""

    file: str
    name: str
    options: tuple[str, ...]
    """What the command line put in place of what the scenario says."""
    tasks: tuple[str, ...]
    conditions: tuple[str, ...]
    draws: int
    rollouts: int
    judges: tuple[str, ...]
    measures: tuple[str, ...]
    cluster: str | None
    clusters: int | None
    notes: tuple[str, ...]


def checked(design: Design) -> CheckedScenario:
    """The scenario in short."""
    return CheckedScenario(
        file=design.file,
        name=design.name,
        options=design.options,
        tasks=tuple(design.tasks),
        conditions=tuple(condition.name for condition in design.conditions),
        draws=design.draws,
        rollouts=len(design.conditions) * sum(design.draws_of(id) for id in design.tasks),
        judges=(*design.judges, *design.of_two),
        measures=tuple(design.measures),
        cluster=design.cluster,
        clusters=None if design.cluster is None else design.independent,
        notes=tuple(remarks(design)),
    )


def print_checked(found: CheckedScenario) -> None:
    """Prints it for people."""
    print(f"{found.file}: no mistakes")
    if found.options:
        print(f"With {', '.join(found.options)}")
    print(f"{pluralize(len(found.tasks), 'task')}: {_first(found.tasks)}")
    print(f"{pluralize(len(found.conditions), 'condition')}: {_first(found.conditions)}")
    size = f"{pluralize(found.draws, 'draw')}, {pluralize(found.rollouts, 'rollout')}"
    print(f"{size}; judges: {', '.join(found.judges) or 'none'}")
    if found.clusters is not None:
        print(f"{pluralize(found.clusters, 'cluster')} of tasks, by {found.cluster}")
    for note in found.notes:
        print(f"Note: {note}.")


def _first(names: tuple[str, ...]) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:MOST]) + (f", and {len(names) - MOST:,} more" if len(names) > MOST else "")
