"""Where variance arises: shares by round and by agent, with their intervals, negative ones included."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, THIN, ArmStyle, interval, nth_style, panels, rows, short

TABLES = {"rounds": ("term", "by round"), "agents": ("agent", "by agent")}
MOST, ACROSS = 8, 2
"""Panels of a figure, and side by side."""


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """A figure for rounds and one for agents, of the tables of those names with columns `share` and its interval."""
    charts: list[Chart] = []
    for name, (column, by) in TABLES.items():
        data = analysis.tables.get(name, pd.DataFrame())
        if data.empty or data["share"].notna().sum() == 0:
            continue
        data = data[(data[column] != "total").to_numpy()].reset_index(drop=True)
        left = "" if len(_panels(data)) <= MOST else f" The first {MOST} of {len(_panels(data))} are drawn."
        described = f"Shares of the variance {by}, with 95% intervals over parents."
        says = (
            f"{described} {analysis.says}{left}"
            if not charts
            else f"{described} The parents are those of {charts[0].title}.{left}"
        )
        charts.append(
            Chart(f"shares_{name}", f"{analysis.title}, {by}", says, data, lambda d=data, c=column: draw(d, c, styles))
        )
    return tuple(charts)


def _panels(data: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(data["condition"], data["measure"], strict=True)))


def draw(data: pd.DataFrame, column: str, styles: Mapping[str, ArmStyle]) -> Figure:
    """A panel for each arm and measure, a bar for each term; where an interval crosses 0, the share may be 0."""
    keys = _panels(data)[:MOST]
    parts = [data[(data["condition"] == c) & (data["measure"] == m)] for c, m in keys]
    figure, axes = panels(len(keys), ACROSS, 0.6 + 0.24 * max(map(len, parts)), 0.3)
    for i, (ax, (condition, measure)) in enumerate(zip(axes, keys, strict=True)):
        arm = styles.get(condition, nth_style(i, condition))
        _panel(ax, parts[i], column, arm)
        ax.set_title(short(f"{arm.label}: {measure}", 48), fontsize=9, loc="left", fontweight="bold")
    return figure


def _panel(ax: Any, data: pd.DataFrame, column: str, arm: ArmStyle) -> None:
    form: dict[str, Any] = {"color": arm.color, "hatch": arm.hatch}
    ax.barh(range(len(data)), data["share"], height=0.62, edgecolor="white", linewidth=0.6, alpha=0.75, **form)
    for y, row in enumerate(data.to_dict("records")):
        interval(ax, y, (row["share_low"], row["share_high"]), {**THIN, "marker": "|"}, "black")
    ax.axvline(0, color=GROUND, linewidth=0.8)
    rows(ax, [short(name, 28) for name in data[column]])
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.locator_params(axis="x", nbins=5)
