"""The measures of a self-training loop by generation: a panel for each measure, a line for each arm and part of the
tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analyse import analyse
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.generations.lineage import lineages
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.errors import AnalysisError
from agentlab.report.section import Chart, Material
from agentlab.report.style import BROAD, GROUND, INK, NARROW, ArmStyle, bare, legend, nth_style, panels, short
from agentlab.text import pluralize, pluralize_range

ACROSS = 2
DASHES = {"hold_out": "-", "learn": ":", "transfer": "--"}
"""Lines by the role of the tasks."""
WATCHED = ("the proxy", "the truth")
DIRECTIONS = {1: "higher is better", -1: "lower is better"}


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands around the lines of one measure, and the ends of its axis where they are known."""

    title: str
    direction: str = ""
    range: tuple[float, float] | None = None


def headline(material: Material) -> Chart | None:
    """The page's first figure, of a loop with two generations or more; None for any other run."""
    run = material.run.whole
    if not run.splits:
        return None
    try:
        data = analyse(run, "generations", {}).tables["generations"]
    except AnalysisError:
        return None
    names = [str(name) for name in data if f"{name}_low" in data]
    if not names or data["generation"].nunique() < 2:
        return None
    sizes = run.held_out.rollouts.groupby("condition", observed=True).size()
    tasks = pluralize(run.held_out.rollouts["task"].nunique(), "held-out task")
    says = (
        f"Means by generation; generation 0 is the base. Solid lines: {tasks}, n = "
        f"{pluralize_range(int(sizes.min()), int(sizes.max()), 'rollout')} at each point, with 95% intervals. Dotted "
        f"lines: tasks that are learned from."
    )
    watch = next((loop.watch for loop in lineages(run) if loop.watch), ())
    roles = dict(zip(watch, WATCHED, strict=False))
    names.sort(key=lambda name: name not in roles)
    drawn = {name: _panel(material.summary.measures[name], roles.get(name)) for name in names}
    broad, narrow = (lambda: draw(data, drawn)), (lambda: draw(data, drawn, 1, NARROW))
    return Chart("generations", "By generation", says, data, broad, narrow)


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """The distance of each generation from the base, where it was estimated; the page begins with the measures."""
    if (far := analysis.tables.get("distance")) is None:
        return ()
    says = "KL divergence of each generation from the base, in nats for a rollout, with 95% intervals."
    return (Chart("distance", "Distance from the base", says, far, lambda: draw(far, {"kl": Panel("KL divergence")})),)


def _panel(measure: MeasureSummary, role: str | None) -> Panel:
    title = short(measure.name, 40) if role is None else f"{short(measure.name, 30)} ({role})"
    return Panel(title, DIRECTIONS.get(measure.better or 0, ""), measure.range)


def draw(data: pd.DataFrame, measures: Mapping[str, Panel], across: int = ACROSS, width: float = BROAD) -> Figure:
    """The generation stands across, the measure upwards over its whole range."""
    arms = list(dict.fromkeys(data["arm"])) if "arm" in data else [""]
    figure, axes = panels(len(measures), across, 2.5, 0.5, width=width)
    handles: dict[str, Any] = {}
    for ax, (name, measure) in zip(axes, measures.items(), strict=True):
        for i, arm in enumerate(arms):
            of_arm = data[data["arm"] == arm] if "arm" in data else data
            for split, part in of_arm.groupby("split", sort=False):
                label = f"{short(arm, 30)}, {short(split, 20)}" if arm else str(split)
                handles[label] = _line(ax, part, name, nth_style(i, label))
        ax.set_title(measure.title, fontsize=9.5, loc="left", fontweight="bold")
        ax.set_ylabel(measure.direction, fontsize=8.5, color=INK)
        _scale(ax, measure.range)
        ax.set_xlabel("generation", fontsize=8.5)
        ax.set_xticks(sorted(data["generation"].unique()))
        ax.tick_params(labelsize=8.5, colors=GROUND)
        bare(ax)
    legend(figure, list(handles.values()), list(handles))
    return figure


def _scale(ax: Any, ends: tuple[float, float] | None) -> None:
    if ends is not None and ends[1] > ends[0]:
        room = 0.04 * (ends[1] - ends[0])
        ax.set_ylim(ends[0] - room, ends[1] + room)


def _line(ax: Any, part: pd.DataFrame, measure: str, style: ArmStyle) -> Any:
    role = str(part["role"].iloc[0]) if "role" in part else "hold_out"
    values = part[["generation", measure, f"{measure}_low", f"{measure}_high"]].astype("float64")
    x, y, low, high = (values[name].to_numpy() for name in values)
    if role == "hold_out":
        ax.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0)
    form: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 4}
    (line,) = ax.plot(x, y, linestyle=DASHES[role], linewidth=1.5, **form)
    return line
