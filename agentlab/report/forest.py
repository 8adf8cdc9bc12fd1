"""Paired differences between arms with both of their intervals: forest plots, primary contrasts apart."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.analysis.contrasts.table import DIFFERENCES, INTERVALS
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.report.section import Chart
from agentlab.report.style import (
    BAR,
    BROAD,
    FAINT,
    GROUND,
    INK,
    NARROW,
    THIN,
    canvas,
    interval,
    legend,
    named,
    rows,
    short,
)
from agentlab.text import pluralize

PRIMARY = "primary"
COLUMNS = (*DIFFERENCES, "a", "b", "within", "scored_a", "scored_b")
MOST, ACROSS, WIDEST = 40, 3, 24
"""Rows of a figure, panels side by side, characters of an arm."""
HEADLINE = 8
"""Rows of the page's first figure."""
ABOVE: dict[str, Any] = {
    "fontsize": 8,
    "va": "bottom",
    "color": INK,
    "linespacing": 1.4,
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1},
}
"""What is written above an interval, on lines that it hides."""
DOT: dict[str, Any] = {"marker": "o", "linestyle": "", "color": INK, "markersize": 3.8, "markerfacecolor": "white"}
Measures = Mapping[str, MeasureSummary]


def charts(contrasts: pd.DataFrame, measures: Measures) -> tuple[Chart, ...]:
    """By role, where anything may be said of a difference; what the page's first figure shows is not drawn again."""
    data = _known(contrasts)
    roles = data["role"].astype("str")
    parts = [data[(roles == role).to_numpy()] for role in sorted(map(str, roles.unique()), key=PRIMARY.__ne__)]
    first = headline(contrasts, measures)
    drawn = 0 if first is None else len(first.data)
    shown = [part for part in parts if part["difference"].notna().any()]
    return tuple(
        _chart(_sorted(part), measures)
        for part in shown
        if part["difference"].notna().sum() > drawn or (part is not shown[0])
    )


def headline(contrasts: pd.DataFrame, measures: Measures) -> Chart | None:
    """The primary contrasts, or the first ones where none is; None where nothing may be said of any."""
    data = _known(contrasts)
    data = data[data["difference"].notna().to_numpy()]
    primary = data[(data["role"] == PRIMARY).to_numpy()]
    chosen = (primary if len(primary) else data).head(HEADLINE if len(primary) else 3).reset_index(drop=True)
    if chosen.empty:
        return None
    title = "Primary contrasts" if len(primary) else "The first contrasts"
    return Chart(
        "headline",
        title,
        _intervals(chosen),
        chosen,
        lambda: draw_with_numbers(chosen, measures),
        lambda: draw_narrow(chosen, measures),
    )


def _known(contrasts: pd.DataFrame) -> pd.DataFrame:
    return (
        contrasts[[*COLUMNS]].astype(dict.fromkeys(INTERVALS, "float64"))
        if len(contrasts)
        else pd.DataFrame({name: [] for name in COLUMNS})
    )


def _sorted(data: pd.DataFrame) -> pd.DataFrame:
    """Pairs of the same other levels together, the largest difference of each pair's first measure on top."""
    first = data.drop_duplicates("contrast")[["within", "difference", "contrast"]].fillna({"difference": -math.inf})
    contrasts = first.itertuples(index=False)
    keyed = [(str(within), -float(difference), str(contrast)) for within, difference, contrast in contrasts]
    place = {contrast: i for i, (_, _, contrast) in enumerate(sorted(keyed))}
    order = [place[str(name)] for name in data["contrast"]]
    return data.assign(place=order).sort_values("place", kind="stable").drop(columns="place").reset_index(drop=True)


def _chart(data: pd.DataFrame, measures: Measures) -> Chart:
    role = str(data["role"].iloc[0])
    return Chart(f"forest_{role}", f"Paired differences, {role}", _says(data), data, lambda: draw(data, measures))


def _says(data: pd.DataFrame) -> str:
    n = data["contrast"].nunique()
    shown = f"the first {MOST} of {n} pairs of arms" if n > MOST else f"{pluralize(n, 'pair')} of arms"
    return f"{shown[0].upper()}{shown[1:]}, {pluralize(data['measure'].nunique(), 'measure')}. {_intervals(data)}"


def _intervals(data: pd.DataFrame) -> str:
    like, paired = data["new_tasks_low"].notna().any(), data["pairs"].notna().all()
    how, unit = ("paired by task and draw", "pairs of rollouts") if paired else ("unpaired within tasks", "rollouts")
    sizes = data["pairs"] if paired else data[["scored_a", "scored_b"]].sum(axis=1)
    low, high = int(sizes.min()), int(sizes.max())
    size = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    thin = "; thin line: for new tasks" if like else "; there are too few tasks for a conclusion about new tasks"
    return (
        f"The first arm minus the second, {how}; n = {size} {unit} each. "
        f"Thick line: 95% interval for these tasks{thin}. "
        "An interval that reaches 0 is compatible with no difference."
    )


def draw_with_numbers(data: pd.DataFrame, measures: Measures) -> Figure:
    """A panel for each measure, one below another, with the numbers written beside the intervals."""
    parts = [part.reset_index(drop=True) for _, part in data.groupby("measure", sort=False)]
    labels = [
        [_label(*row, narrow=True) for row in part[["a", "b", "within"]].itertuples(index=False)] for part in parts
    ]
    line = 0.36 if any("\n" in text for names in labels for text in names) else 0.26
    heights = [0.6 + line * len(part) for part in parts]
    figure, axes = canvas(sum(heights) + 0.35, len(parts), 1, width=BROAD, height_ratios=heights)
    for part, names, ax in zip(parts, labels, axes.flat, strict=True):
        measure = str(part["measure"].iloc[0])
        _panel(ax, part, [str(name) for name in part["contrast"]], concluded=False)  # the numbers stand at the right
        named(ax, measure)
        rows(ax, names)
        _direct(ax, measures[measure].better, _first(part))
        right_axis = ax.twinx()
        rows(right_axis, [_numbers(row) for row in part.to_dict("records")])
        right_axis.grid(False)
    _key(figure, data)
    return figure


def draw_narrow(data: pd.DataFrame, measures: Measures) -> Figure:
    """The same with the arms and the numbers above each interval."""
    parts = [part.reset_index(drop=True) for _, part in data.groupby("measure", sort=False)]
    heights = [0.6 + 0.64 * len(part) for part in parts]
    figure, axes = canvas(sum(heights) + 0.5, len(parts), 1, width=NARROW, height_ratios=heights)
    for part, ax in zip(parts, axes.flat, strict=True):
        measure = str(part["measure"].iloc[0])
        _panel(ax, part, [str(name) for name in part["contrast"]], concluded=False)
        named(ax, measure)
        rows(ax, [""] * len(part))
        ax.set_ylim(len(part) - 0.7, -0.8)
        for y, row in enumerate(part.to_dict("records")):
            text = f"{_label(row['a'], row['b'], row['within'])}\n{_numbers(row)}"
            ax.text(0, y - 0.16, text, transform=ax.get_yaxis_transform(), **ABOVE)
        _direct(ax, measures[measure].better, _first(part))
    _key(figure, data)
    return figure


def _first(part: pd.DataFrame) -> str:
    """What the first arm of all these contrasts is called."""
    arms = [str(name) for name in part["a"].unique()]
    return arms[0] if len(arms) == 1 and len(arms[0]) < WIDEST else "first arm"


def _numbers(row: Mapping[Any, Any]) -> str:
    new = row["new_tasks_low"] == row["new_tasks_low"]
    low, high = (
        (row["new_tasks_low"], row["new_tasks_high"]) if new else (row["these_tasks_low"], row["these_tasks_high"])
    )
    size = f"n = {int(row['pairs']):,}" if pd.notna(row["pairs"]) else f"n = {row['scored_a']:,} + {row['scored_b']:,}"
    ends = f" [{low:+z.3f}, {high:+z.3f}]" if low == low else ""
    return f"{row['difference']:+z.3f}{ends}, {size}".replace("-", "−")


def draw(data: pd.DataFrame, measures: Measures) -> Figure:
    """A panel for each measure, a row for each pair of arms."""
    names = [str(name) for name in data["measure"].unique()]
    pairs = data.drop_duplicates("contrast").head(MOST)
    lines = [str(name) for name in pairs["contrast"]]
    down, across = -(-len(names) // ACROSS), min(ACROSS, len(names))
    figure, axes = canvas(down * (0.95 + 0.23 * len(lines)) + 0.4, down, across, sharey=True)
    for i, ax in enumerate(axes.flat):
        ax.set_visible(i < len(names))
        if i < len(names):
            _panel(ax, data[(data["measure"] == names[i]).to_numpy()], lines)
            named(ax, names[i])
            _direct(ax, measures[names[i]].better, "first arm")
        _labelled(ax, pairs)
        ax.tick_params(labelleft=i % across == 0)
    _key(figure, data)
    return figure


def _key(figure: Any, data: pd.DataFrame) -> None:
    key: dict[str, Any] = {"difference": Line2D([], [], **DOT), "95%, these tasks": Line2D([], [], color=INK, **BAR)}
    if data["new_tasks_low"].notna().any():
        key["95%, new tasks"] = Line2D([], [], color=INK, **THIN)
    legend(figure, list(key.values()), list(key))


def _labelled(ax: Any, pairs: pd.DataFrame) -> None:
    rows(ax, [_label(*row) for row in pairs[["a", "b", "within"]].itertuples(index=False)])


def _label(a: str, b: str, within: str, narrow: bool = False) -> str:
    """Both arms, each shortened by itself; one below another where they are long."""
    first, second = short(a, WIDEST), short(f"{b} ({within})" if within else b, WIDEST)
    return f"{first} −{chr(10) if narrow and len(first + second) > WIDEST + 4 else ' '}{second}"


def _direct(ax: Any, better: int | None, who: str) -> None:
    """Says below the axis on which side of 0 that arm is the better one."""
    if better is not None:
        text = f"{who} better →" if better > 0 else f"← {who} better"
        ax.set_xlabel(text, fontsize=8.5, loc="right" if better > 0 else "left", color=INK)


def _panel(ax: Any, data: pd.DataFrame, lines: Sequence[str], concluded: bool = True) -> None:
    """Intervals; `concluded` writes the conclusion beside a difference that has none."""
    ax.axvline(0, color=GROUND, linewidth=1)
    place = {name: y for y, name in enumerate(lines)}
    text: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "va": "center", "color": GROUND}
    for row in data.to_dict("records"):
        y = place.get(str(row["contrast"]))
        if y is None:
            continue
        there = row["difference"] == row["difference"]
        if there:
            interval(ax, y, (row["new_tasks_low"], row["new_tasks_high"]), THIN, INK)
            interval(ax, y, (row["these_tasks_low"], row["these_tasks_high"]), BAR, INK)
            ax.plot(row["difference"], y, zorder=5, **DOT)
        if concluded and (not there or row["these_tasks_low"] != row["these_tasks_low"]):
            ax.annotate(str(row["conclusion"]), (row["difference"] if there else 0.0, y), (6, 0), **text)
    ax.locator_params(axis="x", nbins=5)
    ax.grid(axis="x", color=FAINT, linewidth=0.5)
