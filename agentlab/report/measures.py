"""Measures by condition: means with both intervals, bounds for missing values, and means of delivered rollouts only."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.row import ends
from agentlab.analysis.summary import Summary
from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import (
    BAR,
    FAINT,
    GROUND,
    THIN,
    ArmStyle,
    interval,
    legend,
    named,
    panels,
    scaled,
    shared_rows,
)
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import CHANCE
from agentlab.text import pluralize

ACROSS = 3
"""Panels side by side."""


def section(material: Material) -> Section:
    """The means of every arm. Its figure is left out when nothing was scored."""
    run, summary = material.run, material.summary
    data = means(run, summary)
    missing = int(data["missing"].sum()) if len(data) else 0
    drawn = int(data.loc[data["mean"].notna(), "measure"].nunique())
    thin = (
        (", and the thin line is the interval for new tasks")
        if len(data) and data["new tasks_low"].notna().any()
        else ""
    )
    says = (
        f"Means of task means of {pluralize(drawn, 'measure')} in "
        f"{pluralize(len(summary.arms), 'condition')}, n = {pluralize(len(run.measures), 'rollout')} of "
        f"{pluralize(run.measures['task'].nunique(), 'task')}. The thick line is the 95% "
        f"interval for these tasks{thin}. Arms share their "
        "tasks, so overlapping intervals say nothing about a difference: see the paired differences."
    )
    notes = _notes(run, summary, missing)
    charts = (
        (Chart("measures", "Measures by condition", says, data, lambda: draw(data, material.styles, summary.measures)),)
        if len(data) and data["mean"].notna().any()
        else ()
    )
    count = pluralize(len(run.measures), "rollout")
    nothing = "All measures are suppressed" if summary.suppressed else "Nothing is scored"
    note = "" if charts else f"{nothing}: n = {count} without a value to show."
    return Section("measures", "Measures by condition", note, charts, {"measures": data}, tuple(notes))


def _notes(run: Run, summary: Summary, missing: int) -> list[str]:
    notes: list[str] = []
    if missing:
        ends = "gray brackets show the mean if all missing values were at one end of the range"
        notes.append(f"{missing} values are missing: {ends}.")
    notes += [f"{measure}: suppressed: {why}." for measure, why in summary.suppressed.items()]
    if (run.rollouts["status"] != "delivered").any():
        notes.append("Hollow marks: the mean of delivered rollouts only.")
    alike = [
        f"{m}, {arm.condition}"
        for arm in summary.arms
        for m, mean in arm.means.items()
        if CHANCE in mean.new_tasks.notes
    ]
    return [*notes, f"{'; '.join(alike)}: {CHANCE}."] if alike else notes


def means(run: Run, summary: Summary) -> pd.DataFrame:
    """One row per measure and condition: n, mean with both intervals, bounds, and the mean of delivered rollouts."""
    records: list[dict[str, Any]] = []
    for measure in (m.name for m in run.measured):
        for arm in summary.arms:
            bounds, mean = arm.measures[measure], arm.means[measure]
            rows = (run.measures["condition"] == arm.condition).to_numpy() & run.measures[measure].notna().to_numpy()
            records.append(
                {
                    "measure": measure,
                    "condition": arm.condition,
                    "tasks": run.measures.loc[rows, "task"].nunique(),
                    "rollouts": arm.rollouts,
                    "scored": bounds.n,
                    "missing": bounds.missing,
                    "mean": bounds.observed,
                    **ends("these tasks", mean.these_tasks),
                    **ends("new tasks", mean.new_tasks),
                    "bound_low": bounds.low if bounds.missing else None,
                    "bound_high": bounds.high if bounds.missing else None,
                    "delivered_only": None if set(arm.statuses) == {"delivered"} else arm.delivered[measure],
                }
            )
    columns = ["measure", "condition", "rollouts", "missing", "mean"]
    table = pd.DataFrame(records) if records else pd.DataFrame(columns=columns)
    numbers = [name for name in table.columns if name in ("mean", "delivered_only") or "low" in name or "high" in name]
    return table.astype(dict.fromkeys(numbers, "float64"))


def draw(data: pd.DataFrame, styles: Mapping[str, ArmStyle], known: Mapping[str, MeasureSummary]) -> Figure:
    """A panel for each measure over its whole range, a row for each condition."""
    names = [str(name) for name in data.loc[data["mean"].notna(), "measure"].unique()]
    conditions = [name for name in styles if name in set(data["condition"])]
    figure, axes = panels(len(names), ACROSS, 0.8 + 0.24 * len(conditions), 0.5, sharey=True)
    for ax, name in zip(axes, names, strict=True):
        by_condition = data[(data["measure"] == name).to_numpy()].set_index("condition")
        for y, condition in enumerate(conditions):
            _row(ax, y, by_condition.loc[condition], styles[condition])
        scaled(ax, known[name].range)
        ax.grid(axis="x", color=FAINT, linewidth=0.5)
        _directed(ax, known[name].better)
        named(ax, name)
    shared_rows(axes, ACROSS, [styles[condition].label for condition in conditions])
    legend(figure, *_key(data))
    return figure


def _directed(ax: Any, better: int | None) -> None:
    """Which end of the axis is the better one."""
    if better is not None:
        ax.set_title("better →" if better > 0 else "← better", fontsize=8.5, loc="right")


def _row(ax: Any, y: int, row: Any, style: ArmStyle) -> None:
    if row["missing"]:
        interval(ax, y + 0.3, (row["bound_low"], row["bound_high"]), {"marker": "|", **THIN}, GROUND)
    interval(ax, y, (row["new tasks_low"], row["new tasks_high"]), THIN, style.color)
    interval(ax, y, (row["these tasks_low"], row["these tasks_high"]), BAR, style.color)
    ax.plot(row["mean"], y, style.marker, color=style.color, markersize=6.5)
    if row["delivered_only"] == row["delivered_only"]:
        ax.plot(row["delivered_only"], y - 0.3, style.marker, color=style.color, markerfacecolor="white", markersize=5)


def _key(data: pd.DataFrame) -> tuple[list[Any], list[str]]:
    handles: dict[str, Any] = {
        "mean": Line2D([], [], marker="o", linestyle="", color=GROUND),
        "95%, these tasks": Line2D([], [], color=GROUND, **BAR),
    }
    if data["new tasks_low"].notna().any():
        handles["95%, new tasks"] = Line2D([], [], color=GROUND, **THIN)
    if data["missing"].any():
        handles["bounds with missing values"] = Line2D([], [], color=GROUND, marker="|", **THIN)
    if data["delivered_only"].notna().any():
        handles["delivered only"] = Line2D([], [], marker="o", linestyle="", color=GROUND, markerfacecolor="white")
    return list(handles.values()), list(handles)
