"""Two measures against each other: draws, task means and the mean of every arm, with frontier bands where known."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.report.section import Chart, Section
from agentlab.report.style import GROUND, ArmStyle, bare, canvas, legend, short
from agentlab.runs.frames import Run
from agentlab.text import pluralize

MOST, CROWD = 900, 8
"""Draws that are drawn one by one, and arms up to which they are."""
PREFERRED = ("utility", "misalignment")


def pair(run: Run) -> tuple[str, str] | None:
    """The measures on the two axes: those named utility and misalignment, else the first two; None for fewer."""
    names = [m.name for m in run.measured]
    if set(PREFERRED) <= set(names):
        return PREFERRED
    return (names[0], names[1]) if len(names) > 1 else None


def points(run: Run, x: str, y: str) -> pd.DataFrame:
    """One row per rollout that has both measures: `condition`, `task`, `draw`, `x`, `y`."""
    both = run.measures[["condition", "task", "draw", x, y]].dropna()
    return both.rename(columns={x: "x", y: "y"}).astype({"condition": "str", "task": "str"}).reset_index(drop=True)


def by_task(data: pd.DataFrame) -> pd.DataFrame:
    """One row per arm and task with its mean `x`, `y` and n `draws`, and one per arm, of task means, with task ''."""
    groups = data.groupby(["condition", "task"], sort=False)
    tasks = groups[["x", "y"]].mean().assign(draws=groups.size()).reset_index()
    arms = tasks.groupby("condition", sort=False).agg(x=("x", "mean"), y=("y", "mean"), draws=("draws", "sum"))
    return pd.concat([tasks, arms.reset_index().assign(task="")], ignore_index=True)


def section(run: Run, known: Mapping[str, ArmStyle], band: pd.DataFrame | None = None) -> Section:
    """The scatter, or why there is none."""
    title, axes = "One measure against another", pair(run)
    if axes is None:
        return Section("plane", title, "A scatter takes two measures, and this run has fewer.")
    data = points(run, *axes)
    if data.empty:
        return Section("plane", title, f"No rollout has both {axes[0]} and {axes[1]}.")
    title = f"Two measures: {short(axes[0], 40)} against {short(axes[1], 40)}"
    means, each = by_task(data), len(data) <= MOST and data["condition"].nunique() <= CROWD
    missing = len(run.measures) - len(data)
    says = (
        f"{'Small: one rollout each. ' if each else ''}Pale: task means. Large, ringed: an arm's mean of task means; "
        f"n = {pluralize(len(data), 'rollout')} of {pluralize(data['task'].nunique(), 'task')} with both measures"
        f"{f', {missing} more lack one' if missing else ''}."
    )
    drawn = (data if each else data.iloc[:0], means)
    chart = Chart("plane", title, says, means, lambda: draw(*drawn, axes, known, band))
    return Section("plane", title, "", (chart,), {})


def draw(
    each: pd.DataFrame,
    means: pd.DataFrame,
    axes: tuple[str, str],
    known: Mapping[str, ArmStyle],
    band: pd.DataFrame | None,
) -> Figure:
    """Arms by colour and mark."""
    figure, grid = canvas(5.0)
    ax, handles = grid[0][0], dict[str, Any]()
    if band is not None:
        _bands(ax, band, known)
    for condition, look in known.items():
        own, mean = (t[t["condition"] == condition] for t in (each, means))
        if mean.empty:
            continue
        form: dict[str, Any] = {"marker": look.marker, "color": look.colour, "linestyle": ""}
        ax.plot(own["x"], own["y"], markersize=2.6, alpha=0.35, markeredgewidth=0, **form)
        tasks, arm = mean[mean["task"] != ""], mean[mean["task"] == ""]
        ax.plot(tasks["x"], tasks["y"], markersize=5, alpha=0.5, markeredgewidth=0, **form)
        (handles[look.label],) = ax.plot(
            arm["x"], arm["y"], markersize=10, markeredgecolor="black", markeredgewidth=1.1, zorder=5, **form
        )
    ax.set_xlabel(short(axes[0], 60))
    ax.set_ylabel(short(axes[1], 60))
    ax.grid(color="#ECECEC", linewidth=0.7)
    bare(ax)
    legend(figure, list(handles.values()), list(handles))
    return figure


def _bands(ax: Any, band: pd.DataFrame, known: Mapping[str, ArmStyle]) -> None:
    """`band` has one row per arm and x: `condition`, `x`, `low`, `high`."""
    for condition, own in band.groupby("condition", sort=False):
        colour = known[str(condition)].colour if str(condition) in known else GROUND
        ax.fill_between(own["x"], own["low"], own["high"], step="post", color=colour, alpha=0.14, linewidth=0)
