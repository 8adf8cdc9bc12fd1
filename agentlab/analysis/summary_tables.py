"""The two tables of a run: its conditions, and the contrasts between them, as cells that every page shows alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentlab.analysis.cells import text
from agentlab.analysis.column import Column
from agentlab.analysis.condition_summary import ConditionSummary
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.finding import digits
from agentlab.analysis.contrasts.short import about, level
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.results import Results
from agentlab.models.cost import money
from agentlab.text import line, pluralize

UNCOUNTED = "and without the steps of baselines that were made and left out"
"""What the cost of a baseline lacks."""
MOST = 12
"""Exploratory contrasts that are shown where none is primary."""
UNFINISHED = {"infrastructure": "failed", "cancelled": "stopped"}


@dataclass(frozen=True, slots=True)
class ConditionsTable:
    """A row for each condition: which it is, its measures, and what was lost or paid. Columns of zeros are left out."""

    heads: tuple[Column, ...]
    measures: tuple[Column, ...]
    counts: tuple[Column, ...]
    legend: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them."""
        return (*self.heads, *self.measures, *self.counts)


def conditions(results: Results) -> ConditionsTable:
    """The conditions of a run that has some."""
    arms, new = results.arms, _about_new(results)
    heads = (_column("condition", arms, lambda arm: line(arm.name), False), _column("n", arms, _rollouts))
    means = tuple(
        _column(line(m.name), arms, lambda arm, m=m: _mean(arm, m, new), True) for m in results.measures.values()
    )
    lost = _column("no score", arms, lambda arm: ", ".join(_unscored(arm, results.measures)), False)
    counts = (
        _column("not delivered", arms, _undelivered, False),
        lost,
        _column("cut off", arms, _cut),
        _column("lost messages", arms, lambda arm: _count(arm.dropped)),
        _column("cost", arms, lambda arm: "" if arm.cost == 0 else money(arm.cost)),
    )
    about = "new tasks" if new else f"these {pluralize(results.tasks, 'task')}" if results.tasks > 1 else "this task"
    shown = any("[" in cell for column in means for cell in column.cells)
    legend = f"Means of task means [95% CI for {about}]; n: rollouts" if shown else "n: rollouts"
    left_out = f", {UNCOUNTED}" if any(arm.stepped for arm in arms) else ""
    legend += f"; cost: without judges{left_out}." if any(counts[-1].cells) else "."
    return ConditionsTable(heads, means, tuple(column for column in counts if any(column.cells)), legend)


def _column(
    heading: str, arms: Sequence[ConditionSummary], cell: Callable[[ConditionSummary], str], number: bool = True
) -> Column:
    return Column(heading, tuple(map(cell, arms)), number)


def _rollouts(arm: ConditionSummary) -> str:
    return f"{arm.rollouts:,}"


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _about_new(results: Results) -> bool:
    means = [arm.means[name] for arm in results.arms for name, m in results.measures.items() if not m.suppressed]
    return bool(means) and all(mean.new_tasks.low is not None or mean.new_tasks.value is None for mean in means)


def _mean(arm: ConditionSummary, measure: MeasureSummary, new: bool) -> str:
    if measure.suppressed:
        return "suppressed"
    value = arm.measures[measure.name].observed
    mean = arm.means[measure.name].new_tasks if new else arm.means[measure.name].these_tasks
    if value is None:
        return "no score"
    form = f".{digits(0.0, measure.range)}f"
    limits = "" if mean.low is None else f" [{mean.low:{form}}, {mean.high:{form}}]"
    return f"{value:{form}}{limits}"


def _unscored(arm: ConditionSummary, measures: dict[str, MeasureSummary]) -> list[str]:
    """How many rollouts have none, by measure where they differ."""
    missing = {name: arm.measures[name].missing for name in measures}
    if len(set(missing.values())) == 1:
        return [f"{count:,}" for count in set(missing.values()) if count]
    return [f"{count:,} {line(name)}" for name, count in missing.items() if count]


def _undelivered(arm: ConditionSummary) -> str:
    return ", ".join(
        f"{count:,} {UNFINISHED.get(status, status)}" for status, count in arm.statuses.items() if status != "delivered"
    )


def _cut(arm: ConditionSummary) -> str:
    turns = f" ({pluralize(arm.turns_cut, 'turn')})" if arm.turns_cut else ""
    return f"{arm.cut:,}{turns}" if arm.cut or arm.turns_cut else ""


@dataclass(frozen=True, slots=True)
class ContrastsTable:
    """A row for each contrast and measure."""

    columns: tuple[Column, ...]
    more: int
    """Contrasts that are not shown."""
    legend: str


def differences(results: Results, shared: str) -> ContrastsTable | None:
    """The primary contrasts, or the first exploratory ones where none is primary; None where nothing is compared.

    `shared` says whether common random numbers are exact.
    """
    shown = [c for c in results.contrasts if c.primary] or list(results.contrasts[:MOST])
    if not shown:
        return None
    measures = [results.measures[c.measure] for c in shown]
    both = list(zip(shown, measures, strict=True))
    columns = (
        Column("measure", tuple(line(c.measure) for c in shown), False),
        Column("contrast", tuple(line(c.pair) for c in shown), False),
        Column(f"difference [{level(shown)}]", tuple(_difference(*pair) for pair in both), True),
        Column("p", tuple(text(c.p_shown, "p") for c in shown), True),
        Column("conclusion", tuple(c.conclusion for c in shown), False),
    )
    return ContrastsTable(columns, len(results.contrasts) - len(shown), _legend(shown, shared))


def _difference(c: Contrast, measure: MeasureSummary) -> str:
    if c.suppressed or c.result.difference is None:
        return ""
    interval = c.interval
    limits = () if interval is None else (interval.low, interval.high)
    form = f"+.{digits(c.result.difference, measure.range, limits)}f"
    limits = "" if interval is None else f" [{interval.low:{form}}, {interval.high:{form}}]"
    return f"{c.result.difference:{form}}{limits}"


def _legend(shown: Sequence[Contrast], shared: str) -> str:
    tasks = about(shown)
    parts = [f"CI for {tasks}"] if tasks else []
    if shown[0].primary:
        parts.append("primary contrasts, p adjusted across all of them (Holm)")
    parts.append("paired by task and draw" if all(c.paired for c in shown) else "within tasks, draws not paired")
    parts += [f"common random numbers: {shared}"] if shared else []
    legend = "; ".join(parts)
    return f"{legend[0].upper()}{legend[1:]}."
