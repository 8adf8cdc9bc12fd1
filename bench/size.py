"""How large the log of a run is: rollouts of three agents that mail each other, 12 calls each.

    python bench/size.py [--rollouts 300] [--inspect PYTHON]

Every reply is another text. Prints JSON: bytes of the run's file, in all and per call, those of each table, and what
the texts of the replies are by themselves and compressed together. With `--inspect`, an interpreter that has
`inspect_ai`, the same replies go through its agents and its mock model, and the size of that log stands beside it.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.inspect_ring import Ring, through_inspect

AGENTS, ROUNDS, WORDS = ("ann", "ben", "cleo"), 12, 45
SYSTEM, TASK = "You are {}. You plan a mailing for a client, together with your colleagues.", "Plan the mailing. " * 20
PAGE = Path(__file__).parents[1] / "docs" / "judges.md"
"""Whose words the replies are made of."""


class Mailer:
    """Answers every request with a mail to the next agent, of words that its seed draws."""

    name = "bench/mailer"

    def __init__(self, file: str) -> None:
        from agentlab.types import Capabilities

        self.capabilities = Capabilities(frozenset(), seed=True)
        self._words = Path(file).read_text().replace("<", "").split()

    async def complete(self, request: Any) -> Any:
        from agentlab.types import Completion, Usage

        other = AGENTS[(AGENTS.index(request.where.actor) + 1) % len(AGENTS)]
        text = " ".join(random.Random(request.where.stream).choices(self._words, k=WORDS))
        text = f'<mail to="{other}" subject="the plan">{text}</mail>'
        return Completion(text, usage=Usage(400, 90), served_model="bench/mailer")


def played(rollouts: int, folder: Path) -> None:
    """A run of the scenario, as `agentlab run` leaves it."""
    from agentlab.experiment.progress import Progress
    from agentlab.experiment.session import run
    from agentlab.experiment.specs import Selection
    from agentlab.scenario.loading import load as load_scenario

    contacts = {name: [AGENTS[(i + 1) % len(AGENTS)]] for i, name in enumerate(AGENTS)}
    document = {
        "spec": 1,
        "name": "size",
        "models": {"default": {"name": "bench.size:Mailer", "options": {"file": str(PAGE)}}},
        "tasks": {"plan": {"prompt": TASK}},
        "organization": {
            "agents": {name: {"system": SYSTEM.format(name)} for name in AGENTS},
            "protocol": {"kind": "mail", "start": [AGENTS[0]], "contacts": contacts},
            "rounds": ROUNDS,
        },
        "draws": rollouts,
        "seed": 1,
    }
    (folder / "size.yaml").write_text(json.dumps(document))
    asyncio.run(run(load_scenario(folder / "size.yaml"), folder / "run", Selection(), Progress(), 16))


def measured(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """What the run's file is made of, and the replies in it."""
    from agentlab.runs.frames import load

    file = folder / "run" / "run.db"
    replies = load(folder / "run").calls["text"].tolist()
    with closing(sqlite3.connect(file)) as connection:
        tables = dict(connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1 ORDER BY 2 DESC LIMIT 8"))
    size, whole = file.stat().st_size, "".join(replies).encode()
    figures = {"calls": len(replies), "bytes": size, "bytes_per_call": round(size / len(replies), 1)}
    return {**figures, "texts": len(whole), "texts_compressed": len(zlib.compress(whole)), "tables": tables}, replies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=300)
    parser.add_argument("--inspect", metavar="PYTHON", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        played(options.rollouts, folder)
        figures, replies = measured(folder)
        if options.inspect:
            systems = {name: SYSTEM.format(name) for name in AGENTS}
            ring = Ring(systems, start=1, task=TASK, rounds=ROUNDS, rollouts=options.rollouts, replies=replies)
            size = through_inspect(options.inspect, ring)["log_bytes_per_call"] * ring.calls
            figures |= {"inspect_bytes": round(size), "ratio": round(figures["bytes"] / size, 3)}
    print(json.dumps({"rollouts": options.rollouts, **figures}))


if __name__ == "__main__":
    main()
