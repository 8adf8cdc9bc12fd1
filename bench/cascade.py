"""Speed of inference: SMC against independent rollouts of the same size through the store, and a fork of a long log.

    python bench/cascade.py [PARTICLES]

Prints JSON. CPU seconds of both in the same process, alternating, the least of `TIMES`, and their ratio.
A fork copies the state of a rollout with 200 messages: microseconds, and bytes in the file for each fork.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.play import start, step
from agentlab.engine.spec import fork, unstarted
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.models.simulated.sim import Sim
from agentlab.scenario.design import load
from agentlab.store import DATABASE, Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.chain_of_states import SCENARIO, next_state
from tests.support.populations import fields_of, spec_of

TIMES, ROUNDS, MESSAGES = 5, 10, 200
SEEN = ("x", "y") * (ROUNDS // 2)


def scenario(folder: Path, name: str, inference: str, draws: int) -> Path:
    """A file of the chain of states with `ROUNDS` signs."""
    text = SCENARIO.replace("[x, y, y, x, y]", json.dumps(SEEN)).replace("rounds: 6", f"rounds: {ROUNDS + 1}")
    text = text.replace("inference: {kind: smc, particles: 16}", inference).replace("draws: 4", f"draws: {draws}")
    text = text[: text.index("judges:")]
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def played(path: Path, out: Path) -> tuple[float, int]:
    """CPU seconds of a run without reading the scenario, and the size of its file."""
    design, before = load(path), time.process_time()
    asyncio.run(run(design, out, Selection(), Progress(), concurrency=2000))
    return time.process_time() - before, (out / DATABASE).stat().st_size


def compared(particles: int, folder: Path) -> dict[str, float]:
    """SMC with so many particles, and so many rollouts that weigh nothing and reject nothing."""
    smc = scenario(folder, "smc", f"inference: {{kind: smc, particles: {particles}}}", 1)
    forward = scenario(folder, "forward", "", particles)
    forward.write_text(forward.read_text(encoding="utf-8").replace("ChainOfStates", "WeighsAlways"), encoding="utf-8")
    found: dict[str, list[tuple[float, int]]] = {"smc": [], "forward": []}
    for i in range(TIMES):
        found["forward"].append(played(forward, folder / f"forward{i}"))
        found["smc"].append(played(smc, folder / f"smc{i}"))
    seconds = {name: min(each)[0] for name, each in found.items()}
    bytes_of = {name: each[0][1] for name, each in found.items()}
    return {
        "smc_cpu_seconds": round(seconds["smc"], 3),
        "forward_cpu_seconds": round(seconds["forward"], 3),
        "smc_to_forward": round(seconds["smc"] / seconds["forward"], 3),
        "smc_to_forward_bytes": round(bytes_of["smc"] / bytes_of["forward"], 3),
    }


async def forked(folder: Path, forks: int = 2000) -> dict[str, float]:
    """Microseconds to copy the state of a log of `MESSAGES` messages as a fork, and its bytes in the file."""
    seen = ("x", "y") * (MESSAGES // 8)
    spec = spec_of(1, fields_of("weighting", particles=2), seen)
    client, state = Client({"default": Sim("sim/next", next_state())}), start(spec)
    while len(state.log) < MESSAGES and await step(state, spec, client):
        pass
    before = time.process_time()
    for i in range(1, forks + 1):
        fork(spec, Cut(state.round), i)
        state.copy()
    each = (time.process_time() - before) / forks
    store = Store.open(folder / "forks")
    async with asyncio.TaskGroup() as group:
        for i in range(1, forks + 1):
            group.create_task(store.finish(unstarted(fork(spec, Cut(state.round), i))))
    store.close()
    size = (folder / "forks" / DATABASE).stat().st_size
    told = {"fork_microseconds": round(1e6 * each, 1), "fork_bytes": round(size / forks)}
    return {"messages": len(state.log), **told}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        particles = int(sys.argv[1]) if len(sys.argv) > 1 else 256
        result = compared(particles, Path(scratch)) | asyncio.run(forked(Path(scratch)))
    print(json.dumps({"particles": particles, "rounds": ROUNDS, **result}, indent=1))
