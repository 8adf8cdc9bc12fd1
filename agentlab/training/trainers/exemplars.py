"""Puts kept replies into the system prompt as examples, for models whose weights cannot be trained."""

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from agentlab.errors import TrainingError
from agentlab.seeds import digest, stream
from agentlab.training.trainer import Trained, TrainerFields, TrainerKind, TrainingJob, TrainingStep
from agentlab.training.trainers.row import TrainingRow, rows_of

HEAD = "Here are examples of good replies."


class ExemplarsFields(TrainerFields):
    """For any model. Nothing is trained: examples enter the system prompt of each agent that learns."""

    kind: Literal["exemplars"]
    examples: int = Field(default=4, ge=1, le=100, description="The maximum number of examples for each agent.")
    characters: int = Field(
        default=2000,
        ge=1,
        description="Rows with more characters, prompt and reply together, are not used as examples.",
    )


async def train(job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
    """Draws examples for each agent, no two of one task while other tasks are left."""
    rows = rows_of(job.rows)
    most, longest = int(job.settings.get("examples", 4)), int(job.settings.get("characters", 2000))
    short = [row for row in rows if len(_prompt(row)) + len(row.reply) <= longest]
    if not short:
        raise TrainingError(
            f"{job.rows}: no row has at most {longest:,} characters; raise `characters` in improve.by"
            if rows
            else f"{job.rows}: there are no rows to make examples of"
        )
    agents = dict.fromkeys(row.agent for row in short)
    systems = {agent: _text(_drawn([r for r in short if r.agent == agent], most, job.seed)) for agent in agents}
    report(TrainingStep(1, 1))
    metrics = {"rows": float(len(rows)), "dropped": float(len(rows) - len(short))}
    return Trained({}, digest(systems), metrics, systems)


def _drawn(rows: Sequence[TrainingRow], most: int, seed: int) -> list[TrainingRow]:
    """At random by the seed; the second row of a task comes after the first of every other task."""
    shuffled = sorted(rows, key=lambda row: stream(seed, "exemplar", row.task, row.rollout, row.round))
    seen: dict[str, int] = {}
    turns: list[tuple[int, int]] = []
    for place, row in enumerate(shuffled):
        seen[row.task] = seen.get(row.task, 0) + 1
        turns.append((seen[row.task], place))
    return [shuffled[place] for _, place in sorted(turns)[:most]]


def _text(rows: Sequence[TrainingRow]) -> str:
    parts = [f"Example {i}\n\n{_prompt(row)}\n\nReply:\n\n{row.reply}" for i, row in enumerate(rows, start=1)]
    return "\n\n".join([HEAD, *parts])


def _prompt(row: TrainingRow) -> str:
    """What the agent was told last before the reply."""
    return row.messages[-2]["content"]


EXEMPLARS = TrainerKind(ExemplarsFields, train, continues=False)
