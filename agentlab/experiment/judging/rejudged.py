"""Verdicts on tasks whose target or fields were corrected: those that cost nothing are given anew."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agentlab.experiment.judging.outdated import OUTDATED, by_old_facts
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.judges.match import Match
from agentlab.scenario.design import Design
from agentlab.scenario.inference_fields import judge_of
from agentlab.store import UNFINISHED, Store
from agentlab.text import pluralize
from agentlab.types import Task

log = logging.getLogger(__name__)


def rejudged(design: Design, store: Store, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Forgets the verdicts of judges that ask no model on tasks that are not as they were, so that they judge again.

    A judge's model sees neither target nor fields, unless the judge is one's own; the log then says so. Populations
    whose judge looks at what changed stay as they are, since other attempts would be accepted. Returns what the run's
    meta is to hold of them.
    """
    known = tasks_of(meta)
    changed = [id for id, task in design.tasks.items() if id in known and _facts(known[id]) != _facts(task)]
    if not changed:
        return {}
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
    outdated = {tuple(entry[:3]): entry for entry in [*meta.get(OUTDATED, []), *_outdated(design, store, changed)]}
    return {OUTDATED: list(outdated.values())} if outdated else {}


def _outdated(design: Design, store: Store, changed: Sequence[str]) -> Iterator[tuple[str, str, str, int]]:
    """Condition, task, judge, and the finished populations whose attempts that judge chose by what the task said."""
    judges = {c.name: judge[1] for c in design.conditions if c.inference and (judge := judge_of(c.inference))}
    looking = {condition: name for condition, name in judges.items() if _looks(design, name)}
    counts = Counter(
        (row.condition, row.task)
        for row in (store.rollouts() if looking else ())
        if row.condition in looking and row.task in changed and store.known[row.key].status not in UNFINISHED
    )
    for (condition, task), count in counts.items():
        made = pluralize(count, "population")
        log.warning("%s", by_old_facts(condition, task, looking[condition], made, "populations"))
        yield condition, task, looking[condition], count


def _looks(design: Design, judge: str) -> bool:
    """Whether a judge reads the target or fields of a task."""
    selector = design.selectors[judge]
    return selector.model is None and (not isinstance(selector, Match) or selector.config.compares())


def _facts(task: Task) -> tuple[Any, Any]:
    return task.target, msgspec.to_builtins(dict(task.fields))
