"""How long a board's rules take on a long log: 100 tickets and 500 edits, beside reading the log once.

Prints CPU milliseconds as JSON, the least of several repetitions.
"""

import json
import time
from collections.abc import Callable

from agentlab.organization.board.history import rounds
from agentlab.organization.board.rules import Plant, Rules
from agentlab.organization.board.settle import settle
from agentlab.organization.board.tickets import tickets
from agentlab.organization.board.view import view
from agentlab.organization.board.workspace import files
from agentlab.types import BOARD, TASK, WORKSPACE, Message

TICKETS, EDITS, WORKERS = 100, 500, 8
RULES = Rules(
    "lead",
    True,
    tuple(f"coder.{i + 1}" for i in range(WORKERS)),
    False,
    ("reviewer",),
    plan_rounds=1,
    plan_by=("lead",),
    shared=("plan.md",),
    plants=(Plant("bug", "files", None, None, "line", "lime", None),),
)


def log() -> list[Message]:
    """Every ticket is put up in round 1, worked on, reviewed and closed; two agents edit one file in each round."""
    found = [Message(TASK, ("lead",), "task", "Build it.", round=0)]
    found += [Message("lead", (BOARD,), "ticket", "Do it.\n" * 20, f"T{i}", 1) for i in range(TICKETS)]
    text = [f"line {i}\n" for i in range(200)]
    for i in range(EDITS):
        round, worker = 2 + i // 2, RULES.workers[i % WORKERS]
        text[(i * 37) % 90 + (100 if i % 2 else 0)] = f"edit {i}\n"
        found.append(Message(worker, (WORKSPACE,), "file", "".join(text), "src/main.py", round))
        if i < TICKETS:
            found.append(Message(BOARD, (worker,), "work", "Do it.", f"T{i}", round))
            found.append(Message(worker, (BOARD,), "done", "Did it.", f"T{i}", round))
            found.append(Message(BOARD, ("reviewer",), "request", "Review it.", f"T{i}", round))
            found.append(Message("reviewer", (BOARD,), "approve", "Good.", f"T{i}", round))
            found.append(Message(BOARD, ("lead",), "closed", "Approved.", f"T{i}", round))
    return found


def milliseconds(work: Callable[[], object], repeat: int = 20) -> float:
    """CPU time of one call, the least of several."""
    best = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return round(best * 1000, 2)


def main() -> None:
    messages = log()
    last = messages[-1].round
    print(
        json.dumps(
            {
                "messages": len(messages),
                "read_once_ms": milliseconds(lambda: sum(len(message.content) for message in messages)),
                "tickets_ms": milliseconds(lambda: tickets(messages)),
                "workspace_ms": milliseconds(lambda: files(messages)),
                "view_ms": milliseconds(lambda: view(RULES, messages, "coder.1", True)),
                "rounds_ms": milliseconds(lambda: list(rounds(messages))),
                "settle_ms": milliseconds(lambda: settle(RULES, messages, last)),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
