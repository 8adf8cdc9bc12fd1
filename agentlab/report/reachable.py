"""Utility against harm of programs, by task, with what programs can reach at best drawn behind them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, ArmStyle, bare, legend, named, panels
from agentlab.text import pluralize

ACROSS = 2
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), "-.")
"""Of limits, in the order in which the product names them."""


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its tables `points` (a row per rollout) and `frontiers` (a row per corner of a limit)."""
    points, frontiers = analysis.tables.get("points"), analysis.tables.get("frontiers")
    if points is None or frontiers is None:
        return ()
    means = points.groupby(["condition", "task"], sort=False)[["harm", "utility"]].mean().reset_index()
    says = (
        f"Small marks: single rollouts, each the mean over its cases. Large ringed marks: the mean of an arm; n = "
        f"{pluralize(len(points), 'rollout')} with both measures. Gray lines: the best that programs can reach on "
        f"these cases, as the product computes it; a limit by reading is in expectation."
    )
    title = "Utility against harm, and what can be reached"
    return (Chart("reachable", title, says, means, lambda: draw(points, means, frontiers, styles)),)


def draw(points: pd.DataFrame, means: pd.DataFrame, frontiers: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """A panel for each task: harm to the right, utility upwards."""
    tasks = [str(task) for task in points["task"].unique()]
    figure, axes = panels(len(tasks), ACROSS if len(tasks) > 1 else 1, 4.2, 0.5, sharey=True)
    handles: dict[str, Any] = {}
    for i, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
        handles |= _limits(ax, frontiers[frontiers["task"] == task])
        rollouts, mean = (table.loc[table["task"] == task] for table in (points, means))
        handles |= _arms(ax, rollouts, mean, styles)
        named(ax, task)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.03, 1.03)
        ax.set_xlabel("harm")
        ax.set_ylabel("utility" if i % ACROSS == 0 else "")
        bare(ax)
    legend(figure, list(handles.values()), list(handles))
    return figure


def _limits(ax: Any, frontiers: pd.DataFrame) -> dict[str, Any]:
    """Each limit as a line that goes on at its greatest utility."""
    handles: dict[str, Any] = {}
    for i, (name, part) in enumerate(frontiers.groupby("limit", sort=False)):
        across, up = [*part["harm"], 1.0], [*part["utility"], part["utility"].iloc[-1]]
        form: dict[str, Any] = {"color": GROUND, "linestyle": LINES[i % len(LINES)], "linewidth": 1.2, "zorder": 1}
        (handles[str(name)],) = ax.plot(across, up, **form)
    return handles


def _arms(ax: Any, points: pd.DataFrame, means: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    for condition, style in styles.items():
        rollouts, mean = (table[table["condition"] == condition] for table in (points, means))
        if mean.empty:
            continue
        form: dict[str, Any] = {"marker": style.marker, "color": style.color, "linestyle": ""}
        ax.plot(rollouts["harm"], rollouts["utility"], markersize=4, alpha=0.45, markeredgewidth=0, zorder=2, **form)
        (handles[style.label],) = ax.plot(
            mean["harm"], mean["utility"], markersize=10, markeredgecolor="black", markeredgewidth=1.1, zorder=3, **form
        )
    return handles
