"""Puts a system prompt where a model without a system role reads it."""

from collections.abc import Sequence

from msgspec.structs import replace

from agentlab.types import ChatMessage


def without_system(chat: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    """The chat with its system prompt as the beginning of the first message of the user."""
    system = [entry.content for entry in chat if entry.role == "system"]
    others = [entry for entry in chat if entry.role != "system"]
    first = next((i for i, entry in enumerate(others) if entry.role == "user"), None)
    if first is None:
        return [*(ChatMessage("user", text) for text in system), *others]
    others[first] = replace(others[first], content="\n\n".join([*system, others[first].content]))
    return others
