"""Paired differences between arms with both of their intervals: a forest plot, primary contrasts apart."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.analysis.contrasts.table import DIFFERENCES, INTERVALS
from agentlab.report.section import Chart
from agentlab.report.style import BAR, BLUE, GROUND, THIN, canvas, interval, legend, named, rows, short
from agentlab.text import pluralize

PRIMARY = "primary"
COLUMNS = (*DIFFERENCES, "a", "b", "within", "scored_a", "scored_b")
MOST, ACROSS, WIDEST = 40, 3, 24
"""Rows of a figure, panels side by side, characters of an arm."""
DOT: dict[str, Any] = {"marker": "o", "linestyle": "", "color": BLUE, "markersize": 3.2, "markerfacecolor": "white"}


def charts(contrasts: pd.DataFrame) -> tuple[Chart, ...]:
    """From the table of contrasts; none where nothing may be said of any difference."""
    data = contrasts[[*COLUMNS]].astype(dict.fromkeys(INTERVALS, "float64"))
    if data["difference"].isna().all():
        return ()
    roles = data["role"].astype("str")
    return tuple(
        _chart(data[(roles == role).to_numpy()], role) for role in sorted(map(str, roles.unique()), key=PRIMARY.__ne__)
    )


def _chart(data: pd.DataFrame, role: str) -> Chart:
    own = data.reset_index(drop=True)
    return Chart(f"forest_{role}", f"Paired differences, {role}", _says(own), own, lambda: draw(own))


def _says(data: pd.DataFrame) -> str:
    n, like = data["contrast"].nunique(), data["new_tasks_low"].notna().any()
    shown = f"the first {MOST} of {n} pairs of arms" if n > MOST else f"{pluralize(n, 'pair')} of arms"
    paired = data["pairs"].notna().all()
    how, unit = ("paired by task and draw", "pairs of") if paired else ("unpaired within tasks", "scored")
    sizes = data["pairs"] if paired else data[["scored_a", "scored_b"]].sum(axis=1)
    low, high = int(sizes.min()), int(sizes.max())
    pairs = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return (
        f"The difference of the first arm less the second, {how}: {shown}, "
        f"{pluralize(data['measure'].nunique(), 'measure')}, n = {pairs} {unit} rollouts each. "
        "Thick: 95% interval for these tasks"
        + (", thin: for new tasks" if like else "; of new tasks nothing is claimed")
        + ". An interval that crosses the upright line is compatible with no difference."
    )


def draw(data: pd.DataFrame) -> Figure:
    """A panel for each measure, a row for each pair of arms."""
    names = [str(name) for name in data["measure"].unique()]
    pairs = data.drop_duplicates("contrast").head(MOST)
    lines = [str(name) for name in pairs["contrast"]]
    down, across = -(-len(names) // ACROSS), min(ACROSS, len(names))
    figure, axes = canvas(down * (0.75 + 0.23 * len(lines)) + 0.4, down, across, sharey=True)
    for i, ax in enumerate(axes.flat):
        ax.set_visible(i < len(names))
        if i < len(names):
            _panel(ax, data[(data["measure"] == names[i]).to_numpy()], lines)
            named(ax, names[i])
        rows(ax, [_label(*row) for row in pairs[["a", "b", "within"]].itertuples(index=False)])
        ax.tick_params(labelleft=i % across == 0)
    key: dict[str, Any] = {"difference": Line2D([], [], **DOT), "95%, these tasks": Line2D([], [], color=BLUE, **BAR)}
    if data["new_tasks_low"].notna().any():
        key["95%, new tasks"] = Line2D([], [], color=BLUE, **THIN)
    legend(figure, list(key.values()), list(key))
    return figure


def _label(a: str, b: str, within: str) -> str:
    """Both arms, each shortened by itself."""
    return f"{short(a, WIDEST)} - {short(f'{b} ({within})' if within else b, WIDEST)}"


def _panel(ax: Any, data: pd.DataFrame, lines: Sequence[str]) -> None:
    ax.axvline(0, color=GROUND, linewidth=0.8)
    place = {name: y for y, name in enumerate(lines)}
    text: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7.5, "va": "center", "color": GROUND}
    for row in data.to_dict("records"):
        y = place.get(str(row["contrast"]))
        if y is None:
            continue
        there = row["difference"] == row["difference"]
        if there:
            interval(ax, y, (row["new_tasks_low"], row["new_tasks_high"]), THIN, BLUE)
            interval(ax, y, (row["these_tasks_low"], row["these_tasks_high"]), BAR, BLUE)
            ax.plot(row["difference"], y, **DOT)
        if not there or row["these_tasks_low"] != row["these_tasks_low"]:
            ax.annotate(str(row["conclusion"]), (row["difference"] if there else 0.0, y), (6, 0), **text)
