"""Paired differences between arms with both of their intervals: a forest plot, what was declared primary first."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from agentlab.contrast import Contrast, verdict
from agentlab.report.section import Chart
from agentlab.report.style import BAR, BLUE, GROUND, THIN, canvas, interval, legend, named, rows, short

PRIMARY = "primary"
MOST, ACROSS, WIDEST = 40, 3, 22
"""Rows of a figure, panels side by side, characters of a level."""


def table(contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """One row per contrast. What a judge's anchors forbid to say has no difference."""
    return pd.DataFrame([_row(c) for c in contrasts])


def _row(c: Contrast) -> dict[str, Any]:
    r = c.result
    these, like = (None, None) if c.suppressed else (r.these_tasks, r.tasks_like_these)
    return {
        "measure": c.measure,
        "a": c.a,
        "b": c.b,
        "within": c.within,
        "difference": None if c.suppressed else r.difference,
        "these_low": these and these.low,
        "these_high": these and these.high,
        "like_low": like and like.low,
        "like_high": like and like.high,
        "tasks": r.tasks,
        "pairs": r.pairs,
        "dropped": r.dropped,
        "same_calls": c.identical,
        "verdict": verdict(c),
    }


def charts(data: pd.DataFrame) -> tuple[Chart, ...]:
    """One for what was declared primary, one for everything else; `role` is optional, and without it all is one.

    None where nothing may be said of any difference.
    """
    if data.empty or data["difference"].isna().all():
        return ()
    roles = data["role"].astype("str") if "role" in data else pd.Series("", index=data.index)
    return tuple(
        _chart(data[(roles == role).to_numpy()], role) for role in sorted(map(str, roles.unique()), key=PRIMARY.__ne__)
    )


def _chart(data: pd.DataFrame, role: str) -> Chart:
    own = data.reset_index(drop=True)
    title = f"Paired differences{f', {role}' if role else ''}"
    return Chart(f"forest_{role}" if role else "forest", title, _says(own), own, lambda: draw(own))


def _says(data: pd.DataFrame) -> str:
    lines = _lines(data)
    n = len(lines)
    shown = f"the first {MOST} of {n} pairs of arms" if n > MOST else f"{n} pair{'s' * (n > 1)} of arms"
    like = data["like_low"].notna().any()
    return (
        f"The difference of the first arm less the second, paired by task and draw: {shown}, "
        f"{data['measure'].nunique()} measures, n = {_span(data['pairs'])} pairs of rollouts of {_span(data['tasks'])} "
        "tasks each. Thick: 95% interval for these tasks"
        + (", thin: for tasks like these" if like else "; of tasks like these nothing is claimed")
        + ". An interval that crosses the upright line shows no difference."
    )


def _span(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _lines(data: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(dict.fromkeys(zip(data["a"], data["b"], data["within"], strict=True)))


def draw(data: pd.DataFrame) -> Figure:
    """A panel for each measure, a row for each pair of arms."""
    names, lines = [str(name) for name in data["measure"].unique()], _lines(data)[:MOST]
    down, across = -(-len(names) // ACROSS), min(ACROSS, len(names))
    figure, axes = canvas(down * (0.75 + 0.23 * len(lines)) + 0.4, down, across, sharey=True)
    labels = [_label(*pair) for pair in lines]
    for i, ax in enumerate(axes.flat):
        ax.set_visible(i < len(names))
        if i < len(names):
            _panel(ax, data[(data["measure"] == names[i]).to_numpy()], lines)
            named(ax, names[i])
        rows(ax, labels)
        ax.tick_params(labelleft=i % across == 0)
    key = {
        "difference": Line2D([], [], marker="o", linestyle="", color=BLUE, markersize=3.2, markerfacecolor="white"),
        "95%, these tasks": Line2D([], [], color=BLUE, **BAR),
    }
    if data["like_low"].notna().any():
        key["95%, tasks like these"] = Line2D([], [], color=BLUE, **THIN)
    legend(figure, list(key.values()), list(key))
    return figure


def _label(a: str, b: str, within: str) -> str:
    pair = f"{short(a, WIDEST)} - {short(b, WIDEST)}"
    return f"{pair} ({short(within, WIDEST)})" if within else pair


def _panel(ax: Any, data: pd.DataFrame, lines: Sequence[tuple[str, str, str]]) -> None:
    ax.axvline(0, color=GROUND, linewidth=0.8)
    place = {pair: y for y, pair in enumerate(lines)}
    for row in data.to_dict("records"):
        y = place.get((row["a"], row["b"], row["within"]))
        if y is None:
            continue
        if pd.isna(row["difference"]):
            ax.text(0, y, f" {row.get('verdict') or 'none'}", fontsize=7.5, va="center", color=GROUND)
            continue
        interval(ax, y, (row["like_low"], row["like_high"]), THIN, BLUE)
        interval(ax, y, (row["these_low"], row["these_high"]), BAR, BLUE)
        ax.plot(row["difference"], y, "o", color=BLUE, markersize=3.2, markerfacecolor="white")
        if row.get("verdict") == "coupled, no test":
            ax.annotate(
                "coupled, no test",
                (row["difference"], y),
                (6, 0),
                textcoords="offset points",
                fontsize=7.5,
                va="center",
            )
