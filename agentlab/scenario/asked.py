"""The texts by which a condition asks its tasks."""

from collections.abc import Sequence

from agentlab.mapping import mapping
from agentlab.scenario.fields import ConditionFields, TaskFields
from agentlab.scenario.placeholders import fill, paragraphs
from agentlab.scenario.products import with_product
from agentlab.scenario.protocol import Cast
from agentlab.scenario.validate import CheckedDocument
from agentlab.types import Task


def closing_question(site: CheckedDocument, cell: ConditionFields, cast: Cast) -> str:
    """The closing question with its placeholders filled. There must be one."""
    assert cast.closing is not None
    values = {"agent": cast.closing.agent, "rounds": cell.organization.rounds}
    return fill(site, cast.closing.ask, ("organization", "closing", "ask"), values).strip("\n")


def asked_tasks(site: CheckedDocument, cell: ConditionFields, cast: Cast) -> dict[str, Task]:
    """Every task as this condition is asked it: with addenda, and the closing question for an agent alone."""
    last: list[str] = []
    for key, addendum in cell.addendum.items():
        if addendum.to == "task":
            last.append(fill(site, addendum.text, ("addendum", key, "text"), {"rounds": cell.organization.rounds}))
    if cast.closing is not None and len(cast.names) == 1:
        last.append(closing_question(site, cell, cast))
    return tasks(site, cell, last)


def tasks(site: CheckedDocument, cell: ConditionFields, last: Sequence[str] = ()) -> dict[str, Task]:
    """Every task with its placeholders filled, and `last` as its last paragraphs."""
    filled: dict[str, Task] = {}
    for key, task in cell.tasks.items():
        prompt = fill(site, task.prompt, ("tasks", key, "prompt"), task.fields)
        fields = with_product(site, key, task)
        filled[key] = Task(key, paragraphs(prompt, *last), task.target, fields, task.split)
    return filled


def check_prompts(site: CheckedDocument) -> None:
    """Finds what is wrong with the prompts of tasks where the rest of the condition cannot be read."""
    for key in mapping(site.tree.value.get("tasks")):
        if (task := site.validate(TaskFields, ("tasks", key))) is not None:
            fill(site, task.prompt, ("tasks", key, "prompt"), task.fields)
