"""The measures of a self-training loop by generation: a panel for each measure, a line for each arm and part of the
tasks."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analyse import analyse
from agentlab.analysis.generations.lineage import lineages
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.errors import AnalysisError
from agentlab.report.forest import BROAD
from agentlab.report.section import Chart, Material
from agentlab.report.style import GROUND, INK, ArmStyle, bare, legend, nth_style, panels, short
from agentlab.text import pluralize, pluralize_range

ACROSS = 2
DASHES = {"hold_out": "-", "learn": ":", "transfer": "--"}
"""Lines by the role of the tasks."""
WATCHED = ("the proxy", "the truth")
DIRECTIONS = {1: "higher is better", -1: "lower is better"}


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
    drawn = {name: material.summary.measures[name] for name in sorted(names, key=lambda name: name not in roles)}
    return Chart("generations", "By generation", says, data, lambda: draw(data, drawn, roles))


def draw(data: pd.DataFrame, measures: Mapping[str, MeasureSummary], roles: Mapping[str, str]) -> Figure:
    """The generation stands across, the measure upwards over its whole range; `roles` says what measures stand for."""
    arms = list(dict.fromkeys(data["arm"])) if "arm" in data else [""]
    figure, axes = panels(len(measures), ACROSS, 2.5, 0.5, width=BROAD)
    handles: dict[str, Any] = {}
    for ax, (name, measure) in zip(axes, measures.items(), strict=True):
        for i, arm in enumerate(arms):
            own = data[data["arm"] == arm] if "arm" in data else data
            for split, part in own.groupby("split", sort=False):
                label = f"{short(arm, 30)}, {short(split, 20)}" if arm else str(split)
                handles[label] = _line(ax, part, name, nth_style(i, label))
        ax.set_title(
            f"{short(name, 30)} ({roles[name]})" if name in roles else short(name, 40),
            fontsize=9.5,
            loc="left",
            fontweight="bold",
        )
        if measure.better is not None:
            ax.set_ylabel(DIRECTIONS[measure.better], fontsize=8.5, color=INK)
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
    role = str(part["role"].iloc[0])
    values = part[["generation", measure, f"{measure}_low", f"{measure}_high"]].astype("float64")
    x, y, low, high = (values[name].to_numpy() for name in values)
    if role == "hold_out":
        ax.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0)
    form: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 4}
    (line,) = ax.plot(x, y, linestyle=DASHES[role], linewidth=1.5, **form)
    return line
