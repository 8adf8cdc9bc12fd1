"""Boards over rounds: the tickets of one rollout of each arm as a picture, and what its rounds changed in the files."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from agentlab.organization.board.history import changes, rounds
from agentlab.report.section import Chart, Material, Section
from agentlab.report.style import FAINT, INK, bare, canvas, short
from agentlab.runs.frames import Run
from agentlab.runs.frames.tickets import log_of
from agentlab.runs.transcript.find import said
from agentlab.text import pluralize
from agentlab.types import Message

ARMS, TICKETS, DIFFS = 6, 24, 80
"""Arms and tickets of each that are drawn, and diffs of each that are shown."""
ROUNDS = 12
"""Rounds that a picture has room for at the least."""
LOOKS = {
    "open": ("#FFFFFF", ""),
    "active": ("#BBD5EA", "////"),
    "review": ("#F4DDA6", "...."),
    "done": ("#A9D1B4", ""),
    "failed": ("#E3A79A", "xxxx"),
}
"""Color and pattern of a ticket's state; paler than the colors of arms, with which they must not be confused."""
_COLUMNS = ["arm", "rollout", "ticket", "round", "state", "owner", "moved"]


def section(material: Material) -> Section:
    """Nothing for a run without boards."""
    run, title = material.run, "The board over rounds"
    logs = dict(_examples(run))
    if not logs:
        return Section("board", title, "The run has no tickets.")
    frames = [_states(condition, place, log) for condition, (place, log) in logs.items()]
    data = pd.concat(frames, ignore_index=True)
    labels = {condition: style.label for condition, style in material.styles.items()}
    says = (
        f"The tickets of the first rollout of each arm, round by round, with the last owner of each: "
        f"{pluralize(len(logs), 'rollout')}. M: the ticket went from a silent owner to another. ×: it failed."
    )
    chart = Chart("board", title, says, data, lambda: draw(data, labels))
    diffs = {
        f"What changed in the files: {labels[condition]} ({place})": text
        for condition, (place, log) in logs.items()
        if (text := _diffs(log))
    }
    return Section("board", title, "", (chart,), changes=diffs)


def _examples(run: Run) -> Iterator[tuple[str, tuple[str, list[Message]]]]:
    """By condition: where its first rollout with tickets is, and its messages."""
    tickets, order = run.tickets, {str(key): i for i, key in enumerate(run.rollouts["rollout"])}
    arms = [str(name) for name in run.conditions["condition"]]
    for arm in [arm for arm in arms if (tickets["condition"] == arm).any()][:ARMS]:
        keys = [str(key) for key in tickets.loc[tickets["condition"] == arm, "rollout"]]
        key = min(keys, key=lambda name: order.get(name, len(order)))
        row = tickets[tickets["rollout"] == key].iloc[0]
        place = said({name: row[name] for name in ("task", *run.factors, "draw")})
        yield arm, (place, log_of(run.messages[run.messages["rollout"] == key]))


def _states(arm: str, place: str, log: Sequence[Message]) -> pd.DataFrame:
    rows = [(arm, place, s.ticket, s.round, s.state, s.owner, s.moved) for s in rounds(log)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _diffs(log: Sequence[Message]) -> str:
    """All of them, or as many as are shown, with a line that says so."""
    every = list(changes(log))
    parts = [f"round {c.round}: {c.path} by {', '.join(c.by) or 'the board'}\n{c.diff}" for c in every[:DIFFS]]
    if len(every) > DIFFS:
        parts.append(f"… {pluralize(len(every) - DIFFS, 'more change')}; `agentlab show RUN --rollout … --files`")
    return "\n\n".join(parts)


def draw(data: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """A panel for each arm, a line for each ticket, a column for each round."""
    arms = {str(arm): part for arm, part in data.groupby("arm", sort=False)}
    lines = [min(TICKETS, part["ticket"].nunique()) for part in arms.values()]
    heights = [0.45 + 0.24 * count for count in lines]
    figure, axes = canvas(sum(heights) + 0.4, len(arms), 1, height_ratios=heights, sharex=True)
    for ax, (arm, part) in zip(axes.flat, arms.items(), strict=True):
        _panel(ax, part, labels.get(arm, arm))
    axes.flat[-1].set_xlim(min(0.5, data["round"].min() - 0.5), max(data["round"].max(), ROUNDS) + 0.5)
    axes.flat[-1].set_xlabel("round")
    used = [state for state in LOOKS if (data["state"] == state).any()]
    handles = [Rectangle((0, 0), 1, 1, **_look(state)) for state in used]
    figure.legend(handles, used, loc="outside lower center", ncols=len(used), frameon=False, fontsize=8.5)
    return figure


def _look(state: str) -> dict[str, Any]:
    color, hatch = LOOKS[state]
    return {"facecolor": color, "hatch": hatch, "edgecolor": "#8A8A8A", "linewidth": 0.6}


def _panel(ax: Any, data: pd.DataFrame, label: str) -> None:
    names = list(data["ticket"].unique())
    last = data.drop_duplicates("ticket", keep="last").set_index("ticket")["owner"]
    more = f", the first {TICKETS} of {len(names)} tickets" if len(names) > TICKETS else ""
    names = names[:TICKETS]
    shown = data[data["ticket"].isin(names)]
    for name, round, state, moved in shown[["ticket", "round", "state", "moved"]].to_numpy().tolist():
        at = names.index(name)
        ax.add_patch(Rectangle((round - 0.5, at - 0.4), 1, 0.8, **_look(state)))
        if mark := "M" if moved else "×" if state == "failed" else "":
            ax.text(round, at, mark, ha="center", va="center", fontsize=8, fontweight="bold", color=INK)
    ax.set_title(short(f"{label}{more}", 70), loc="left", fontsize=9)
    ax.set_yticks(range(len(names)), [short(f"{name}  {last[name] or 'no owner'}", 26) for name in names], fontsize=8)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="x", color=FAINT, linewidth=0.5)
    ax.set_axisbelow(True)
    bare(ax)
