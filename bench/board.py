"""How long a board's rules take on a long log: 100 tickets and 500 edits, beside reading the log once.

Prints CPU milliseconds as JSON, the least of several repetitions. Also how much the prompts of a turn of 40 calls hold,
with and without the limit on what is shown, and how much of them a cache of their beginnings would have to read anew.
"""

import json
import time
from collections.abc import Callable

from agentlab.engine.prompt import Fold
from agentlab.organization.agents import Agent, Organization, TurnLimits
from agentlab.organization.board.history import rounds
from agentlab.organization.board.rules import Plant, Rules
from agentlab.organization.board.settle import settle
from agentlab.organization.board.tickets import tickets
from agentlab.organization.board.view import view
from agentlab.organization.board.workspace import files
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.types import (
    BOARD,
    TASK,
    WORKSPACE,
    Call,
    ChatMessage,
    Completion,
    Message,
    Settings,
    ToolCall,
    ToolResult,
)

TICKETS, EDITS, WORKERS = 100, 500, 8
CALLS, RESULT, SHOWN = 40, 16_000, 200_000
"""Of a turn: its calls, characters of a result, and characters that a prompt shows."""
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
    messages = [Message(TASK, ("lead",), "task", "Build it.", round=0)]
    messages += [Message("lead", (BOARD,), "ticket", "Do it.\n" * 20, f"T{i}", 1) for i in range(TICKETS)]
    text = [f"line {i}\n" for i in range(200)]
    for i in range(EDITS):
        round, worker = 2 + i // 2, RULES.workers[i % WORKERS]
        text[(i * 37) % 90 + (100 if i % 2 else 0)] = f"edit {i}\n"
        messages.append(Message(worker, (WORKSPACE,), "file", "".join(text), "src/main.py", round))
        if i < TICKETS:
            messages.append(Message(BOARD, (worker,), "work", "Do it.", f"T{i}", round))
            messages.append(Message(worker, (BOARD,), "done", "Did it.", f"T{i}", round))
            messages.append(Message(BOARD, ("reviewer",), "request", "Review it.", f"T{i}", round))
            messages.append(Message("reviewer", (BOARD,), "approve", "Good.", f"T{i}", round))
            messages.append(Message(BOARD, ("lead",), "closed", "Approved.", f"T{i}", round))
    return messages


def milliseconds(work: Callable[[], object], repeat: int = 20) -> float:
    """CPU time of one call, the least of several."""
    best = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return round(best * 1000, 2)


def turn(shown: int | None) -> dict[str, int]:
    """Characters of the prompts of a turn: of the longest, of all, and of all that differ from the prompt before."""
    protocol = ChainConfig(kind="chain", stages=(("ann",),)).build(("ann",), None, None)
    team = Organization((Agent("ann"),), protocol, 1, calls=CALLS, turn=TurnLimits(RESULT, shown))
    started, calls, fold = (Message(TASK, ("ann",), "task", "Build it.", round=0, index=0),), list[Call](), Fold()
    before, sizes, anew = list[ChatMessage](), list[int](), 0
    for k in range(CALLS):
        prompt, _ = fold.chat(team, team.agents[0], started, calls, 1)
        same = next((i for i, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b), len(before))
        anew += sum(len(entry.content) for entry in prompt[same:])
        sizes.append(sum(len(entry.content) for entry in prompt))
        before = list(prompt)
        wish = Completion("", (ToolCall(str(k), "read", "{}"),))
        result = ToolResult(str(k), "x" * RESULT)
        calls.append(Call("ann", 1, k, 1, "m", Settings(), "", wish, (result,)))
    return {"longest_prompt": max(sizes), "all_prompts": sum(sizes), "not_in_the_prompt_before": anew}


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
                "turn_of_40_calls": turn(SHOWN),
                "turn_of_40_calls_without_a_limit": turn(None),
            }
        )
    )


if __name__ == "__main__":
    main()
