"""What is missing: rollouts not delivered, outputs cut off, verdicts without a score, messages lost."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agentlab.analysis.unread import cut, unread_notes
from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import (
    GROUND,
    ArmStyle,
    legend,
    named,
    panels,
    shared_rows,
    stacked,
)
from agentlab.runs.frames import Run
from agentlab.runs.frames.kinds import declared, fates
from agentlab.text import pluralize

STATUSES = {
    "delivered": ("#E2E2E2", ""),
    "declined": ("#333333", "////"),
    "vetoed": ("#8A8A8A", "xxxx"),
    "incomplete": ("#5E5E5E", ".."),
    "rejected": ("#CFCFCF", "oo"),
    "pruned": ("#EEEEEE", "++"),
    "limit": ("#A8A8A8", "\\\\\\\\"),
    "cancelled": ("#C4C4C4", "----"),
    "infrastructure": ("#111111", ""),
}
LOST = {
    "bounced": ("#333333", "////"),
    "unparsed": ("#A8A8A8", ".."),
    "truncated": ("#5E5E5E", "xxxx"),
    "late": ("#C4C4C4", ""),
}
"""Gray and hatch by the status of a rollout, and by how a message was lost."""


def section(material: Material) -> Section:
    """Statuses by arm, lost messages by arm, agent and edge."""
    title, run = "Refused, declined, lost", material.run
    if run.rollouts.empty:
        return Section("losses", title, "No rollout is finished yet.")
    data, by_agent, by_edge = arms(run), agents(run), edges(run)
    delivered, written = int(data["sent"].sum()), _written(run)
    says = (
        f"Left: how n = {len(run.rollouts):,} rollouts ended, as shares of each arm. Right: lost and late mail per "
        f"rollout, compared with {pluralize(delivered, 'delivery', 'deliveries')} of {pluralize(written, 'message')} "
        "by agents (one delivery per reader). Lost: undeliverable (bounced), unreadable (unparsed), or cut off "
        "(truncated). Late: delivered to an agent that never acted again."
    )
    tables = {"losses": data, "losses_agents": by_agent, "losses_edges": by_edge, "losses_verdicts": verdicts(run)}
    notes = (
        "An arm may score lower because its agents decline. The scenario defines the value of a declined rollout; "
        "the bounds of the measures show how much this can matter.",
        *unread_notes(run),
    )
    chart = Chart("losses", title, says, data, lambda: draw(data, material.styles))
    return Section("losses", title, "", (chart,), {name: table for name, table in tables.items() if len(table)}, notes)


def arms(run: Run) -> pd.DataFrame:
    """One row per condition: rollouts, how many of each status, what was cut off, deliveries (`sent`) and losses."""
    rollouts = run.rollouts.astype({"condition": "str"})
    statuses = rollouts["status"].astype("str")
    shown = [name for name in STATUSES if name in ("delivered", "declined") or (statuses == name).any()]
    counts = pd.crosstab(rollouts["condition"], statuses).reindex(columns=shown, fill_value=0)
    lost = _by_agents(run.edges).astype({"condition": "str"}).groupby("condition")[["sent", *LOST]].sum()
    length = cut(run).set_index("condition")
    table = counts.join(length).join(lost).fillna(0).astype("int64")
    table.insert(0, "rollouts", rollouts["condition"].value_counts())
    table = table.reindex(rollouts["condition"].unique().tolist())
    return table.rename_axis("condition").reset_index()


def agents(run: Run) -> pd.DataFrame:
    """One row per condition and agent: messages sent and lost, counted for the sender."""
    return _lost(run, ["condition", "sender"])


def edges(run: Run) -> pd.DataFrame:
    """One row per condition, sender and recipient, those without a loss left out."""
    table = _lost(run, ["condition", "sender", "recipient"])
    return table[(table[[*LOST, "dropped_later"]] > 0).any(axis=1)].reset_index(drop=True)


def _lost(run: Run, by: list[str]) -> pd.DataFrame:
    edges = _by_agents(run.edges).astype(dict.fromkeys(by, "str"))
    return edges.groupby(by, sort=False)[["sent", *LOST, "dropped_later"]].sum().astype("int64").reset_index()


def _by_agents(table: pd.DataFrame) -> pd.DataFrame:
    return table[~table["sender"].astype("str").str.startswith("@")]


def _written(run: Run) -> int:
    """Messages of agents that arrived, each once however many read it."""
    kinds = declared(run.conditions["facts"])
    return int((fates(_by_agents(run.messages)["kind"], kinds) == "sent").sum())


def verdicts(run: Run) -> pd.DataFrame:
    """One row per judge, condition and outcome that is not a score."""
    unscored = run.scores[run.scores["outcome"] != "scored"]
    by = ["judge", "condition", "outcome"]
    return unscored.astype(dict.fromkeys(by, "str")).groupby(by, sort=False).size().rename("verdicts").reset_index()


def draw(data: pd.DataFrame, styles: Mapping[str, ArmStyle]) -> Figure:
    """Shares of statuses on the left, lost messages per rollout on the right."""
    counts = data.set_index("condition").reindex([name for name in styles if name in set(data["condition"])])
    figure, axes = panels(2, 2, 0.26 * len(counts) + 1.7, sharey=True)
    parts = ((axes[0], STATUSES, "share of rollouts"), (axes[1], LOST, "lost and late mail per rollout"))
    keys: dict[str, Any] = {}
    for ax, kinds, title in parts:
        there = [name for name in kinds if name in counts and counts[name].any()]
        handles = stacked(ax, counts[there].div(counts["rollouts"], axis=0), [kinds[name] for name in there])
        named(ax, title)
        ax.set_xlim(0, 1 if kinds is STATUSES else None)
        keys |= dict(zip(there, handles, strict=True))
        if not handles:
            ax.text(0.5, 0.5, "none", transform=ax.transAxes, ha="center", va="center", color=GROUND)
    shared_rows(axes, 2, [styles[str(condition)].label for condition in counts.index])
    legend(figure, list(keys.values()), list(keys))
    return figure
