"""A small self-training loop on a table of replies, played in this process."""

import asyncio
from pathlib import Path
from typing import Any

from agentlab.experiment.progress import Progress
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from agentlab.training.loop.loop import train
from tests.support.scenarios import Part, chain, scenario

TABLE = {"A": 0.4, "B": 0.4, "A or B": 0.2}
JUDGES: Part = {
    "named": {"kind": "match", "by": "regex", "pattern": r"\b([AB])\b", "where": "any"},
    "right": {"kind": "match", "by": "exact"},
}


def tasks(learn: int = 6, hold_out: int = 6) -> Part:
    """Half of each split has the target A, half B."""
    return {
        f"{split}_{i}": {"prompt": f"{split} question {i}", "target": "AB"[i % 2], "split": split}
        for split, count in (("train", learn), ("test", hold_out))
        for i in range(count)
    }


def improve(**changed: Any) -> Part:
    """Two generations that keep what the proxy likes."""
    return {
        "generations": 2,
        "splits": {"train": {"role": "learn", "draws": 4}, "test": {"role": "hold_out", "draws": 2}},
        "keep": {"measure": "named", "at_least": 1, "dedupe": "none"},
        "by": {"kind": "shares"},
        "watch": ["named", "right"],
        **changed,
    }


def text(name: str = "loop", **sections: Any) -> str:
    """The YAML."""
    parts: Part = {
        "models": {"default": {"name": "sim/replies", "options": {"replies": {"*": TABLE}}}},
        "tasks": tasks(),
        "organization": chain(["me"]),
        "judges": JUDGES,
        "improve": improve(),
        "seed": 3,
    }
    return scenario(name, **{**parts, **sections})


def written(folder: Path, **sections: Any) -> Path:
    """A file with it."""
    path = folder / "loop.yaml"
    path.write_text(text(**sections))
    return path


def trained(folder: Path, **sections: Any) -> Run:
    """The loop, played into `folder`/run."""
    play(written(folder, **sections), folder / "run")
    return load(folder / "run")


def play(path: Path, out: Path) -> Progress:
    """Plays a loop to its end."""
    progress = Progress()
    asyncio.run(train(load_design(path), out, progress))
    return progress
