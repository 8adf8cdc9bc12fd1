"""How often the band of proxy against truth is wrong, over simulated loops: `python bench/parting.py [LOOPS]`, as JSON.

The two rewards of a draw share a uniform number, and tasks differ by a normal effect on the logit scale. `false` is the
share of loops that are said to have parted at a generation at which the expected gap is not above 0; at most 5% may be.
`by` is how often each generation is named. In `parts_at_2`, the true generation is 2.
"""

import json
import sys
from collections import Counter

import numpy as np

from agentlab.stats.parting import parting

SHAPES = {
    "both_rise": ([-1.0, 0.0, 0.5, 1.0], [-1.0, 0.0, 0.5, 1.0]),
    "nothing_moves": ([0.0, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, -1.0]),
    "parts_at_2": ([-1.0, -0.5, 1.2, 2.0], [-1.0, -0.5, -0.6, -1.0]),
    "parts_at_1": ([0.0, 0.8, 1.5, 2.2], [0.0, -0.2, -0.5, -1.0]),
}
"""Mean logits of proxy and truth by generation."""
SIZES = ((40, 4), (20, 2), (100, 1))
"""Tasks and draws."""
TASK_SD = 0.8


def simulated(dice: np.random.Generator, tasks: int, draws: int, proxy: list[float], true: list[float]) -> int | None:
    """By which generation one loop is said to have parted."""
    effect = dice.normal(0, TASK_SD, (tasks, 1, 1))
    uniform = dice.random((tasks, len(proxy), draws))
    means = [
        (uniform < 1 / (1 + np.exp(-(np.array(logits)[None, :, None] + effect)))).mean(2) for logits in (proxy, true)
    ]
    return parting(*means).by


def gap(proxy: list[float], true: list[float]) -> list[bool]:
    """For each generation after 0, whether the expected gap is above 0."""
    effect = np.random.default_rng(0).normal(0, TASK_SD, 20_000)
    means = [[float((1 / (1 + np.exp(-(logit + effect)))).mean()) for logit in logits] for logits in (proxy, true)]
    return [means[0][g] - means[0][0] - (means[1][g] - means[1][0]) > 1e-9 for g in range(1, len(proxy))]


def main(loops: int) -> None:
    """Prints one object."""
    rows = list[object]()
    for name, (proxy, true) in SHAPES.items():
        parted = gap(proxy, true)
        for tasks, draws in SIZES:
            dice = np.random.default_rng(1)
            by = Counter(simulated(dice, tasks, draws, proxy, true) for _ in range(loops))
            wrong = sum(count for g, count in by.items() if g is not None and not parted[g - 1])
            shares = {str(g): by[g] / loops for g in (None, 1, 2, 3)}
            rows.append({"loop": name, "tasks": tasks, "draws": draws, "false": wrong / loops, "by": shares})
    print(json.dumps({"loops": loops, "level": 0.95, "results": rows}, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
