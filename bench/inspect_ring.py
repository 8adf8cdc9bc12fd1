"""A ring of mailing agents that is run with Inspect AI, by the interpreter of an environment that has it.

Each agent keeps its own chat and hands each reply to the next agent. The model is `mockllm`, which answers at once and
reports token counts. The log is written as by default. Imports are not timed.
"""

import asyncio
import importlib
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

AT_ONCE = 256
"""Rollouts, each of which may have a request open."""
TOKENS = 70
"""Of each reply."""


@dataclass(frozen=True, slots=True)
class Ring:
    """In each round, the agents that got the task or a mail reply, and the next agent gets the reply."""

    systems: dict[str, str]
    """System prompts by agent, in the order of the ring."""
    start: int
    """How many of the agents get the task."""
    task: str
    rounds: int
    rollouts: int
    replies: list[str]
    """Given in turn, and then from the first again."""

    @property
    def calls(self) -> int:
        """Of all rollouts."""
        return self.rollouts * self.rounds * self.start


def through_inspect(python: Path, ring: Ring) -> dict[str, float]:
    """`calls_per_s`, `cpu_us_per_call`, `log_bytes_per_call` and `peak_mb` of a process of its own."""
    command = [str(python), "-I", __file__]  # isolated: beside this file lies one named http
    child = subprocess.run(command, input=json.dumps(asdict(ring)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(child.stdout)


def solver(ring: Ring) -> Any:
    """The ring as an Inspect solver."""
    inspect: Any = importlib.import_module("inspect_ai.solver")
    models: Any = importlib.import_module("inspect_ai.model")
    names = list(ring.systems)

    async def solve(state: Any, generate: Any) -> Any:
        model = models.get_model()
        chats = {name: [models.ChatMessageSystem(content=text)] for name, text in ring.systems.items()}
        acting = list(range(ring.start))
        for i in acting:
            chats[names[i]].append(models.ChatMessageUser(content=state.input_text))
        for _ in range(ring.rounds):
            async with asyncio.TaskGroup() as group:
                turns = {i: group.create_task(model.generate(chats[names[i]])) for i in acting}
            for i, turn in turns.items():
                chats[names[i]].append(turn.result().message)
            acting = [(i + 1) % len(names) for i in turns]
            for i, turn in zip(acting, turns.values(), strict=True):
                chats[names[i]].append(models.ChatMessageUser(content=turn.result().completion))
                state.output = turn.result()
        return state

    @inspect.solver
    def mailing() -> Any:
        return solve

    return mailing()


def played(ring: Ring) -> dict[str, float]:
    """Runs the work in this process."""
    inspect: Any = importlib.import_module("inspect_ai")
    models: Any = importlib.import_module("inspect_ai.model")
    samples: Any = importlib.import_module("inspect_ai.dataset")
    replies = itertools.cycle(ring.replies)

    def reply(*_: Any) -> Any:
        output = models.ModelOutput.from_content("mockllm/model", next(replies))
        output.usage = models.ModelUsage(input_tokens=100, output_tokens=TOKENS, total_tokens=100 + TOKENS)
        return output

    dataset = [samples.Sample(input=ring.task) for _ in range(ring.rollouts)]
    task = inspect.Task(dataset=dataset, solver=solver(ring))
    with tempfile.TemporaryDirectory() as folder:
        model = models.get_model("mockllm/model", custom_outputs=reply)
        limits = {"max_samples": AT_ONCE, "max_connections": AT_ONCE}
        started, processor = time.perf_counter(), time.process_time()
        log = inspect.eval(task, model=model, log_dir=folder, display="none", **limits)[0]
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        log_bytes = sum(file.stat().st_size for file in Path(folder).iterdir())
    assert log.status == "success", log.error
    assert log.stats.model_usage["mockllm/model"].output_tokens == TOKENS * ring.calls
    return {
        "calls_per_s": ring.calls / seconds,
        "cpu_us_per_call": 1e6 * processor / ring.calls,
        "log_bytes_per_call": log_bytes / ring.calls,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(played(Ring(**json.load(sys.stdin)))))
