"""Runs whose log is written row by row, as a run's own thread writes it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agentlab.store import DATABASE, Store
from agentlab.store.packing import Packer
from agentlab.store.rows import COLUMNS, Row
from agentlab.store.writer import connect, store

Group = tuple[str, str | None, str | None, bool]
"""Of a call and the message of its author: the reply, the thoughts, what the message says, and whether a process ends
after them."""


def empty(folder: Path) -> Path:
    async def opened() -> None:
        Store.open(folder).close()

    asyncio.run(opened())
    return folder


def rows(number: int, group: Group) -> dict[str, list[Row]]:
    """A rollout of one call, one message and one verdict. A message without a text of its own quotes the reply."""
    reply, thoughts, said, _ = group
    said = reply[len(reply) // 3 :] if said is None else said
    head = (number, 1, "ann", 0, 1, "agent", None, None, "sim/m", "{}", f"2:{number:032x}", reply, "end")
    call = (*head, 1, 2, 0, 0, 0, thoughts, None, None, None, None, None, "served", None, 1.5, 0.1, None, 1, 1, None)
    judge = (number, 1, "judge/j/0", 0, 1, "judge", "j", 0, "sim/j", "{}", "another", said, "end", *call[13:])
    key = {"id": number, "key": str(number), "kind": "rollout", "fork": 0, "change": "", "status": "delivered"}
    return {
        "rollouts": [tuple(key.get(name) for name in COLUMNS["rollouts"])],
        "calls": [call, judge],
        "messages": [(number, 0, 1, "ann", '["ben"]', "mail", said, reply[:2])],
        "verdicts": [(number, "j", 0, "c", "scored", 0.5, "label", said[:5], 0, None)],
    }


def written(folder: Path, groups: Sequence[Group]) -> dict[str, list[Row]]:
    """What was written, by table; each group is a transaction."""
    every: dict[str, list[Row]] = {}
    connection = connect(str(folder / DATABASE))
    packer = Packer(connection)
    for number, group in enumerate(groups, 1):
        made = rows(number, group)
        connection.execute("BEGIN")
        store(connection, packer, made, last=number == len(groups))
        connection.execute("COMMIT")
        packer.forget([number])
        for table, own in made.items():
            every.setdefault(table, []).extend(own)
        if group[3]:
            connection.close()
            connection = connect(str(folder / DATABASE))
            packer = Packer(connection)
    connection.close()
    return every
