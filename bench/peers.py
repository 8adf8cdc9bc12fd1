"""The same work with agentlab and with Inspect AI, in turns: calls a second, processor time, memory, bytes of the log.

    make bench-peers

Three agents write to each other in a ring, `--turns` model calls in each of `--rollouts` rollouts, 256 rollouts at
once, on a mock model in the same process that answers at once with the same text. agentlab runs the scenario of
`bench/engine.py`, commits each reply before it is used, and reads the mails from it. Inspect runs a solver that keeps a
chat for each agent and hands each reply to the next agent, on `mockllm` with token counts given, its log written as by
default. Each turn is a process of its own; imports are not timed. Prints JSON with the medians, and the ratios by which
agentlab makes more calls or takes less.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import argparse
import asyncio
import importlib
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(HERE).parent
NAMES = ("ann", "ben", "cat")
REPLY = '<mail to="ben" subject="the plan">' + "We should look at the figures again before we write. " * 6 + "</mail>"


def solver(rounds: int) -> Any:
    """An Inspect solver in which all agents act in each round, and each then hears another."""
    inspect: Any = importlib.import_module("inspect_ai.solver")
    models: Any = importlib.import_module("inspect_ai.model")

    async def solve(state: Any, generate: Any) -> Any:
        model, task = models.get_model(), models.ChatMessageUser(content=state.input_text)
        chats = {name: [models.ChatMessageSystem(content=f"You are {name}."), task] for name in NAMES}
        for _ in range(rounds):
            async with asyncio.TaskGroup() as group:
                turns = {name: group.create_task(model.generate(chats[name])) for name in NAMES}
            for name, heard in zip(NAMES, (NAMES[-1], *NAMES), strict=False):
                chats[name].append(turns[name].result().message)
                chats[name].append(models.ChatMessageUser(content=turns[heard].result().completion))
            state.output = turns[NAMES[-1]].result()
        return state

    @inspect.solver
    def ring() -> Any:
        return solve

    return ring()


def through_inspect(rollouts: int, turns: int) -> dict[str, float]:
    """Runs the work with Inspect, in an environment that has it."""
    inspect: Any = importlib.import_module("inspect_ai")
    models: Any = importlib.import_module("inspect_ai.model")
    samples: Any = importlib.import_module("inspect_ai.dataset")

    def reply(*_: Any) -> Any:
        made = models.ModelOutput.from_content("mockllm/model", REPLY)
        made.usage = models.ModelUsage(input_tokens=100, output_tokens=70, total_tokens=170)
        return made

    dataset = [samples.Sample(input="Make a plan.") for _ in range(rollouts)]
    task = inspect.Task(dataset=dataset, solver=solver(turns // len(NAMES)))
    with tempfile.TemporaryDirectory() as folder:
        model = models.get_model("mockllm/model", custom_outputs=reply)
        started, processor = time.perf_counter(), time.process_time()
        at_once = {"max_samples": 256, "max_connections": 256}
        log = inspect.eval(task, model=model, log_dir=folder, display="none", **at_once)[0]
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    calls = rollouts * turns
    assert log.status == "success", log.error
    assert log.stats.model_usage["mockllm/model"].output_tokens == 70 * calls
    return {
        "calls_per_s": calls / seconds,
        "cpu_us_per_call": 1e6 * processor / calls,
        "log_bytes_per_call": size / calls,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def compared(python: Path, rollouts: int, turns: int, times: int) -> dict[str, Any]:
    """Both sides, one after the other; which goes first alternates."""
    size = ["--rollouts", str(rollouts), "--turns", str(turns)]
    commands = {
        "agentlab": [sys.executable, str(ROOT / "bench/engine.py"), "--part", "agentlab", *size],
        "inspect": [str(python), __file__, "--part", "inspect", *size],
    }
    turns_of: dict[str, list[dict[str, float]]] = {side: [] for side in commands}
    for turn in range(times):
        for side in sorted(commands, reverse=turn % 2 == 1):
            print(f"{side}, turn {turn + 1} of {times} ...", file=sys.stderr)
            made = subprocess.run(commands[side], stdout=subprocess.PIPE, text=True, check=True)
            turns_of[side].append(json.loads(made.stdout))
    names = ("calls_per_s", "cpu_us_per_call", "log_bytes_per_call", "peak_mb")
    figures = {side: {name: median(turn[name] for turn in turns_of[side]) for name in names} for side in commands}
    ours, theirs = figures["agentlab"], figures["inspect"]
    ratios = {name: theirs[name] / ours[name] for name in names} | {
        "calls_per_s": ours["calls_per_s"] / theirs["calls_per_s"]
    }
    rounded = {side: {name: round(value, 2) for name, value in of.items()} for side, of in figures.items()}
    return {"rollouts": rollouts, "turns": turns, **rounded, "ratios": {n: round(r, 2) for n, r in ratios.items()}}


def main() -> None:
    """Each turn in a process of its own, so that the peak of memory is that of one side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=300)
    parser.add_argument("--turns", type=int, default=12, help="Model calls of a rollout, three in each round.")
    parser.add_argument("--times", type=int, default=3, help="Turns of each side.")
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-peers/bin/python", help="It has inspect-ai.")
    parser.add_argument("--part", choices=("inspect",))
    options = parser.parse_args()
    if options.part:
        print(json.dumps(through_inspect(options.rollouts, options.turns)))
        return
    if not options.python.exists():
        sys.exit(f"{options.python} is not there; `make bench-peers` makes it")
    print(json.dumps(compared(options.python, options.rollouts, options.turns, options.times)))


if __name__ == "__main__":
    main()
