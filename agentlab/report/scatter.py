"""Two measures against each other: draws, task means and the mean of every arm."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.suppressed import suppressed_measures
from agentlab.report.labels import label
from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import ArmStyle, bare, canvas, legend, short
from agentlab.runs.frames import Run
from agentlab.text import pluralize

MOST, CROWD = 900, 8
"""The most draws, and the most arms, at which draws are drawn one by one."""
PREFERRED = ("utility", "misalignment")


def pair(run: Run) -> tuple[str, str] | None:
    """The measures on the two axes: those named utility and misalignment, else the first two; None for fewer.

    Measures that are suppressed are on none.
    """
    names = shown(run)
    if set(PREFERRED) <= set(names):
        return PREFERRED
    return (names[0], names[1]) if len(names) > 1 else None


def shown(run: Run) -> list[str]:
    """The measures that may be shown by arm."""
    hidden = suppressed_measures(run)
    return [m.name for m in run.measured if m.name not in hidden]


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


def section(material: Material) -> Section:
    """The scatter, or why there is none."""
    run = material.run
    title, axes = "One measure against another", pair(run)
    if axes is None:
        return Section(
            "plane", title, "A scatter plot needs two measures that are not suppressed, and this run has fewer."
        )
    data = points(run, *axes)
    if data.empty:
        return Section("plane", title, f"No rollout has both {axes[0]} and {axes[1]}.")
    title = f"Two measures: {short(axes[0], 40)} against {short(axes[1], 40)}"
    means, each = by_task(data), len(data) <= MOST and data["condition"].nunique() <= CROWD
    missing = len(run.measures) - len(data)
    says = (
        f"{'Small marks: single rollouts. ' if each else ''}Pale marks: task means. Large ringed marks: an arm's "
        f"mean of task means; n = {pluralize(len(data), 'rollout')} of {pluralize(data['task'].nunique(), 'task')} "
        f"with both measures"
        f"{f', {missing} more lack one' if missing else ''}."
    )
    drawn = (data if each else data.iloc[:0], means)
    chart = Chart("plane", title, says, means, lambda: draw(*drawn, axes, material.styles))
    return Section("plane", title, "", (chart,), {})


def draw(
    each: pd.DataFrame,
    means: pd.DataFrame,
    axes: tuple[str, str],
    styles: Mapping[str, ArmStyle],
) -> Figure:
    """Arms by color and mark."""
    figure, grid = canvas(5.0)
    ax, handles, places = grid[0][0], dict[str, Any](), dict[str, tuple[float, float]]()
    for condition, style in styles.items():
        draws, mean = (t[t["condition"] == condition] for t in (each, means))
        if mean.empty:
            continue
        form: dict[str, Any] = {"marker": style.marker, "color": style.color, "linestyle": ""}
        ax.plot(draws["x"], draws["y"], markersize=3, alpha=0.4, markeredgewidth=0, **form)
        tasks, arm = mean[mean["task"] != ""], mean[mean["task"] == ""]
        ax.plot(tasks["x"], tasks["y"], markersize=5.5, alpha=0.55, markeredgewidth=0, **form)
        places[condition] = (float(arm["x"].iloc[0]), float(arm["y"].iloc[0]))
        (handles[style.label],) = ax.plot(
            arm["x"], arm["y"], markersize=10, markeredgecolor="black", markeredgewidth=1.1, zorder=5, **form
        )
    ax.set_xlabel(short(axes[0], 60))
    ax.set_ylabel(short(axes[1], 60))
    ax.grid(color="#ECECEC", linewidth=0.7)
    bare(ax)
    left = label(figure, ax, {style.label: places[c] for c, style in styles.items() if c in places})
    legend(figure, [handles[name] for name in left], left)
    return figure
