"""The tickets of rollouts at a board, as columns."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from agentlab.columns import TICKETS
from agentlab.organization.board.tickets import Ticket, tickets
from agentlab.types import Message


def ticketed(messages: pd.DataFrame, boards: Iterable[str], fields: Mapping[str, Any]) -> pd.DataFrame:
    """One row per ticket, `rollout` first; `boards` are the conditions whose protocol is one, `fields` those of tasks.

    A task says by `fields: {constraints: {NAME: PATTERN}}` what its tickets should keep: NAME is in `carries` of a
    ticket whose text the pattern finds, upper and lower case alike.
    """
    own = messages[messages["condition"].isin(list(boards))]
    rows: list[list[Any]] = []
    for (rollout, task), log in own.groupby(["rollout", "task"], observed=True, sort=False):
        constraints: Mapping[str, Any] = fields.get(str(task), {}).get("constraints", {})
        patterns = {name: re.compile(str(pattern), re.IGNORECASE) for name, pattern in constraints.items()}
        facts = log[["sender", "to", "kind", "content", "ref", "round"]].itertuples(index=False, name=None)
        found = tickets(Message(s, to, kind, content, ref or None, round) for s, to, kind, content, ref, round in facts)
        rows += [[rollout, *_row(ticket, patterns)] for ticket in found.by_id.values()]
    table = pd.DataFrame(rows, columns=["rollout", *TICKETS])
    return table.astype({"rollout": messages["rollout"].dtype, **TICKETS})


def _row(ticket: Ticket, patterns: Mapping[str, re.Pattern[str]]) -> list[Any]:
    carries = tuple(name for name, pattern in patterns.items() if pattern.search(ticket.text))
    return [
        ticket.id,
        ticket.by,
        ticket.owner,
        ticket.state,
        ticket.opened,
        ticket.closed,
        ticket.after,
        ticket.reviewer,
        len(ticket.changes),
        ticket.moves,
        carries,
        ticket.text,
        ticket.reports[-1] if ticket.reports else None,
        ticket.reason,
    ]
