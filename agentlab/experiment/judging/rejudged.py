"""Verdicts on tasks whose target or fields were corrected: those that cost nothing are given anew."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from agentlab.scenario import Design
from agentlab.store import Store
from agentlab.text import pluralize
from agentlab.types import Task

log = logging.getLogger(__name__)


def rejudged(design: Design, store: Store, meta: Mapping[str, Any]) -> None:
    """Forgets the verdicts of judges that ask no model on tasks that are not as they were, so that they judge again.

    What is shown to a judge's model holds neither target nor fields, unless it is one's own: that is said.
    """
    known = {task.id: task for task in msgspec.convert(meta.get("tasks", []), list[Task])}
    changed = [id for id, task in design.tasks.items() if id in known and _facts(known[id]) != _facts(task)]
    if not changed:
        return
    free = [name for name, judge in design.judges.items() if judge.model is None]
    count = store.forget(free, changed)
    kept = [name for name, judge in design.judges.items() if judge.model is not None]
    stays = f"; those of {', '.join(kept)}, which asked a model, stay" if kept else ""
    log.warning(
        "target or fields of %s changed: %s of %s will be given again%s",
        ", ".join(changed[:5]) + (", …" if len(changed) > 5 else ""),
        pluralize(count, "verdict"),
        ", ".join(free) or "no judge",
        stays,
    )


def _facts(task: Task) -> tuple[Any, Any]:
    return task.target, msgspec.to_builtins(dict(task.fields))
