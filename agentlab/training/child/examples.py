"""Rows of chats become token ids: what a model is shown, and which of the tokens it is trained to write.

A row is trained on its last message alone, which is the reply. Every example is decoded again: what is trained on must
be the reply and the token that ends it, and nothing else.
"""

# pyright: basic, reportMissingImports=false

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One reply after its prompt, as token ids."""

    prompt: list[int]
    reply: list[int]
    """Ends with the token that ends a turn."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of the file trains."""

    example: Example
    weight: float
    rejected: Example | None = None
    """For preferences: another reply to the same prompt."""


def read(path: Path, tokenizer: Any, longest: int, with_rejected: bool) -> tuple[list[Row], int]:
    """The rows in order, and how many were dropped because a side has more than `longest` tokens.

    Raises SystemExit that names the line of a row that cannot be trained on, or where no row is left.
    """
    rows, dropped = [], 0
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            row = _row(json.loads(line), tokenizer, with_rejected)
        except (KeyError, TypeError, ValueError) as error:
            raise SystemExit(f"row {number} of {path} cannot be trained on: {error!r}") from None
        sides = [row.example] if row.rejected is None else [row.example, row.rejected]
        if any(len(side.prompt) + len(side.reply) > longest for side in sides):
            dropped += 1
        else:
            rows.append(row)
    if not rows:
        raise SystemExit(f"no row is left to train on: {len(lines)} rows, {dropped} of them over {longest} tokens")
    return rows, dropped


def _row(fields: dict[str, Any], tokenizer: Any, with_rejected: bool) -> Row:
    weight = float(fields.get("weight", 1.0))
    if not 0 < weight < float("inf"):
        raise ValueError(f"its weight is {weight}; it must be above 0")
    example = encoded(fields["messages"], tokenizer)
    if not with_rejected:
        return Row(example, weight)
    rejected = fields["rejected"]
    rejected = [*fields["messages"][:-1], rejected] if isinstance(rejected, dict) else rejected
    other = encoded(rejected, tokenizer)
    if other.prompt != example.prompt:
        raise ValueError("the kept and the rejected reply answer different prompts")
    return Row(example, weight, other)


def encoded(messages: list[dict[str, Any]], tokenizer: Any) -> Example:
    """The chat's last message after those before it. Raises ValueError where the tokens say something else."""
    reply = messages[-1]
    if reply["role"] != "assistant" or not isinstance(reply["content"], str):
        raise ValueError("its last message must be the text of an assistant")
    prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    shown = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    written = tokenizer(reply["content"] + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
    decoded = tokenizer.decode(written, clean_up_tokenization_spaces=False)
    if decoded != reply["content"] + tokenizer.eos_token or tokenizer.eos_token_id in written[:-1]:
        raise ValueError(f"its tokens decode to {decoded!r}, which is not the reply and one end token")
    return Example(shown, written)
