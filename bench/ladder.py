"""The confound ladder: one difference between two arms after another, each with one thing less in which they differ.

What an arm is matched to takes its confound away; what is left in the last row is what the comparison was meant to
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
class Comparison:
    """A row of the ladder: what has been made equal so far, the two arms, and which measure stands in which panel."""

    label: str
    a: Mapping[str, str]
    """Levels by factor."""
    b: Mapping[str, str]
    measures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """What a comparison found, in one panel. `planted` is the true difference, where it is known."""

    comparison: Comparison
    panel: str
    paired: Paired
    planted: float | None = None


def compare_all(run: Run, comparisons: Sequence[Comparison]) -> list[ComparisonResult]:
    """Every comparison in every panel, paired by task and draw. Raises ScenarioError for an arm that was not run."""
    return [
        ComparisonResult(comparison, panel, compare(run, comparison.a, comparison.b, measure))
        for comparison in comparisons
        for panel, measure in comparison.measures.items()
    ]


def compare(run: Run, a: Mapping[str, str], b: Mapping[str, str], measure: str) -> Paired:
    """The paired difference `a - b` of one measure between two arms, each given by its levels."""
    arm_a, arm_b = (_arm(run, levels) for levels in (a, b))
    both = pair_arms(arm_a, arm_b)
    return paired(both.tasks, both.draws, *both.values(measure))


def _arm(run: Run, levels: Mapping[str, str]) -> pd.DataFrame:
    rows = run.measures
    for factor, level in levels.items():
        rows = rows[rows[factor].astype("str") == level]
    if rows.empty:
        named = ",".join(f"{factor}={level}" for factor, level in levels.items())
        raise ScenarioError(f"{run.folder} has no rollout with {named}")
    return rows


def draw(results: Sequence[ComparisonResult], path: Path, title: str) -> None:
    """Writes the ladder as SVG: a panel for each measure, a row for each comparison, the first on top."""
    panels = list(dict.fromkeys(result.panel for result in results))
    labels = list(dict.fromkeys(result.comparison.label for result in results))
    with styled("ladder"):
        figure: Any = Figure(figsize=(7.2, 1.35 + 0.42 * len(labels)), layout="constrained")
        axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            _panel(ax, [result for result in results if result.panel == panel], panel)
        axes[0].set_yticks(range(len(labels)), labels)
        axes[0].set_ylim(len(labels) - 0.5, -0.5)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(ax: Any, results: Sequence[ComparisonResult], name: str) -> None:
    last = results[-1].planted
    ax.axvline(0, color=GROUND, linewidth=0.8)
    if last is not None:
        ax.axvline(last, color=PLANTED, linewidth=1, linestyle=(0, (4, 3)), label="planted effect of structure")
    for y, result in enumerate(results):
        d, interval = result.paired.difference, result.paired.new_tasks or result.paired.these_tasks
        if d is not None:
            ends = (d, d) if interval is None else (interval.low, interval.high)
            label = None if y else "found, with 95% interval"
            ax.plot((ends[0], d, ends[1]), (y, y, y), "o-", color=FOUND, label=label, markevery=[1], **_BAR)
        if result.planted is not None:
            label = None if y else "planted, with what still confounds the step"
            ax.plot(result.planted, y - 0.26, "v", color=PLANTED, markersize=6, markerfacecolor="white", label=label)
    ax.set_title(name, fontsize=9, loc="left", fontweight="bold")
    ax.set_xlabel("difference between the arms")
    ax.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
