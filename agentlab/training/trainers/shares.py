"""Trains a table of replies of `sim/replies`: each agent's new probabilities are the shares of its kept replies."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from pydantic import Field

from agentlab.errors import TrainingError
from agentlab.seeds import digest
from agentlab.training.trainer import Trained, TrainerFields, TrainerKind, TrainingJob, TrainingStep
from agentlab.training.trainers.row import rows_of

Table = Mapping[str, float]


class SharesFields(TrainerFields):
    """For `sim/replies` only. Sets its table to the shares of the kept replies."""

    kind: Literal["shares"]
    floor: float = Field(
        default=0.0, ge=0, lt=1, description="How much of the base's table is kept: 0 for none, 0.1 for a tenth."
    )


def misfit(name: str) -> str:
    """What is wrong with training this model; empty if nothing is."""
    return "" if name == "sim/replies" else "shares trains the table of sim/replies only; write sft for real weights"


async def train(job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
    """Counts the kept replies by agent. An agent without a row keeps its table."""
    counts: dict[str, Counter[str]] = {}
    rows = rows_of(job.rows)
    for row in rows:
        counts.setdefault(row.agent, Counter())[row.reply] += 1
    if not rows:
        raise TrainingError(f"{job.rows}: there are no rows to train on")
    base = cast("Mapping[str, Table]", job.options.get("replies", {}))
    start = cast("Mapping[str, Table]", job.start.get("options", {}).get("replies", base))
    floor = float(job.settings.get("floor", 0.0))
    tables = {agent: _mixed(count, _table(base, agent), floor) for agent, count in counts.items()}
    report(TrainingStep(1, 1))
    replies: dict[str, Any] = {**start, **tables}
    return Trained({"options": {"replies": replies}}, digest(replies), {"rows": float(len(rows))})


def _table(base: Mapping[str, Table], agent: str) -> Table:
    """The agent's table, that of its name before a copy's number, or everybody's."""
    named = [base[name] for name in (agent, agent.rpartition(".")[0], "*") if name in base]
    return named[0] if named else dict[str, float]()


def _mixed(count: Counter[str], base: Table, floor: float) -> dict[str, float]:
    """`(1 - floor) * share + floor * base`, in the order of the base's table and then of the counts."""
    total = count.total()
    texts = dict.fromkeys((*base, *sorted(count)))
    table = {text: (1 - floor) * count[text] / total + floor * base.get(text, 0.0) for text in texts}
    whole = sum(table.values())
    return {text: chance / whole for text, chance in table.items()}


SHARES = TrainerKind(SharesFields, train, misfit)
