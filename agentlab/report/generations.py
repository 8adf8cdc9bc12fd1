"""The measures of a self-training loop by generation: a panel for each measure, a line for each arm and part of the
tasks."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.analysis import Analysis
from agentlab.report.section import Chart
from agentlab.report.style import GROUND, ArmStyle, bare, legend, nth_style, panels, short

ACROSS = 2
DASHES = {"hold_out": "-", "learn": ":", "transfer": "--"}
"""Lines by the role of the tasks."""


def charts(found: Analysis, styles: Mapping[str, ArmStyle]) -> tuple[Chart, ...]:
    """From its first table: `split`, `role`, `generation`, perhaps `arm`, and each measure with its interval."""
    data = found.tables["generations"]
    measures = _measures(data)
    if not measures or data["generation"].nunique() < 2:
        return ()
    says = f"{found.says} Solid: held-out tasks, with 95% intervals; dotted: tasks that are learned from."
    shown = [Chart("generations", found.title, says, data, lambda: draw(data, measures))]
    if (far := found.tables.get("distance")) is not None:
        says = "KL divergence of each generation from the base, in nats for a rollout, with 95% intervals."
        shown.append(Chart("distance", "Distance from the base", says, far, lambda: draw(far, ["kl"])))
    return tuple(shown)


def _measures(data: pd.DataFrame) -> list[str]:
    return [str(name) for name in data if f"{name}_low" in data]


def draw(data: pd.DataFrame, measures: list[str]) -> Figure:
    """The generation stands across, the measure upwards."""
    arms = list(dict.fromkeys(data["arm"])) if "arm" in data else [""]
    figure, axes = panels(len(measures), ACROSS, 2.2, 0.4)
    handles: dict[str, Any] = {}
    for ax, measure in zip(axes, measures, strict=True):
        for i, arm in enumerate(arms):
            own = data[data["arm"] == arm] if "arm" in data else data
            for split, part in own.groupby("split", sort=False):
                name = f"{arm}, {split}" if arm else str(split)
                handles[name] = _line(ax, part, measure, nth_style(i, name))
        ax.set_title(short(measure, 48), fontsize=9, loc="left", fontweight="bold")
        ax.set_xlabel("generation", fontsize=8)
        ax.set_xticks(sorted(data["generation"].unique()))
        ax.tick_params(labelsize=7.5, colors=GROUND)
        bare(ax)
    legend(figure, list(handles.values()), list(handles))
    return figure


def _line(ax: Any, part: pd.DataFrame, measure: str, style: ArmStyle) -> Any:
    role = str(part["role"].iloc[0]) if "role" in part else "hold_out"
    values = part[["generation", measure, f"{measure}_low", f"{measure}_high"]].astype("float64")
    x, y, low, high = (values[name].to_numpy() for name in values)
    if role == "hold_out":
        ax.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0)
    form: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 4}
    (line,) = ax.plot(x, y, linestyle=DASHES[role], linewidth=1.5, **form)
    return line
