"""What a self-training loop takes beside sampling and training: `python bench/loop.py [RUN]`, as JSON.

Without a run, a loop of the size of scenarios/arithmetic.yaml (812 calls in 3 generations, 2 trainings) is played on a
table of replies, where sampling and training take no time: all that is left is the loop's own. `share` is that of the
five minutes that the real loop is to take; it should be below 0.02.

With the folder of a run of it that one command finished here, the seconds of its calls and trainings are read from the
run. Each server of the embedded engine answers one call after the other, so what their seconds and those of the
trainings leave of the time until the last rollout has ended is the loop's own. The start of the servers is part of it.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from agentlab.experiment.progress import Progress
from agentlab.models import weights
from agentlab.models.local_servers import servers_of
from agentlab.runs.frames import load
from agentlab.scenario.loading import load as load_design
from agentlab.store import DATABASE
from agentlab.training.loop.loop import train

FULL = 300.0
"""Seconds that the whole loop is to take."""
PARTS = ("load_seconds", "train_seconds", "write_seconds")


def scenario() -> dict[str, object]:
    """The loop on a table of replies."""
    tasks = {f"train_{i}": {"prompt": f"Sum {i}?", "target": "A", "split": "train"} for i in range(64)}
    tasks |= {f"test_{i}": {"prompt": f"And sum {i}?", "target": "A", "split": "test"} for i in range(100)}
    splits = {"train": {"role": "learn", "draws": 4}, "test": {"role": "hold_out", "draws": 1}}
    keep = {"measure": "right", "at_least": 1, "cap": 2, "dedupe": "none"}
    return {
        "spec": 1,
        "name": "loop",
        "models": {"default": {"name": "sim/replies", "options": {"replies": {"*": {"A": 0.3, "B": 0.7}}}}},
        "tasks": tasks,
        "organization": {"agents": {"solver": {}}, "protocol": {"kind": "chain", "stages": [["solver"]]}, "rounds": 1},
        "judges": {"right": {"kind": "match", "by": "exact"}},
        "seed": 1,
        "improve": {"generations": 2, "splits": splits, "keep": keep, "by": {"kind": "shares", "floor": 0.5}},
    }


def loop_alone() -> dict[str, float]:
    """Of the loop without sampling and training."""
    with tempfile.TemporaryDirectory() as folder:
        path, progress = Path(folder) / "loop.yaml", Progress()
        path.write_text(json.dumps(scenario()))
        clock, cpu = time.perf_counter(), time.process_time()
        asyncio.run(train(load_design(path), Path(folder) / "run", progress))
        seconds, used = time.perf_counter() - clock, time.process_time() - cpu
    return {"calls": progress.made.calls, "seconds": seconds, "cpu_seconds": used, "share": used / FULL}


def real(folder: Path) -> dict[str, float]:
    """Of a run that was played without interruption."""
    run = load(folder)
    with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)) as connection:
        ended: float = connection.execute("SELECT max(finished) FROM rollouts").fetchone()[0]
    wall = ended - float(run.calls["started"].min().timestamp())
    at_once = servers_of("local/smollm2", {}, weights.embedded()).at_once
    sampling = float(run.calls["seconds"].sum()) / at_once
    finished = [json.loads(path.read_text()) for path in folder.glob("weights/*/done.json")]
    training = sum(float(metrics[name]) for metrics in finished for name in PARTS)
    left = wall - sampling - training
    return {"seconds": wall, "sampling": sampling, "training": training, "own": left, "share": left / wall}


if __name__ == "__main__":
    print(json.dumps(real(Path(sys.argv[1])) if len(sys.argv) > 1 else loop_alone()))
