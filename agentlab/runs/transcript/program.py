"""What a program did by itself, as plain text for a terminal."""

from agentlab.text import line, quoted
from agentlab.types import OBSERVED, OUTPUT, REJECT, TASK, VARIABLE, WEIGHT, Message, Rollout


def program(rollout: Rollout, round: int) -> list[str]:
    """What a program did after a round without an agent: values it set, questions, weights; nothing of others."""
    if not any(VARIABLE in message.to for message in rollout.messages):
        return []
    steps = [m for m in rollout.messages if m.round == round and m.sender == TASK and m.to and m.kind != "task"]
    shown = [f"  {_stepped(message)}\n{quoted(message.content)}" for message in steps]
    return ["\n".join(["program", *shown])] if shown else []


def _stepped(message: Message) -> str:
    """Number, address and meaning of what a program did."""
    to = message.to[0]
    meanings = {
        VARIABLE: "is",
        WEIGHT: "has log-weight",
        REJECT: "rejects",
        OBSERVED: "is observed to be",
        OUTPUT: "is",
    }
    name = "the output" if to == OUTPUT else line(message.ref or "")
    return f"[{message.index}] {name} {meanings.get(to, f'asks {line(to)}')}"
