"""A panel for each task: the arms' means and draws on two measures, or on one where the run has no more."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.report.scatter import MOST as MOST_DRAWS
from agentlab.report.scatter import by_task, pair, points, shown
from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import ArmStyle, bare, legend, panels, scaled, shared_rows, short
from agentlab.runs.frames import Run
from agentlab.text import pluralize

MOST, ACROSS = 24, 4
"""Tasks that get a panel, panels side by side."""


def section(material: Material) -> Section:
    """The panels, or why there are none."""
    run, styles = material.run, material.styles
    title, axes = "Task by task", pair(run)
    names = [*axes] if axes else shown(run)[:1]
    if not names:
        return Section("panels", title, "All measures of the run are suppressed, or it has none.")
    data = points(run, *axes) if axes else _alone(run, names[0], styles)
    if data.empty:
        return Section("panels", title, "No rollout is scored.")
    means, tasks = by_task(data), data["task"].nunique()
    if axes and tasks == 1:
        return Section("panels", title, "The picture of two measures shows the only task.")
    which = f"the first {MOST} of {tasks} tasks" if tasks > MOST else pluralize(tasks, "task")
    each = len(data) <= MOST_DRAWS * 2
    what = (
        (f"{names[0]} on the horizontal axis, {names[1]} on the vertical axis")
        if axes
        else f"{names[0]} on the horizontal axis, one arm per line"
    )
    says = (
        f"{what}, with the same axes for {which}. Ringed marks: the mean of an arm's draws on the task"
        f"{'; pale marks: single draws' if each else ''}; n = {pluralize(len(data), 'rollout')}, "
        f"{_draws(means)} of each arm on each task."
    )
    drawn = data if each else data.iloc[:0]
    return Section(
        "panels",
        title,
        "",
        (
            Chart(
                "panels",
                title,
                says,
                means,
                lambda: draw(drawn, means, names, styles, material.summary.measures[names[0]].range),
            ),
        ),
    )


def _draws(means: pd.DataFrame) -> str:
    counts = means.loc[means["task"] != "", "draws"]
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _alone(run: Run, measure: str, styles: Mapping[str, ArmStyle]) -> pd.DataFrame:
    """The same columns, with an arm's place as `y`."""
    place = {condition: float(i) for i, condition in enumerate(styles)}
    scored = run.measures[["condition", "task", "draw", measure]].dropna().rename(columns={measure: "x"})
    scored = scored.astype({"condition": "str", "task": "str"}).reset_index(drop=True)
    return scored.assign(y=scored["condition"].map(place))


def draw(
    each: pd.DataFrame,
    means: pd.DataFrame,
    names: Sequence[str],
    styles: Mapping[str, ArmStyle],
    ends: tuple[float, float] | None,
) -> Figure:
    """Every panel has the same axes, so that tasks can be compared."""
    tasks = [str(name) for name in means["task"].unique() if name][:MOST]
    alone = len(names) == 1
    high = 0.6 + 0.24 * len(styles) if alone else 1.75
    figure, axes = panels(len(tasks), ACROSS, high, 0.3 if alone else 0.9, sharex=True, sharey=True)
    handles: dict[str, Any] = {}
    for i, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
        handles |= _panel(ax, each[each["task"] == task], means[means["task"] == task], styles)
        ax.set_title(short(task, 26), fontsize=8, loc="left")
        ax.grid(color="#ECECEC", linewidth=0.7)
        ax.tick_params(labelsize=7.5, labelbottom=i + ACROSS >= len(tasks))
        bare(ax)
        if i + ACROSS >= len(tasks):
            ax.set_xlabel(short(names[0], 26), fontsize=8)
        if i % ACROSS == 0 and len(names) > 1:
            ax.set_ylabel(short(names[1], 20), fontsize=8)
    if alone:
        scaled(axes[0], ends, 3)
        shared_rows(axes, ACROSS, [style.label for style in styles.values()])
    else:
        legend(figure, list(handles.values()), list(handles))
    return figure


def _panel(ax: Any, each: pd.DataFrame, means: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    for condition, style in styles.items():
        draws, mean = (t[t["condition"] == condition] for t in (each, means))
        if mean.empty:
            continue
        form: dict[str, Any] = {"marker": style.marker, "color": style.color, "linestyle": ""}
        ax.plot(draws["x"], draws["y"], markersize=3, alpha=0.45, markeredgewidth=0, **form)
        (handles[style.label],) = ax.plot(
            mean["x"], mean["y"], markersize=6, markeredgecolor="black", markeredgewidth=0.8, zorder=5, **form
        )
    return handles
