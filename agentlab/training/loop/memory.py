"""What a task taught earlier, kept until the task teaches something new.

With one rollout of a task per generation, this is the E-step of TRICE (Phan et al. 2023, arXiv:2312.02179): a chain of
independence Metropolis steps over the thoughts of each task, in which a thought is accepted if its answer is right. By
`improve.hint` a chain starts from a thought that was told the answer. Its gradient's control variate is no part of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from agentlab.scenario.condition import Condition
from agentlab.training.loop.rows import GenerationRows
from agentlab.training.trainers.row import TrainingRow


def memorable(rows: GenerationRows, condition: Condition) -> tuple[TrainingRow, ...]:
    """The rows of tasks that the condition learns from. Rows from elsewhere may name no such task: no generation can
    teach it anew, so they would stay for ever, and are used once."""
    loop = condition.loop
    assert loop is not None
    learned = {id for id, task in condition.tasks.items() if loop.split(task).role == "learn"}
    return tuple(row for row in rows.rows if row.task in learned)


def remembering(rows: GenerationRows, memory: Sequence[TrainingRow]) -> GenerationRows:
    """The rows of a generation, with those in `memory` of each task of which it kept nothing; ordered by task."""
    taught = {row.task for row in rows.rows}
    kept = (row for row in memory if row.task not in taught)
    return replace(rows, rows=tuple(sorted((*rows.rows, *kept), key=lambda row: row.task)))
