"""The tasks that a run has recorded."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agentlab.types import Task


def tasks_of(meta: Mapping[str, Any]) -> dict[str, Task]:
    """The run's tasks as they are before addenda, which is how judges see them."""
    return {task.id: task for task in msgspec.convert(meta.get("tasks", []), list[Task])}
