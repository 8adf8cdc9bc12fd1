"""The training rows of a generation in the shapes that trainers elsewhere read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentlab.errors import ScenarioError, StoreError
from agentlab.runs.frames import Run
from agentlab.training.trainers.row import TrainingRow, rows_of

Task = Mapping[str, Any]
Shape = Callable[[TrainingRow, str, Task], dict[str, Any]]
"""A row, the run's name, and the row's task as the run recorded it."""


def _trl(row: TrainingRow, run: str, task: Task) -> dict[str, Any]:
    """TRL: `prompt` and `completion`, or `prompt`, `chosen` and `rejected`."""
    prompt, reply = row.messages[:-1], row.messages[-1:]
    if row.rejected is None:
        return {"prompt": prompt, "completion": reply}
    return {"prompt": prompt, "chosen": reply, "rejected": row.rejected[-1:]}


def _verl(row: TrainingRow, run: str, task: Task) -> dict[str, Any]:
    """verl: prompts with the right answer, for training with rewards."""
    return {
        "data_source": run,
        "prompt": row.messages[:-1],
        "ability": str(task.get("split") or ""),
        "reward_model": {"style": "rule", "ground_truth": task.get("target")},
        "extra_info": {"task": row.task, "rollout": row.rollout, "agent": row.agent, "answer": row.reply},
    }


def _open_instruct(row: TrainingRow, run: str, task: Task) -> dict[str, Any]:
    """open-instruct: `messages`, with `ground_truth` and `dataset` if the task has a target."""
    target = task.get("target")
    more = {} if target is None else {"ground_truth": target, "dataset": run}
    return {"messages": row.messages, **more}


def _messages(row: TrainingRow, run: str, task: Task) -> dict[str, Any]:
    """tinker, OpenAI and Hugging Face: `messages`."""
    return {"messages": row.messages}


SHAPES: Mapping[str, Shape] = {
    "trl": _trl,
    "verl": _verl,
    "open-instruct": _open_instruct,
    "tinker": _messages,
    "openai": _messages,
}


def training_rows(run: Run, out: Path, shape: str, generation: int, condition: str | None = None) -> int:
    """Writes the rows that trained this generation to the new file `out`, as JSON lines; gives how many.

    `condition` is the name of the trained condition, if several are of this generation. Raises `ScenarioError` if it is
    not clear which rows are meant, and `StoreError` if the file exists or cannot be written.
    """
    if shape not in SHAPES:
        raise ScenarioError(f"--as {shape!r}: write one of {', '.join(SHAPES)}")
    if not run.splits:
        raise ScenarioError(f"{run.folder} has no self-training loop, so it has no training rows")
    trained = run.generations[(run.generations["generation"] == generation) & run.generations["recipe"].notna()]
    names = list(dict.fromkeys(str(name) for name in trained["condition"]))
    if condition is not None and condition not in names:
        raise ScenarioError(f"--condition {condition!r}: generation {generation} has {', '.join(names) or 'no rows'}")
    if len(names) != 1 and condition is None:
        have = f"several conditions: {', '.join(names)}; choose one with --condition" if names else "no rows"
        raise ScenarioError(f"--generation {generation}: it has {have}")
    recipe = str(trained.loc[trained["condition"] == (condition or names[0]), "recipe"].iloc[0])
    tasks = {str(task["id"]): task for task in run.meta.get("tasks", [])}
    rows = rows_of(run.folder / "weights" / f"{generation}-{recipe}" / "rows.jsonl")
    name = str(run.meta.get("name", run.folder.name))
    try:
        with out.open("xb") as file:
            for row in rows:
                file.write(msgspec.json.encode(SHAPES[shape](row, name, tasks.get(row.task, {}))) + b"\n")
    except OSError as error:
        raise StoreError(f"{out}: cannot write the rows ({error.strerror}); give another file") from error
    return len(rows)
