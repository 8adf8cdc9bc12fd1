"""What each arm attains at best of two measures: a panel for each arm, its band beside the frontiers of the others."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, ArmStyle, bare, named, panels, short

ACROSS, FAINT = 4, "#BDBDBD"


def charts(analysis: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its table `band`: `condition`, the measure that is given up, the one that is gained, `low`, `high`."""
    band = analysis.tables["band"]
    gained = str(band.columns[2])
    if band[gained].notna().sum() < 2:
        return ()
    shown = "Shaded: simultaneous 95% band. " if band["low"].notna().any() else ""
    says = f"{analysis.says} Colored: the named arm; gray: the others. {shown}"
    return (Chart("frontier", analysis.title, says.strip(), band, lambda: draw(band, styles)),)


def draw(band: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """The measure that the frontier is read at stands upwards, what is attained there to the right."""
    at, gained = (str(name) for name in band.columns[1:3])
    arms = [name for name in styles if name in set(band["condition"])]
    figure, axes = panels(len(arms), ACROSS, 1.9, 0.4, sharex=True, sharey=True)
    for i, (ax, arm) in enumerate(zip(axes, arms, strict=True)):
        for other, part in band.groupby("condition", sort=False):
            if other != arm:
                ax.plot(part[gained], part[at], color=FAINT, linewidth=0.9)
        _named_arm(ax, band[band["condition"] == arm], styles[arm], (gained, at))
        named(ax, styles[arm].label)
        ax.set_xlabel(short(gained, 26) if i + ACROSS >= len(arms) else "", fontsize=8)
        ax.set_ylabel(short(at, 20) if i % ACROSS == 0 else "", fontsize=8)
        ax.tick_params(labelsize=7.5, labelbottom=i + ACROSS >= len(arms), colors=GROUND)
        bare(ax)
    return figure


def _named_arm(ax: Any, band: pd.DataFrame, style: ArmStyle, axes: tuple[str, str]) -> None:
    gained, at = axes
    known = band[band["low"].notna()]
    low, high = (
        known[end].clip(0, 1) if band[gained].dropna().between(0, 1).all() else known[end] for end in ("low", "high")
    )
    ax.fill_betweenx(known[at], low, high, color=style.color, alpha=0.2, linewidth=0)
    form: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 4}
    ax.plot(band[gained], band[at], linewidth=1.6, **form)
