"""The tickets of rollouts at a board, as columns."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from agentlab.columns import CARRIES, TICKETS
from agentlab.organization.board.tickets import Ticket, tickets
from agentlab.types import TASK, Message


def ticketed(messages: pd.DataFrame, boards: Iterable[str], fields: Mapping[str, Any]) -> pd.DataFrame:
    """One row per ticket, `rollout` first; `boards` are the conditions whose protocol is one, `fields` those of tasks.

    A task says by `fields: {constraints: {NAME: PATTERN}}` what its tickets should keep: NAME is in `carries` of a
    ticket whose text the pattern finds, upper and lower case alike, and `carries_NAME` says so. A ticket that is the
    whole task is read as the task.
    """
    log_rows = messages[messages["condition"].isin(list(boards))]
    asked = {str(task): _patterns(of.get("constraints", {})) for task, of in fields.items()}
    names = list(dict.fromkeys(name for patterns in asked.values() for name in patterns))
    rows: list[list[Any]] = []
    for (rollout, task), part in log_rows.groupby(["rollout", "task"], observed=True, sort=False):
        log = log_of(part)
        whole = next((message.content for message in log if message.kind == "task"), "")
        for ticket in tickets(log).by_id.values():
            patterns = asked.get(str(task), {})
            carried = _carried(patterns, whole if ticket.by == TASK else ticket.text)
            kept = [name in carried if name in patterns else None for name in names]
            rows.append([rollout, *_row(ticket, carried), *kept])
    columns = [f"{CARRIES}{name}" for name in names]
    table = pd.DataFrame(rows, columns=["rollout", *TICKETS, *columns])
    types = {"rollout": messages["rollout"].dtype, **TICKETS, **dict.fromkeys(columns, "boolean")}
    return table.astype(types)


def log_of(messages: pd.DataFrame) -> list[Message]:
    """The messages of one rollout, from their rows."""
    facts = messages[["sender", "to", "kind", "content", "ref", "round"]].itertuples(index=False, name=None)
    return [Message(sender, to, kind, text, ref or None, round) for sender, to, kind, text, ref, round in facts]


def _patterns(constraints: Mapping[str, Any]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(str(pattern), re.IGNORECASE) for name, pattern in constraints.items()}


def _carried(patterns: Mapping[str, re.Pattern[str]], text: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in patterns.items() if pattern.search(text))


def _row(ticket: Ticket, carried: Sequence[str]) -> list[Any]:
    return [
        ticket.id,
        ticket.by,
        ticket.owner,
        ticket.state,
        ticket.opened,
        ticket.closed,
        ticket.after,
        ticket.reviewer,
        ticket.reviews,
        len(ticket.changes),
        ticket.moves,
        tuple(ticket.planted),
        tuple(ticket.caught),
        tuple(ticket.unplanted),
        carried,
        ticket.text,
        ticket.reports[-1] if ticket.reports else None,
        ticket.reason,
    ]
