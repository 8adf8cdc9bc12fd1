"""Rows that were made elsewhere, in the shapes that trainers read: JSON lines or Parquet, a file or a folder of them.

| shape | fields |
|---|---|
| agentlab, tinker, OpenAI, open-instruct, Hugging Face | `messages`, the last one of the assistant |
| TRL | `prompt` and `completion`, or `prompt`, `chosen` and `rejected`; each a text or messages |
| verl | `prompt` (messages) and the reply in `extra_info.answer` |
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from agentlab.errors import TrainingError
from agentlab.training.trainers.row import TrainingRow

SUFFIXES = (".jsonl", ".parquet")
Messages = list[dict[str, str]]


def read(path: Path) -> list[TrainingRow]:
    """The rows of a file, or of all files of a folder in the order of their names; `rows.jsonl` alone if it has one.

    Raises `TrainingError` that names the file and the row that is in none of the shapes.
    """
    files = [path] if path.is_file() else sorted(entry for entry in path.glob("*") if entry.suffix in SUFFIXES)
    files = [entry for entry in files if entry.name == "rows.jsonl"] or files
    if not files:
        raise TrainingError(f"{path}: there is no file of rows ({' or '.join(SUFFIXES)})")
    rows = [
        _row(fields, f"{file}: row {number}") for file in files for number, fields in enumerate(_entries(file), start=1)
    ]
    if not rows:
        raise TrainingError(f"{path}: it has no rows")
    return rows


def _entries(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if file.suffix == ".parquet":
            pandas: Any = import_module("pandas")  # only here, since it takes long to import
            yield from json.loads(pandas.read_parquet(file).to_json(orient="records"))
            return
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise TrainingError(f"{file}:{number}: this is not JSON ({error})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{file}: the rows cannot be read ({error})") from error


def _row(entry: Any, where: str) -> TrainingRow:
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", entry) if isinstance(entry, Mapping) else dict[str, Any]()
    try:
        messages, rejected = _sides(fields)
    except (KeyError, TypeError, ValueError, IndexError):
        raise TrainingError(
            f"{where} is in none of the known shapes; write `messages` whose last one is of the assistant, `prompt` "
            f"and `completion`, or `prompt`, `chosen` and `rejected`"
        ) from None
    weight = fields.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        raise TrainingError(f"{where}: its weight is {weight!r}; write a number above 0")
    task, rollout, agent = (str(fields.get(name) or "") for name in ("task", "rollout", "agent"))
    return TrainingRow(
        messages=messages, rejected=rejected, weight=float(weight), task=task, rollout=rollout, agent=agent
    )


def _sides(fields: Mapping[str, Any]) -> tuple[Messages, Messages | None]:
    if "chosen" in fields:
        prompt = _messages(fields["prompt"], "user") if "prompt" in fields else []
        return _chat(prompt, fields["chosen"]), _chat(prompt, fields["rejected"])
    if "completion" in fields:
        return _chat(_messages(fields["prompt"], "user"), fields["completion"]), None
    if "messages" in fields:
        rejected = fields.get("rejected")
        return _chat([], fields["messages"]), None if rejected is None else _chat([], rejected)
    return _chat(_messages(fields["prompt"], "user"), fields["extra_info"]["answer"]), None


def _chat(prompt: Messages, reply: Any) -> Messages:
    """The prompt and then the reply, which may repeat the prompt."""
    said = _messages(reply, "assistant")
    chat = said if prompt and said[: len(prompt)] == prompt else [*prompt, *said]
    if len(chat) < 2 or chat[-1]["role"] != "assistant" or not chat[-1]["content"].strip():
        raise ValueError
    return chat


def _messages(messages: Any, role: str) -> Messages:
    if isinstance(messages, str):
        return [{"role": role, "content": messages}]
    copied: Messages = []
    for message in cast("Sequence[Mapping[str, Any]]", messages):
        if not isinstance(message["role"], str) or not isinstance(message["content"], str):
            raise TypeError
        copied.append({"role": message["role"], "content": message["content"]})
    return copied
