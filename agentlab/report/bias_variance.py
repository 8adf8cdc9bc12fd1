"""Error as bias and variance, stacked by arm, with the ratio of variance to error beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, INK, THIN, ArmStyle, canvas, interval, legend, rows, scaled, short

RATIO = ("incoherence", "incoherence_low", "incoherence_high")
BIAS, VARIANCE = {"color": "#A8A8A8", "hatch": "////"}, {"color": "#3F3F3F", "hatch": ""}


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its first table: `measure`, `condition`, `bias2`, `variance`, `error`, `incoherence` with its interval, and
    `loss` where there are several."""
    data = next(iter(analysis.tables.values()))
    if not {"bias2", "variance", *RATIO} <= set(data.columns):
        return ()
    data = data[data[RATIO[0]].notna().to_numpy()].reset_index(drop=True)  # 0/1 loss has none: its parts do not add up
    if data.empty:
        return ()
    data = data.astype(dict.fromkeys(("bias2", "variance", *RATIO), "float64"))
    says = (
        f"{analysis.says} Left: bias² and variance, which add up to the error; estimates below 0 extend to the left of "
        f"0. Right: incoherence, the share of variance in the error, with its 95% interval; for right-or-wrong "
        f"answers it rises with accuracy, so read it together with the other columns of the table."
    )
    return (Chart(analysis.name, analysis.title, says, data, lambda: draw(data, styles)),)


def draw(data: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """A row of two panels for each measure and loss."""
    keys = [name for name in ("measure", "loss") if name in data]
    groups = [part.reset_index(drop=True) for _, part in data.groupby(keys, sort=False)]
    heights = [0.55 + 0.24 * len(part) for part in groups]
    figure, axes = canvas(sum(heights) + 0.6, len(groups), 2, height_ratios=heights, width_ratios=[3, 2])
    handles: dict[str, Any] = {}
    for part, (left, right) in zip(groups, axes, strict=True):
        handles = _stacked(left, part)
        _ratio(right, part)
        labels = [styles[str(c)].label if str(c) in styles else short(c, 34) for c in part["condition"]]
        rows(left, labels)
        rows(right, labels)
        right.tick_params(labelleft=False)
        head = ", ".join(str(part[key].iloc[0]) for key in keys)
        left.set_title(short(head, 60), fontsize=9, loc="left", fontweight="bold")
        right.set_title("incoherence", fontsize=9, loc="left")
    legend(figure, list(handles.values()), list(handles))
    return figure


def _stacked(ax: Any, data: pd.DataFrame) -> dict[str, Any]:
    """A negative part goes left of 0 and the other begins at 0."""
    bias, variance = (data[name].fillna(0.0).to_numpy(dtype="float64") for name in ("bias2", "variance"))
    start = np.where((bias > 0) & (variance > 0), bias, 0.0)
    how: dict[str, Any] = {"height": 0.66, "edgecolor": "white", "linewidth": 0.6}
    first = ax.barh(range(len(data)), bias, **how, **BIAS)
    second = ax.barh(range(len(data)), variance, left=start, **how, **VARIANCE)
    ax.axvline(0, color=GROUND, linewidth=0.8)
    ax.locator_params(axis="x", nbins=6)
    return {"bias²": first, "variance": second}


def _ratio(ax: Any, data: pd.DataFrame) -> None:
    for y, row in enumerate(data.to_dict("records")):
        interval(ax, y, (row["incoherence_low"], row["incoherence_high"]), THIN, INK)
        ax.plot(row["incoherence"], y, "o", color=INK, markersize=5.5)
    low, high = ax.get_xlim()
    scaled(ax, (0.0, 1.0))
    ax.set_xlim(min(ax.get_xlim()[0], low), max(ax.get_xlim()[1], high))
