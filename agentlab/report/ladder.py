"""The confound ladder: one difference between two arms after another, each with one thing less in which they differ.

What an arm is matched to takes its confound away; what is left on the last rung is what the comparison was meant to
show. Drawn for several measures side by side, with the planted differences beside those found, where they are known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.errors import ScenarioError
from agentlab.report.style import BLUE, GROUND, VERMILION, styled
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms
from agentlab.stats.contrasts.paired import Paired, paired

FOUND, PLANTED = BLUE, VERMILION
_BAR: dict[str, Any] = {"linewidth": 2.2, "solid_capstyle": "butt"}
"""An interval's line ends where the interval does."""


@dataclass(frozen=True, slots=True)
class LadderStep:
    """A rung: what has been done about the confounds, the two arms, and which measure stands in which panel."""

    label: str
    a: Mapping[str, str]
    """Levels by factor."""
    b: Mapping[str, str]
    measures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rung:
    """A step as it was found, in one panel. `planted` is the true difference, where it is known."""

    step: LadderStep
    panel: str
    found: Paired
    planted: float | None = None


def climb(run: Run, steps: Sequence[LadderStep]) -> list[Rung]:
    """Every step in every panel, paired by task and draw. Raises ScenarioError for an arm that was not run."""
    return [
        Rung(step, panel, compare(run, step.a, step.b, measure))
        for step in steps
        for panel, measure in step.measures.items()
    ]


def compare(run: Run, a: Mapping[str, str], b: Mapping[str, str], measure: str) -> Paired:
    """The paired difference `a - b` of one measure between two arms, each given by its levels."""
    one, two = (_arm(run, levels) for levels in (a, b))
    both = pair_arms(one, two, measure)
    return paired(both.tasks, both.draws, *(both.rows[f"{measure}_{side}"].to_numpy() for side in "ab"))


def _arm(run: Run, levels: Mapping[str, str]) -> pd.DataFrame:
    rows = run.measures
    for factor, level in levels.items():
        rows = rows[rows[factor].astype("str") == level]
    if rows.empty:
        named = ",".join(f"{factor}={level}" for factor, level in levels.items())
        raise ScenarioError(f"{run.folder} has no rollout with {named}")
    return rows


def draw(rungs: Sequence[Rung], path: Path, title: str) -> None:
    """Writes the ladder as SVG: a panel for each measure, a row for each step, the first on top."""
    panels = list(dict.fromkeys(rung.panel for rung in rungs))
    labels = list(dict.fromkeys(rung.step.label for rung in rungs))
    with styled("ladder"):
        figure: Any = Figure(figsize=(7.2, 1.35 + 0.42 * len(labels)), layout="constrained")
        axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            _panel(ax, [rung for rung in rungs if rung.panel == panel], panel)
        axes[0].set_yticks(range(len(labels)), labels)
        axes[0].set_ylim(len(labels) - 0.5, -0.5)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(ax: Any, rungs: Sequence[Rung], name: str) -> None:
    last = rungs[-1].planted
    ax.axvline(0, color=GROUND, linewidth=0.8)
    if last is not None:
        ax.axvline(last, color=PLANTED, linewidth=1, linestyle=(0, (4, 3)), label="planted effect of structure")
    for y, rung in enumerate(rungs):
        d, interval = rung.found.difference, rung.found.new_tasks or rung.found.these_tasks
        if d is not None:
            ends = (d, d) if interval is None else (interval.low, interval.high)
            label = None if y else "found, with 95% interval"
            ax.plot((ends[0], d, ends[1]), (y, y, y), "o-", color=FOUND, label=label, markevery=[1], **_BAR)
        if rung.planted is not None:
            label = None if y else "planted, with what still confounds the step"
            ax.plot(rung.planted, y - 0.26, "v", color=PLANTED, markersize=6, markerfacecolor="white", label=label)
    ax.set_title(name, fontsize=9, loc="left", fontweight="bold")
    ax.set_xlabel("difference between the arms")
    ax.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
