"""One row that a trainer learns from, and the file of all rows of a generation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from agentlab.errors import TrainingError


class TrainingRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt with the reply that is to be learned."""

    messages: list[dict[str, str]]
    """The chat: `role` and `content` of each entry. The last entry is the reply."""
    weight: float = 1.0
    rejected: list[dict[str, str]] | None = None
    """For preferences: the same chat with a reply that was not kept."""
    task: str = ""
    rollout: str = ""
    agent: str = ""
    round: int = 0

    @property
    def reply(self) -> str:
        """What is to be learned."""
        return self.messages[-1]["content"]

    @property
    def learned(self) -> tuple[Any, ...]:
        """What decides the weights. Where a row comes from does not."""
        return self.messages, self.weight, self.rejected, self.agent


_decoder = msgspec.json.Decoder(TrainingRow)


def rows_of(path: Path) -> list[TrainingRow]:
    """The rows of a JSON-lines file. Raises `TrainingError` with the line that is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TrainingError(f"{path}: the rows cannot be read ({error.strerror})") from error
    rows: list[TrainingRow] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise TrainingError(f"{path}:{number}: not a row ({error}); write {_EXAMPLE}") from error
        if not _usable(row.messages):
            raise TrainingError(f"{path}:{number}: the last message is not a reply of the assistant; write {_EXAMPLE}")
        rows.append(row)
    return rows


def lines_of(rows: Iterable[TrainingRow]) -> bytes:
    """The rows as JSON lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


_EXAMPLE = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'


def _usable(messages: list[dict[str, str]]) -> bool:
    whole = all({"role", "content"} <= message.keys() for message in messages)
    return whole and len(messages) > 1 and messages[-1]["role"] == "assistant"
