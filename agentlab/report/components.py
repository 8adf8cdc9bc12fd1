"""Variance components by arm: tasks, draws, judge draws side by side, each with its interval."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, THIN, ArmStyle, canvas, interval, legend, look, named, rows, short

ACROSS = 2


def charts(found: Analysis, known: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its table `components`: `measure`, `condition`, `level`, `variance`, `low`, `high`."""
    data = found.tables["components"]
    data = data[(data["level"] != "total").to_numpy()].reset_index(drop=True)
    data = data.astype(dict.fromkeys(("variance", "low", "high"), "float64"))
    says = f"{found.says} Marks: estimates, which can be below 0; lines: 95% intervals."
    return (Chart(found.name, found.title, says, data, lambda: draw(data, known)),)


def draw(data: pd.DataFrame, known: Mapping[str, ArmStyle]) -> Figure:
    """A panel for each measure, a row for each arm, a mark for each component."""
    measures = [str(name) for name in data["measure"].unique()]
    kinds = [str(name) for name in data["level"].unique()]
    arms = [str(name) for name in data["condition"].unique()]
    labels = [known[name].label if name in known else short(name, 34) for name in arms]
    down = -(-len(measures) // ACROSS)
    height = down * (0.6 + max(0.26, 0.13 * len(kinds)) * len(arms)) + 0.5
    figure, axes = canvas(height, down, min(ACROSS, len(measures)), sharey=True)
    for i, ax in enumerate(axes.flat):
        ax.set_visible(i < len(measures))
        if i < len(measures):
            _panel(ax, data[(data["measure"] == measures[i]).to_numpy()], arms, kinds)
            named(ax, measures[i])
        rows(ax, labels)
        ax.tick_params(labelleft=i % ACROSS == 0)
    looks = [look(i, kind) for i, kind in enumerate(kinds)]
    handles = [Line2D([], [], color=one.colour, marker=one.marker, linestyle="") for one in looks]
    legend(figure, handles, [short(one.label, 40) for one in looks])
    return figure


def _panel(ax: Any, data: pd.DataFrame, arms: list[str], kinds: list[str]) -> None:
    ax.axvline(0, color=GROUND, linewidth=0.8)
    for row in data.to_dict("records"):
        place = kinds.index(str(row["level"]))
        form, y = look(place, ""), arms.index(str(row["condition"])) + _lift(place, len(kinds))
        interval(ax, y, (row["low"], row["high"]), THIN, form.colour)
        ax.plot(row["variance"], y, form.marker, color=form.colour, markersize=4.5)
    ax.locator_params(axis="x", nbins=5)


def _lift(place: int, count: int) -> float:
    """From the middle of its row, so that the components of an arm stand one below another."""
    return 0.0 if count == 1 else 0.56 * (place / (count - 1) - 0.5)
