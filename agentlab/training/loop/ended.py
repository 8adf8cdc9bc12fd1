"""The end of a training by one's own trainer, kept in the job's folder: the same command does not call it again."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from agentlab.errors import TrainingError
from agentlab.store.training import moved
from agentlab.training.trainer import Trained

FILE = "trained.json"


def read(folder: Path) -> Trained | None:
    """What the trainer made; None where it has not ended. Files in the run's folder are named where it lies now.

    Raises `TrainingError` for a file that is damaged.
    """
    path = folder / FILE
    try:
        fields = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return msgspec.convert(moved(fields, folder.parents[1]) if "folder" in fields else fields, Trained)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise TrainingError(f"{path} cannot be read ({error}); remove {folder} to train again") from None


def encoded(made: Trained, folder: Path) -> bytes:
    """The text of the file in the job's folder. Raises `TrainingError` for what JSON cannot hold."""
    try:
        return msgspec.json.encode({**asdict(made), "folder": str(folder.parents[1].resolve())})
    except TypeError as error:
        raise TrainingError(
            f"what the trainer made cannot be recorded ({error}); let `serve` and `systems` hold texts, numbers, "
            f"lists, and mappings"
        ) from None
