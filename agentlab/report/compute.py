"""What every arm and agent used: tokens, calls, seconds, money."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.report.section import Chart, Section
from agentlab.report.style import GROUND, ArmStyle, canvas, legend, look, named, rows, short
from agentlab.runs.frames import Run
from agentlab.text import pluralize

USED = ["calls", "input_tokens", "output_tokens", "reasoning_tokens", "seconds", "cost"]
PANELS = {"output_tokens": "output tokens per rollout", "cost": "US dollars per rollout"}
APART, OTHERS = 6, "the other agents"
"""Agents told apart in the picture, by what they used."""


def section(run: Run, known: Mapping[str, ArmStyle]) -> Section:
    """Means per rollout by arm, in the picture by agent too."""
    title = "What was spent"
    if run.agents.empty:
        return Section("spend", title, "No call of an agent is stored.")
    data, by_agent, used = arms(run), agents(run), int(run.agents["calls"].sum())
    unknown = int(run.rollouts["cost"].isna().sum())
    says = (
        f"Means per rollout, judges left out; n = {used:,} calls of agents in {len(run.rollouts):,} rollouts. "
        "The picture parts each arm's bar among its agents."
    )
    notes = ["What one arm used for one of another, and whether that is matched, is in the table 'contrasts arms'."]
    if unknown:
        notes.append(
            f"A price is unknown for {pluralize(unknown, 'rollout')}: what they cost is not known, and not zero."
        )
    tables = {"spend_arms": data, "spend": by_agent}
    chart = Chart("spend", title, says, by_agent, lambda: draw(by_agent, known))
    return Section("spend", title, "", (chart,), tables, tuple(notes))


def arms(run: Run) -> pd.DataFrame:
    """One row per condition: rollouts, and what a rollout used on average; cost is missing when one is unknown."""
    pluralize = run.rollouts.assign(condition=run.rollouts["condition"].astype("str"))
    groups = pluralize.groupby("condition", sort=False)
    means = groups[USED].mean()
    unknown = groups["cost"].apply(lambda costs: costs.isna().any())
    return (
        means.assign(cost=means["cost"].mask(unknown))
        .assign(rollouts=groups.size())
        .reset_index()[["condition", "rollouts", *means.columns]]
    )


def agents(run: Run) -> pd.DataFrame:
    """One row per condition and agent, likewise per rollout of the condition, those without a turn of it included."""
    own = run.agents.astype({"condition": "str", "agent": "str"})
    sums = own.groupby(["condition", "agent"], sort=False)[USED].sum(min_count=1).astype("float64")
    unknown = own.groupby(["condition", "agent"], sort=False)["cost"].apply(lambda costs: costs.isna().any())
    sums["cost"] = sums["cost"].mask(unknown)
    count = run.rollouts["condition"].astype("str").value_counts()
    per = sums.div(count.reindex(sums.index.get_level_values("condition")).to_numpy(), axis=0)
    return per.reset_index()


def draw(data: pd.DataFrame, known: Mapping[str, ArmStyle]) -> Figure:
    """A panel for tokens and one for money where it is known; an arm on each line, its agents one after another."""
    panels = [name for name in PANELS if data[name].notna().any() and data[name].sum() > 0] or ["calls"]
    conditions = [name for name in known if name in set(data["condition"])]
    most = data.groupby("agent")[panels[0]].sum().sort_values(ascending=False, kind="stable")
    names = [*most.index[:APART], *([OTHERS] if len(most) > APART else [])]
    own = data.assign(agent=data["agent"].where(data["agent"].isin(names), OTHERS))
    figure, axes = canvas(0.26 * len(conditions) + 1.5, 1, len(panels), sharey=True)
    handles: list[Any] = []
    for ax, panel in zip(axes[0], panels, strict=True):
        table = own.pivot_table(index="condition", columns="agent", values=panel, aggfunc="sum").reindex(conditions)
        handles = _bars(ax, table.reindex(columns=names).fillna(0.0))
        rows(ax, [known[condition].label for condition in conditions])
        ax.tick_params(labelleft=ax is axes[0][0])
        named(ax, PANELS.get(panel, "calls per rollout"))
        ax.locator_params(axis="x", nbins=5)
    legend(figure, handles, [short(name, 30) for name in names])
    return figure


def _bars(ax: Any, table: pd.DataFrame) -> list[Any]:
    handles: list[Any] = []
    left = pd.Series(0.0, index=table.index)
    for i, name in enumerate(table.columns):
        form = look(i, "") if name != OTHERS else ArmStyle("", GROUND, "", "")
        how: dict[str, Any] = {"color": form.colour, "hatch": form.hatch, "edgecolor": "white", "linewidth": 0.6}
        handles.append(ax.barh(range(len(table)), table[name], left=left, height=0.7, **how))
        left = left + table[name]
    return handles
