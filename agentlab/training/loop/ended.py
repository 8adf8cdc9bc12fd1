"""The end of a training by one's own trainer, kept in the job's folder: the same command does not call it again."""

from dataclasses import asdict
from pathlib import Path

import msgspec

from agentlab.errors import TrainingError
from agentlab.training.trainer import Trained

FILE = "trained.json"


def read(folder: Path) -> Trained | None:
    """What the trainer made; None where it has not ended. Raises `TrainingError` for a file that is damaged."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trained)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise TrainingError(f"{path} cannot be read ({error}); remove {folder} to train again") from None


def encoded(made: Trained) -> bytes:
    """The text of the file. Raises `TrainingError` for what JSON cannot hold."""
    try:
        return msgspec.json.encode(asdict(made))
    except TypeError as error:
        raise TrainingError(
            f"what the trainer made cannot be recorded ({error}); let `serve` and `systems` hold texts, numbers, "
            f"lists, and mappings"
        ) from None
