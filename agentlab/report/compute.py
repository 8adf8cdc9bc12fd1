"""What every arm and agent used: tokens, calls, seconds, money."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import ArmStyle, legend, named, panels, part, shared_rows, short, stacked
from agentlab.runs.frames import Run
from agentlab.store import UNFINISHED
from agentlab.text import pluralize

USED = ["calls", "input_tokens", "output_tokens", "reasoning_tokens", "seconds", "cost"]
PANELS = {"output_tokens": "output tokens per rollout", "cost": "US dollars per rollout"}
APART, OTHERS = 6, "the other agents"
"""Agents drawn one by one, those that used the most; the others are drawn as one."""


def section(material: Material) -> Section:
    """Means per rollout by arm, in the picture by agent too."""
    title, run = "Cost and tokens", material.run
    if run.agents.empty or _finished(run).empty:
        return Section("spend", title, "No finished rollout has a call by an agent.")
    finished = _finished(run)
    data, by_agent, used = arms(run), agents(run), int(finished["calls"].sum())
    unknown, uncounted = int(finished["cost"].isna().sum()), int(finished["uncounted"].sum())
    says = (
        f"Means per rollout, without judges; n = {pluralize(used, 'call')} in "
        f"{pluralize(len(finished), 'finished rollout')}. In the figure, each arm's bar is divided among its agents."
    )
    notes = [
        "The table 'contrasts arms' shows how much one arm used relative to another, and whether they are matched."
    ]
    if finished["steps"].notna().any():
        notes.append("Steps of a baseline that were made and left out are not counted here; `run.calls` has them.")
    if unknown:
        notes.append(f"The price is unknown for {pluralize(unknown, 'rollout')}; the cost is then unknown, not zero.")
    if uncounted:
        notes.append(
            f"{pluralize(uncounted, 'reply', 'replies')} came without token counts; the counts are unknown, not zero."
        )
    tables = {"spend_arms": data, "spend": by_agent}
    chart = Chart("spend", title, says, by_agent, lambda: draw(by_agent, material.styles))
    return Section("spend", title, "", (chart,), tables, tuple(notes))


def arms(run: Run) -> pd.DataFrame:
    """One row per condition: rollouts, and what a rollout used on average; what is unknown of one is missing."""
    rollouts = _finished(run).astype({"condition": "str", **dict.fromkeys(USED, "float64")})
    groups = rollouts.groupby("condition", sort=False)
    means = groups[USED].mean().mask(_unknown(groups))
    return means.assign(rollouts=groups.size()).reset_index()[["condition", "rollouts", *means.columns]]


def _finished(run: Run) -> pd.DataFrame:
    """The finished rollouts: one that was stopped or failed has used only a part of what it would have."""
    return run.rollouts[~run.rollouts["status"].isin(UNFINISHED)]


def agents(run: Run) -> pd.DataFrame:
    """One row per condition and agent, likewise per rollout of the condition, those without a turn of it included."""
    finished = _finished(run)
    of_finished = run.agents[run.agents["rollout"].isin(finished["rollout"])]
    of_finished = of_finished.astype({"condition": "str", "agent": "str", **dict.fromkeys(USED, "float64")})
    groups = of_finished.groupby(["condition", "agent"], sort=False)
    sums = groups[USED].sum(min_count=1).mask(_unknown(groups))
    count = finished["condition"].astype("str").value_counts()
    per = sums.div(count.reindex(sums.index.get_level_values("condition")).to_numpy(), axis=0)
    return per.reset_index()


def _unknown(groups: Any) -> pd.DataFrame:
    """True where the use of a rollout of the group is unknown."""
    return groups[USED].count().lt(groups.size(), axis=0)


def draw(data: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """A panel for tokens and one for money where it is known; an arm on each line, its agents one after another."""
    amounts = [name for name in PANELS if data[name].notna().any() and data[name].sum() > 0] or ["calls"]
    conditions = [name for name in styles if name in set(data["condition"])]
    most = data.groupby("agent")[amounts[0]].sum().sort_values(ascending=False, kind="stable")
    names = [*most.index[:APART], *([OTHERS] if len(most) > APART else [])]
    shown = data.assign(agent=data["agent"].where(data["agent"].isin(names), OTHERS))
    forms = [part(i) for i, _ in enumerate(names)]
    figure, axes = panels(len(amounts), len(amounts), 0.26 * len(conditions) + 1.5, sharey=True)
    handles: list[Any] = []
    for ax, amount in zip(axes, amounts, strict=True):
        table = shown.pivot_table(index="condition", columns="agent", values=amount, aggfunc="sum").reindex(conditions)
        table = table.reindex(columns=names).fillna(0.0)
        handles = stacked(ax, table, forms)
        named(ax, PANELS.get(amount, "calls per rollout"))
        ax.locator_params(axis="x", nbins=5)
    shared_rows(axes, len(axes), [styles[condition].label for condition in conditions])
    legend(figure, handles, [short(name, 30) for name in names])
    return figure
