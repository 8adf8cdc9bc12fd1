"""A scripted model for judges, and replies as judges give them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentlab.types import Call, Capabilities, ChatMessage, Completion, Settings, Stop

CAPABLE = Capabilities(frozenset({"logprobs", "schema"}), max_logprobs=20)


@dataclass(slots=True)
class Scripted:
    """Answers call after call from a list, and keeps what it was asked."""

    replies: Sequence[Completion | str]
    capabilities: Capabilities = CAPABLE
    asked: list[tuple[tuple[ChatMessage, ...], Settings, int]] = field(default_factory=list[Any])
    draw: int = 0
    seed: int = 1

    async def __call__(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        reply = self.replies[len(self.asked)]
        self.asked.append((chat, settings, k))
        done = reply if isinstance(reply, Completion) else None
        return Call("judge/j/0", 0, k, 1, "sim/x", settings, "", done, error=reply if isinstance(reply, str) else None)


def verdict(name: str, score: object, reason: str = "because") -> str:
    return f'<verdict criterion="{name}"><reason>{reason}</reason><score>{score}</score></verdict>'


def said(text: str, stop: Stop = "end") -> Completion:
    return Completion(text, stop=stop)
