"""Plays rollouts of one call each into a run, eight at once, and prints what is acknowledged.

`python -m tests.support.page_writer FOLDER ROLLOUTS`. What a rollout says depends on its number alone.
"""

import asyncio
import random
import sys
from contextlib import closing
from pathlib import Path

from agentlab.store import Store
from agentlab.types import Call, Completion, Message, Rollout, Settings

AT_ONCE = 8


def text(number: int) -> str:
    """Of 1 to 40,000 characters, so that a page is filled by many texts or by one."""
    rng = random.Random(number)
    return "".join(rng.choices("abc\u00e9\N{GRINNING FACE} \n", k=rng.choice([1, 50, 3000, 40_000])))


def said(number: int) -> str:
    """What the message of the rollout says: a part of the reply."""
    reply = text(number)
    return reply[len(reply) // 3 :]


async def play(folder: Path, rollouts: int) -> None:
    with closing(Store.open(folder)) as store:
        for first in range(0, rollouts, AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for number in range(first, first + AT_ONCE):
                    group.create_task(_one(store, number))


async def _one(store: Store, number: int) -> None:
    key = str(number)
    if store.final(key):
        return
    message = Message("ann", ("@output",), "text", said(number), None, 1, 0)
    rollout = Rollout(key, "s", key, "c", 1, 1, "delivered", None, "protocol", (message,))
    known = key in store.known
    store.begin(rollout)
    if not (known and store.recorded(key)):
        answer = Completion(text(number), (), None, "end")
        await store.record(key, Call("ann", 1, 0, 1, "m", Settings(), "2:" + "0" * 32, answer))
        print("call", number, flush=True)
    await store.finish(rollout)
    print("end", number, flush=True)


if __name__ == "__main__":
    asyncio.run(play(Path(sys.argv[1]), int(sys.argv[2])))
