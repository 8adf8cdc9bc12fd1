"""How pictures look: colors that any color vision can distinguish, and marks and hatches for print in gray."""

import re
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any, cast

import numpy as np
import pandas as pd
from markupsafe import escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.style import context

from agentlab.runs.frames import Run
from agentlab.text import line

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#00805E", "#AA4499"
OCHRE, WINE, STEEL = "#9A7400", "#6E1A3C", "#3F8FC4"
"""After Okabe and Ito (2008) and Tol (2021), darkened so that each stands out from white by 3 : 1 or more."""
COLORS = (BLUE, VERMILION, GREEN, PURPLE, OCHRE, WINE, STEEL)
"""Colors of arms, and of nothing else."""
INK, GROUND, FAINT = "#222222", "#595959", "#D9D9D9"
"""Colors of what belongs to no arm: data, axes and words, and lines behind both."""
GREYS = ("#333333", "#8A8A8A", "#C4C4C4", "#5E5E5E", "#A8A8A8", "#E2E2E2")
"""Grays of the parts of a bar; neighbors differ much."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "..", "\\\\\\\\", "xxx", "---", "+++", "//..")
"""As many marks and hatches as share no factor with the colors, so that 56 arms differ in both or in one."""
BAR: dict[str, Any] = {"linewidth": 3.6, "solid_capstyle": "butt"}
THIN: dict[str, Any] = {"linewidth": 1.2, "solid_capstyle": "butt"}
"""An interval's line ends where the interval does."""
WIDTH, BROAD, NARROW = 7.4, 6.4, 3.6
"""Inches of a figure, of the page's first one, and of the first one on a phone."""

LETTERS = 13
"""Letters of a legend in an inch."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "hatch.linewidth": 0.6,
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": "#595959",
    "xtick.color": "#595959",
    "xtick.labelcolor": "#222222",
}
_TAG = re.compile(r"<[^>]*>")
_NAMES = re.compile(r'(\bid="|url\(#|href="#)')


@dataclass(frozen=True, slots=True)
class ArmStyle:
    """How a condition looks, and its label, the same in every picture."""

    label: str
    color: str
    marker: str
    hatch: str


def arm_styles(run: Run, widest: int = 34) -> dict[str, ArmStyle]:
    """By condition, in the run's order. A label is its levels, of factors that have more than one; without the factor's
    name where there is one such factor."""
    styles: dict[str, ArmStyle] = {}
    factors = [f for f in run.factors if run.conditions[f].nunique() > 1] or run.factors[:1]
    for i, row in enumerate(run.conditions.to_dict("records")):
        levels = [str(row[f]) if len(factors) == 1 else f"{f}={row[f]}" for f in factors]
        label = short(", ".join(levels) or row["condition"] or "all rollouts", widest)
        taken = {style.label for style in styles.values()}
        label = next(name for name in (label, f"{label} ({i + 1})") if name not in taken)
        styles[str(row["condition"])] = nth_style(i, label)
    return styles


def short(text: object, most: int) -> str:
    """`text` on one line of at most so many characters, cut in its middle: names often differ at their ends."""
    flat = line(text, 1000)
    half = (most - 1) // 2
    return flat if len(flat) <= most else f"{flat[: most - 1 - half]}…{flat[-half:]}"


def nth_style(i: int, label: str) -> ArmStyle:
    """The style of the i-th of several things, as different from the others as possible."""
    label = f" {label}" if label.startswith("_") else label  # else a legend leaves it out
    return ArmStyle(label, COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)], HATCHES[i % len(HATCHES)])


@contextmanager
def styled(name: str) -> Generator[None]:
    """Our style, in which the same picture has the same bytes; `name` is unique within a page."""
    with warnings.catch_warnings(), context({**_STYLE, "svg.hashsalt": name}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # whoever shows the picture has more
        yield


def svg(name: str, title: str, draw: Callable[[], Figure]) -> str:
    """The picture as one SVG element that can stand in a page beside others; `title` is read out to who cannot see."""
    with styled(name):
        drawn = cast(Any, FigureCanvasSVG(draw()))
        text = StringIO()
        drawn.print_svg(text, metadata={"Date": None})  # `Figure.savefig` would draw it twice
    marks = text.getvalue()
    marks = re.sub(r"\s*<metadata>.*?</metadata>", "", marks[marks.index("<svg") :], flags=re.DOTALL)
    marks = _TAG.sub(lambda tag: _NAMES.sub(rf"\g<1>{name}-", tag[0]), marks)
    return marks.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def canvas(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **how: Any) -> tuple[Any, Any]:
    """A figure and its axes, an array of (rows, columns)."""
    figure: Any = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **how)


def panels(count: int, across: int, height: float, below: float = 0.0, **how: Any) -> tuple[Any, list[Any]]:
    """A figure and the axes of so many panels, `across` side by side where there are as many.

    Each is `height` inches high, and `below` all is room for a legend.
    """
    down = -(-count // across)
    figure, axes = canvas(down * height + below, down, min(across, count), **how)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:count])


def shared_rows(axes: Sequence[Any], across: int, labels: Sequence[str]) -> None:
    """The same horizontal lines in panels that share their y axis, with labels on the left of all only."""
    for i, ax in enumerate(axes):
        rows(ax, labels)
        ax.tick_params(labelleft=i % across == 0)


def stacked(ax: Any, parts: pd.DataFrame, forms: Sequence[tuple[str, str]]) -> list[Any]:
    """A bar for each row, its columns one after another, each in its color and hatch. Returns a handle for each."""
    handles: list[Any] = []
    left = pd.Series(0.0, index=parts.index)
    for name, (color, hatch) in zip(parts.columns, forms, strict=True):
        how: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white", "linewidth": 0.6}
        handles.append(ax.barh(range(len(parts)), parts[name], left=left, height=0.7, **how))
        left = left + parts[name]
    return handles


def part(i: int) -> tuple[str, str]:
    """Gray and hatch of the i-th part of a bar."""
    return GREYS[i % len(GREYS)], HATCHES[i % len(HATCHES)]


def scaled(ax: Any, ends: tuple[float, float] | None, ticks: int = 5) -> None:
    """The horizontal axis over the whole range of a measure, with room for a mark at either end of it."""
    if ends is not None and ends[1] > ends[0]:
        room = 0.03 * (ends[1] - ends[0])
        ax.set_xlim(ends[0] - room, ends[1] + room)
        ax.set_xticks(np.linspace(*ends, ticks), [f"{tick:g}" for tick in np.linspace(*ends, ticks)])
    else:
        ax.locator_params(axis="x", nbins=ticks)


def rows(ax: Any, labels: Sequence[str]) -> None:
    """A horizontal line for each label, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    bare(ax)
    ax.grid(axis="y", color="#E8E8E8", linewidth=0.8)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def bare(ax: Any) -> None:
    """No frame but the axes."""
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Below everything, in as many columns as the longest label leaves room for."""
    if handles:
        most = max(1, min(len(labels), int(LETTERS * figure.get_figwidth()) // (max(map(len, labels)) + 7)))
        across = -(-len(labels) // -(-len(labels) // most))  # rows of one length
        figure.legend(handles, labels, loc="outside lower center", ncols=across, frameon=False, fontsize=8)


def named(ax: Any, title: str) -> None:
    """A panel's name, to its left."""
    ax.set_title(short(title, 44), fontsize=9.5, loc="left", fontweight="bold")


def interval(ax: Any, y: float, ends: tuple[float, float], how: Mapping[str, Any], color: str) -> None:
    """A horizontal line from end to end; nothing where they are missing."""
    if ends[0] == ends[0] and ends[1] == ends[1]:
        ax.plot(ends, (y, y), "-", color=color, **how)
