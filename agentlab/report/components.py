"""Variance components by arm: tasks, draws, judge draws side by side, each with its interval."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import (
    GREYS,
    GROUND,
    INK,
    MARKERS,
    THIN,
    ArmStyle,
    interval,
    legend,
    named,
    panels,
    shared_rows,
    short,
)

ACROSS = 2


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its table `components`: `measure`, `condition`, `level`, `variance`, `low`, `high`."""
    data = analysis.tables["components"]
    data = data[(data["level"] != "total").to_numpy()].reset_index(drop=True)
    data = data.astype(dict.fromkeys(("variance", "low", "high"), "float64"))
    says = f"{analysis.says} Marks are estimates, which can be below 0; lines are 95% intervals."
    return (Chart(analysis.name, analysis.title, says, data, lambda: draw(data, styles)),)


def draw(data: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """A panel for each measure, a row for each arm, a mark for each component."""
    measures = [str(name) for name in data["measure"].unique()]
    kinds = [str(name) for name in data.loc[data["variance"].notna(), "level"].unique()]
    arms = [str(name) for name in data["condition"].unique()]
    labels = [styles[name].label if name in styles else short(name, 34) for name in arms]
    height = 0.6 + max(0.26, 0.13 * len(kinds)) * len(arms)
    figure, axes = panels(len(measures), ACROSS, height, 0.5, sharey=True)
    for ax, measure in zip(axes, measures, strict=True):
        _panel(ax, data[(data["measure"] == measure).to_numpy()], arms, kinds)
        named(ax, measure)
    shared_rows(axes, ACROSS, labels)
    legend(figure, [Line2D([], [], **_form(i)) for i, _ in enumerate(kinds)], [short(kind, 40) for kind in kinds])
    return figure


def _panel(ax: Any, data: pd.DataFrame, arms: list[str], kinds: list[str]) -> None:
    ax.axvline(0, color=GROUND, linewidth=0.8)
    for row in data[data["variance"].notna().to_numpy()].to_dict("records"):
        place = kinds.index(str(row["level"]))
        y = arms.index(str(row["condition"])) + _lift(place, len(kinds))
        interval(ax, y, (row["low"], row["high"]), THIN, INK)
        ax.plot(row["variance"], y, **_form(place))
    ax.locator_params(axis="x", nbins=5)


def _form(place: int) -> dict[str, Any]:
    """Each component has a mark and a filling of its own."""
    filling = ("white", *GREYS)[place % (len(GREYS) + 1)]
    marker = MARKERS[place % len(MARKERS)]
    return {"color": INK, "marker": marker, "markerfacecolor": filling, "markersize": 5.5, "linestyle": ""}


def _lift(place: int, count: int) -> float:
    """The distance from the middle of its row, so that the components of an arm stand one below another."""
    return 0.0 if count == 1 else 0.56 * (place / (count - 1) - 0.5)
