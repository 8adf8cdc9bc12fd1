"""Inference: its speed against independent rollouts of the same size, a fork of a long log, and how exact it is.

    python bench/cascade.py [PARTICLES]
    python bench/cascade.py --enumeration [REPETITIONS]

Prints JSON. With `--enumeration`, each method estimates the evidence and the posterior of a hidden Markov chain 300
times; `z` is the distance of their mean from exact enumeration, in standard errors. The posterior of a few weighted
particles is biased towards the prior; the ratio of means that is told (of the evidence with the event, and of all) is
not, but for the terms of second order.

Else, CPU seconds of both in the same process, alternating, the least of `TIMES`, and their ratio.
A fork copies the state of a rollout with 200 messages: microseconds, and bytes in the file for each fork.
"""

import asyncio
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.play import start, step
from agentlab.engine.spec import fork, unstarted
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.models.simulated.sim import Sim
from agentlab.scenario.loading import load
from agentlab.store import DATABASE, Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.chain_of_states import SCENARIO, exact, next_state
from tests.support.populations import SEEN as STATES
from tests.support.populations import estimates, fields_of, spec_of

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
    timings: dict[str, list[tuple[float, int]]] = {"smc": [], "forward": []}
    for i in range(TIMES):
        timings["forward"].append(played(forward, folder / f"forward{i}"))
        timings["smc"].append(played(smc, folder / f"smc{i}"))
    seconds = {name: min(each)[0] for name, each in timings.items()}
    bytes_of = {name: each[0][1] for name, each in timings.items()}
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
    sizes = {"fork_microseconds": round(1e6 * each, 1), "fork_bytes": round(size / forks)}
    return {"messages": len(state.log), **sizes}


METHODS: dict[str, dict[str, Any]] = {
    "forward": {"kind": "forward", "particles": 64},
    "rejection": {"kind": "rejection", "accept": 2, "most": 400, "at_once": 40},
    "weighting": {"kind": "weighting", "particles": 32},
    "weighting, 4 draws": {"kind": "weighting", "particles": 32, "likelihood": {"sample": 4}},
    "smc, systematic": {"kind": "smc", "particles": 32},
    "smc, multinomial": {"kind": "smc", "particles": 32, "by": "multinomial"},
    "smc, residual": {"kind": "smc", "particles": 32, "by": "residual"},
    "smc, 4 draws": {"kind": "smc", "particles": 32, "likelihood": {"sample": 4}},
}


def enumerated(repetitions: int) -> dict[str, Any]:
    """By method: the mean estimates of evidence and posterior, and how many standard errors they are off."""
    evidence, last_b = exact(STATES)
    by_method, distances = dict[str, Any](), list[float]()
    for name, given in METHODS.items():
        made = estimates(fields_of(**given), range(repetitions))
        each, joint = (
            [estimate.evidence for estimate in made],
            [estimate.evidence * (estimate.last_b if estimate.evidence else 0) for estimate in made],
        )
        ratio, root = fmean(joint) / fmean(each), math.sqrt(repetitions)
        off = (fmean(each) - evidence) / (stdev(each) / root)
        spread = stdev(j - ratio * e for j, e in zip(joint, each, strict=True)) / root / fmean(each)
        distances += [abs(off), abs(ratio - last_b) / spread]
        posterior = {"last_B": round(ratio, 4), "last_B_z": round((ratio - last_b) / spread, 2)}
        by_method[name] = {"evidence": round(fmean(each), 6), "evidence_z": round(off, 2), **posterior}
    exact_values = {"evidence": evidence, "last_B": last_b, "repetitions": repetitions}
    return {"exact": exact_values, **by_method, "largest_z": round(max(distances), 2)}


if __name__ == "__main__" and "--enumeration" in sys.argv:
    print(json.dumps(enumerated(int(sys.argv[2]) if len(sys.argv) > 2 else 300), indent=1))
elif __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        particles = int(sys.argv[1]) if len(sys.argv) > 1 else 256
        result = compared(particles, Path(scratch)) | asyncio.run(forked(Path(scratch)))
    print(json.dumps({"particles": particles, "rounds": ROUNDS, **result}, indent=1))
