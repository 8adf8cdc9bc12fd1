"""Tokens per second of models on this machine: with an adapter against without, and in waves against one at a time.

    python bench/serving.py adapter
    python bench/serving.py waves FOLDER     # weights; needs vLLM (docs/serving.md)

Prints JSON. Both sides are measured in turns, and the median of the ratios is what counts. An adapter of rank 16 for
all matrices of the embedded model is sampled one call at a time, and CPU seconds are counted, since its engine runs in
this process. Waves are those of `vllm-offline`: calls all at
once, and some one after the other.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from agentlab.interfaces import Model
from agentlab.models.serve import serve
from agentlab.models.spec import ModelSpec
from agentlab.types import ChatMessage, Request, Settings, Where

sys.path.insert(0, os.path.dirname(HERE))
from tests.support import adapter_file

TOKENS = 48
ROUNDS = 5


def requests(calls: int, first: int = 0) -> list[Request]:
    settings = Settings(temperature=1.0, max_tokens=TOKENS)
    return [
        Request((ChatMessage("user", f"Tell me about {i} ships."),), settings, (), Where("r", "a", 1, 0, 1, i, rank=i))
        for i in range(first, first + calls)
    ]


async def in_a_row(model: Model, asked: Sequence[Request], clock: Callable[[], float] = time.perf_counter) -> float:
    """Output tokens per second of the clock."""
    began, tokens = clock(), 0
    for request in asked:
        usage = (await model.complete(request)).usage
        tokens += usage.output if usage else 0
    return tokens / (clock() - began)


async def at_once(model: Model, asked: Sequence[Request]) -> float:
    """Output tokens per second."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(model.complete(request)) for request in asked]
    usages = [task.result().usage for task in tasks]
    return sum(usage.output for usage in usages if usage) / (time.perf_counter() - began)


async def adapter(calls: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = adapter_file.write_whole(Path(folder) / "adapter.gguf")
        base = ModelSpec.model_validate({"name": "local/smollm2"})
        adapted = ModelSpec.model_validate({"name": "local/smollm2", "options": {"adapter": str(path)}})
        async with serve({"base": base, "adapted": adapted}) as models:
            pairs = list[tuple[float, float]]()
            for i in range(1 + ROUNDS):  # the first warms up
                asked = requests(calls, i * calls)
                pair = [await in_a_row(models[name], asked, time.process_time) for name in ("base", "adapted")]
                pairs += [(pair[0], pair[1])] if i else []
    return medians("base", "adapted", pairs, "cpu_second")


async def waves(folder: str, calls: int) -> dict[str, Any]:
    spec = ModelSpec.model_validate({"name": "vllm-offline/bench", "options": {"weights": folder}})
    async with serve({"default": spec}) as models:
        model = models["default"]
        await at_once(model, requests(calls, 10**6))
        pairs = list[tuple[float, float]]()
        for i in range(ROUNDS):
            alone = await in_a_row(model, requests(max(1, calls // 8), 10**5 * (i + 1)))
            pairs.append((alone, await at_once(model, requests(calls, 10**4 * (i + 1)))))
    return medians("one_at_a_time", "in_waves", pairs, "second")


def medians(before: str, after: str, pairs: Sequence[tuple[float, float]], unit: str) -> dict[str, Any]:
    return {
        f"{before}_tokens_per_{unit}": round(median(first for first, _ in pairs), 1),
        f"{after}_tokens_per_{unit}": round(median(second for _, second in pairs), 1),
        "ratio": round(median(second / first for first, second in pairs), 3),
        "ratios": [round(second / first, 3) for first, second in pairs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["adapter", "waves"])
    parser.add_argument("folder", nargs="?", default="", help="the weights, for waves")
    parser.add_argument("--calls", type=int, default=0)
    given = parser.parse_args()
    if given.what == "waves" and not given.folder:
        parser.error("waves needs the folder of the weights")
    work = adapter(given.calls or 6) if given.what == "adapter" else waves(given.folder, given.calls or 32)
    print(json.dumps({"bench": given.what, **asyncio.run(work)}))


if __name__ == "__main__":
    main()
