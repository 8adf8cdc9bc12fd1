"""Tasks that a design holds more than once: the same prompt, and the same fields."""

from collections.abc import Iterable, Sequence

from agentlab.scenario.alike import alike, hint, joined
from agentlab.text import line, pluralize
from agentlab.types import Task

NAMED = 3
"""Groups, and tasks of a group, that a sentence names."""


def repeated(tasks: Iterable[Task]) -> list[tuple[Task, ...]]:
    """Groups of two tasks or more with the same prompt and the same fields, in their order.

    Agents see no difference between them, so their outputs are draws of one task. White space does not count, and a
    task without a prompt is like no other. The targets may differ.
    """
    groups: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        if prompt := _plain(task):
            groups.setdefault((prompt, repr(sorted(task.fields.items()))), []).append(task)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def clusters(tasks: Sequence[Task], field: str | None) -> dict[str, str]:
    """By task its cluster; empty where each task stands for itself.

    Tasks with the same value of the field are a cluster, and so are repeated tasks. Clusters that share a repeated task
    are one, by the name of the first.
    """
    groups = repeated(tasks)
    if field is None and not groups:
        return {}
    named = {task.id: task.id if field is None else str(task.fields[field]) for task in tasks}
    first: dict[str, str] = {}
    pairs = [(first.setdefault(name, task), task) for task, name in named.items()]
    pairs += [(task.id, other.id) for task, *others in groups for other in others]
    for head, *others in joined(named, pairs):
        named |= dict.fromkeys(others, named[head])
    return named


def sentences(tasks: Iterable[Task], clustered: bool) -> list[str]:
    """What must be said of tasks that are not independent, each without its end; `clustered` where a field says which
    tasks belong together."""
    known = list(tasks)
    groups = repeated(known)
    seen = {task.id for _, *others in groups for task in others}
    notes = [_same(groups)] if groups else []
    differing = [group for group in groups if len({task.target for task in group}) > 1]
    notes += [_differing(group) for group in differing[:NAMED]]
    if not clustered:
        notes += _alike([task for task in known if task.id not in seen])
    return notes


def _plain(task: Task) -> str:
    return " ".join(task.prompt.split())


def _alike(tasks: Sequence[Task]) -> list[str]:
    """Tasks of one prompt with different fields, or else those that share most of their text."""
    by_prompt: dict[str, list[str]] = {}
    for task in tasks:
        if prompt := _plain(task):
            by_prompt.setdefault(prompt, []).append(task.id)
    shared = [names for names in by_prompt.values() if len(names) > 1]
    if shared:
        right = "if agents do not see these fields, name one that is the same in all of them: `cluster: FIELD`"
        return [f"tasks {_named(shared)} have the same prompt and differ in their fields only: {right}"]
    groups = alike({task.id: task.prompt for task in tasks})
    return [hint(groups)] if groups else []


def _same(groups: Sequence[Sequence[Task]]) -> str:
    size, tasks = len(groups), sum(map(len, groups))
    named = _named([[task.id for task in group] for group in groups])
    each = "They are one cluster" if size == 1 else "Each group is one cluster"
    return (
        f"tasks {named} have the same prompt and the same fields, so they count as {pluralize(size, 'task')}, not "
        f"{tasks:,}. {each}. Remove the repeats; for more draws, raise `draws`"
    )


def _differing(group: Sequence[Task]) -> str:
    named = _list([task.id for task in group])
    targets = " and ".join(repr(line(target, 40)) for target in dict.fromkeys(task.target for task in group[:NAMED]))
    return f"tasks {named} ask the same, but their targets differ ({targets}). Correct the targets"


def _named(groups: Sequence[Sequence[str]]) -> str:
    more = f" ({len(groups):,} such groups)" if len(groups) > NAMED else ""
    return "; ".join(_list(names) for names in groups[:NAMED]) + more


def _list(names: Sequence[str]) -> str:
    shown = [line(name, 40) for name in names[:NAMED]]
    if len(names) > NAMED:
        return f"{', '.join(shown)} and {len(names) - NAMED:,} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
