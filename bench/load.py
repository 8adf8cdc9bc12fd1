"""How long a large run takes to become frames: 10,000 rollouts with 240,000 messages and 120,000 calls.

    python bench/load.py [--rollouts N]

Prints JSON: seconds of processor time by frame and in all, and what the rows of messages and calls alone take to fetch
from SQLite, before anything is made of them; the seconds that passed; and the peak memory of this process in MB. The
run is written once into a temporary folder, by another process, so that writing counts neither as time nor as memory.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path

from agentlab.runs.frames import load
from agentlab.seeds import digest
from agentlab.store import DATABASE, Store, read
from agentlab.store.packing import Packer
from agentlab.store.rows import call_row, message_row, rollout_row
from agentlab.store.writer import connect, store
from agentlab.types import Call, Completion, Message, Rollout, Settings, Task, Usage

MESSAGES, CALLS, CHUNK = 24, 12, 256
AGENTS = ("partner", "analyst", "writer")
TEXT = "The figures suggest that the smaller mailing saves money and answers the question of the client. " * 4


def write(folder: Path, rollouts: int) -> None:
    """A run of two conditions on ten tasks, as `agentlab run` would have left it."""
    asyncio.run(_prepare(folder))
    connection = connect(str(folder / DATABASE))
    packer = Packer(connection)
    for start in range(1, rollouts + 1, CHUNK):
        ids = range(start, min(start + CHUNK, rollouts + 1))
        rows = {
            "rollouts": [rollout_row(id, _rollout(id), "delivered", 0.0) for id in ids],
            "calls": [call_row(id, _call(id, i)) for id in ids for i in range(CALLS)],
            "messages": [message_row(id, _message(i)) for id in ids for i in range(MESSAGES)],
        }
        connection.execute("BEGIN")
        store(connection, packer, rows, last=ids.stop > rollouts)
        packer.forget(ids)
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = DELETE")  # as a store that is closed leaves it
    connection.close()


async def _prepare(folder: Path) -> None:
    store = Store.open(folder)
    store.set_meta({"name": "load", "factors": {"team": ["firm", "solo"]}, "tasks": [Task("t0", "")], "measures": []})
    store.set_conditions([(f"team={level}", {"team": level}, {}) for level in ("firm", "solo")])
    store.close()


def _rollout(id: int) -> Rollout:
    condition = f"team={('firm', 'solo')[id % 2]}"
    key = digest(id)
    return Rollout(key, "load", f"t{id // 2 % 10}", condition, 1 + id // 20, 1, "delivered", TEXT, "protocol")


def _message(index: int) -> Message:
    sender, to = AGENTS[index % 3], AGENTS[(index + 1) % 3]
    return Message(sender, (to,), "mail", TEXT, "the plan", index // 3, index)


def _call(id: int, index: int) -> Call:
    answer = Completion(TEXT, usage=Usage(700, 90), served_model="sim/served", request_id=f"r-{id}-{index}")
    settings, prompt = Settings(max_tokens=2000), digest(id, index)
    return Call(
        AGENTS[index % 3],
        index // 3,
        0,
        1,
        "sim/chatter",
        settings,
        prompt,
        answer,
        started=1.7e9,
        seconds=1.5,
        cost=0.01,
    )


def timed(folder: Path) -> dict[str, float]:
    """Seconds of each frame in turn, from opening the run."""
    started, cpu = time.perf_counter(), time.process_time()
    run, seconds = load(folder), dict[str, float]()
    rows: dict[str, int] = {}
    for name in ("rollouts", "messages", "calls"):
        before = time.process_time()
        rows[name] = len(getattr(run, name))
        seconds[f"cpu_s_{name}"] = round(time.process_time() - before, 3)
    seconds["cpu_s"] = round(time.process_time() - cpu, 3)
    return {
        **rows,
        **seconds,
        "seconds": round(time.perf_counter() - started, 3),
        "fetch_cpu_s": round(fetched(folder), 3),
    }


def fetched(folder: Path) -> float:
    """Seconds of processor time to fetch the rows of messages and calls, a tuple each, without their texts."""
    before = time.process_time()
    with closing(read(folder)) as connection:
        for table in ("message_rows", "call_rows"):
            cursor = connection.execute(f"SELECT * FROM {table}")
            while cursor.fetchmany(CHUNK):
                pass
    return time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=10_000)
    wanted: int = parser.parse_args().rollouts
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(folder, wanted))
        writer.start()
        writer.join()
        figures = timed(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**figures, "peak_mb": round(peak, 1)}))


if __name__ == "__main__":
    main()
