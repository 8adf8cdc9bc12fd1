"""One rollout's path: its expected outcome after each round, with a simultaneous band."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, INK, bare, named, panels, short

ACROSS = 2
CHARACTERS = 54
"""Of all labels below a panel together, so that none reaches into the next."""
SHORTEST = 6
"""Characters of a name that still tell whose it is."""


def chart(analysis: Analysis, name: str) -> Chart:
    """From its table `path`: `measure`, `cut`, `round`, `agents`, `expected` with its band, `decisive`."""
    data = analysis.tables["path"]
    ringed = "; ringed: the decisive step" if data["decisive"].astype("bool").any() else ""
    says = f"{analysis.says} Shaded: simultaneous 95% band{ringed}."
    return Chart(name, analysis.title, says, data, lambda: draw(data))


def draw(data: pd.DataFrame) -> Figure:
    """A panel for each measure, its cuts from left to right."""
    names = [str(name) for name in data["measure"].unique()]
    figure, axes = panels(len(names), ACROSS, 2.5)
    for ax, name in zip(axes, names, strict=True):
        _panel(ax, data[(data["measure"] == name).to_numpy()].reset_index(drop=True))
        named(ax, name)
    return figure


def _panel(ax: Any, data: pd.DataFrame) -> None:
    known = data[data["expected_low"].notna()]
    ax.fill_between(known.index, known["expected_low"], known["expected_high"], color=GROUND, alpha=0.18, linewidth=0)
    ax.plot(data.index, data["expected"], "o-", color=INK, markersize=5.5)
    turn = data[data["decisive"].astype("bool")]
    ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.6, "markersize": 12, "linestyle": ""}
    if len(turn):  # an empty line that is not clipped has no extent, and no layout is found around it
        ax.plot(turn.index, turn["expected"], "o", color=INK, clip_on=False, **ring)
    room = CHARACTERS // max(1, len(data))
    ax.set_xticks(range(len(data)), [_label(row, room) for row in data.to_dict("records")], fontsize=7.5)
    ax.set_xlabel("after round", fontsize=8)
    ax.set_ylabel("expected", fontsize=8)
    ax.grid(axis="y", color="#ECECEC", linewidth=0.7)
    bare(ax)


def _label(row: Any, room: int) -> str:
    """The cut, and below it the agent that acted, or how many did; the cut alone where that has no room."""
    agents = row["agents"]
    acted = f"{len(agents)} agents" if len(agents) > 1 else short("".join(agents), room)
    return f"{row['cut']}\n{acted}" if agents and len(acted) <= room >= SHORTEST else f"{row['cut']}"
