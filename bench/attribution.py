"""Do the intervals of attribution cover? 2,000 simulated experiments of each kind, whose truth is known. Prints JSON.

`shares`: an organization of three rounds, the second of two agents with a product of their effects, forked at every cut
by parents of a task each; counted is how often 95 % intervals cover a round's variance and its share. `agents`: the
same of Shapley's parts. `path`: a rollout's points, and its steps, all at once, for normal outcomes of unequal spread
and for hits and misses.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.estimate import Estimate
from agentlab.stats.forks.path import End, Path, path
from agentlab.stats.forks.shapley import Replies, by_agent
from agentlab.stats.forks.shares import VarianceTerm, by_round
from agentlab.stats.interval import Interval

Array = NDArray[np.float64]
FIRST, A, B, TOGETHER, LAST, JUDGE = 1.0, 0.8, 0.5, 0.6, 0.7, 0.5
ROUNDS = (FIRST**2, A**2 + B**2 + TOGETHER**2, LAST**2)
TOTAL = sum(ROUNDS) + JUDGE**2
NONE, ONE, OTHER, BOTH = (frozenset(name) for name in ("", "a", "b", "ab"))


def covers(interval: Interval | Estimate | None, truth: float) -> bool:
    """Whether it is there and holds the truth."""
    if interval is None or interval.low is None or interval.high is None:
        return False
    return interval.low <= truth <= interval.high


def s2(rng: np.random.Generator, kept: Mapping[str, Array], anew: str, forks: int) -> Array:
    """Variance among the forks of each parent which draw the turns in `anew` again."""
    shape = (len(kept["f"]), forks)
    f, a, b, last = (rng.normal(size=shape) if turn in anew else kept[turn][:, None] for turn in "fabl")
    y = FIRST * f + A * a + B * b + TOGETHER * a * b + LAST * last + rng.normal(0, JUDGE, shape)
    return np.asarray(y.var(axis=1, ddof=1), dtype=np.float64)


def shares(rng: np.random.Generator, parents: int, forks: int) -> list[bool]:
    """Of each round its variance, then its share; of agents a and b Shapley's part."""
    kept = {turn: rng.normal(size=parents) for turn in "fabl"}
    cuts = {drawn: s2(rng, kept, drawn, forks) for drawn in ("fabl", "abl", "al", "bl", "l")}
    rounds = by_round(
        np.column_stack([cuts["fabl"], cuts["abl"], cuts["l"]]), range(parents), np.full(parents, JUDGE**2)
    )
    sets: dict[Replies, Array] = {NONE: cuts["l"], ONE: cuts["al"], OTHER: cuts["bl"], BOTH: cuts["abl"]}
    lattices = [{drawn: float(column[p]) for drawn, column in sets.items()} for p in range(parents)]
    split = by_agent(lattices, range(parents), cuts["fabl"])
    assert split is not None
    truths: list[tuple[VarianceTerm, float]] = [*zip(rounds.rounds, ROUNDS, strict=True)]
    agents = [(split.agents["a"], A**2 + TOGETHER**2 / 2), (split.agents["b"], B**2 + TOGETHER**2 / 2)]
    hits = [covers(part.new_tasks, truth) for part, truth in [*truths, *agents]]
    return [*hits, *(covers(part.share, truth / TOTAL) for part, truth in [*truths, *agents])]


def band(path: Path, truth: Array) -> list[bool]:
    """Whether all points, and all steps, hold at once."""
    points = [p.low is not None and p.high is not None and p.low <= truth[p.cut] <= p.high for p in path.points]
    steps = [
        s.low is not None and s.high is not None and s.low <= truth[s.cut] - truth[s.start] <= s.high
        for s in path.steps
    ]
    return [all(points), all(steps)]


def normal(rng: np.random.Generator, cuts: int, forks: int) -> list[bool]:
    """A random walk whose forks spread less from cut to cut, unequal in number."""
    truth = rng.normal(size=cuts + 1).cumsum()
    spread = np.sqrt(np.arange(cuts, 0, -1))
    drawn = {k: rng.normal(truth[k], spread[k], forks + k % 3) for k in range(cuts)}
    return band(path(drawn, End(cuts, float(truth[-1]))), truth)


def hits(rng: np.random.Generator, cuts: int, forks: int) -> list[bool]:
    """Chances that wander between 0 and 1."""
    truth = np.clip(0.5 + rng.normal(0, 0.25, cuts).cumsum(), 0.02, 0.98)
    drawn = {k: (rng.random(forks) < truth[k]).astype(np.float64) for k in range(cuts)}
    return band(path(drawn, scale=(0.0, 1.0)), truth)


def counted(trial: Callable[[np.random.Generator], list[bool]], experiments: int, names: tuple[str, ...]) -> Any:
    """How often each interval covers, in percent."""
    rng = np.random.default_rng(20260101)
    hits = np.array([trial(rng) for _ in range(experiments)])
    return {name: round(100 * float(share), 2) for name, share in zip(names, hits.mean(axis=0), strict=True)}


def main() -> None:
    """Runs all designs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    n: int = parser.parse_args().experiments
    started = time.perf_counter()
    parts = ("round 1", "round 2", "round 3", "agent a", "agent b")
    names = tuple(f"{kind} of {part}" for kind in ("variance", "share") for part in parts)
    result: dict[str, Any] = {"experiments": n, "level": 95, "shares": {}, "path": {}}
    for parents, forks in ((15, 6), (30, 4), (30, 8), (100, 6)):
        label = f"{parents} parents x {forks} forks"
        result["shares"][label] = counted(lambda rng, p=parents, f=forks: shares(rng, p, f), n, names)
    for cuts, forks in ((4, 4), (4, 8), (10, 6)):
        for kind, trial in (("normal", normal), ("hits", hits)):
            label = f"{kind}, {cuts} cuts x {forks} forks"
            run = counted(lambda rng, t=trial, c=cuts, f=forks: t(rng, c, f), n, ("points", "steps"))
            result["path"][label] = run
    result["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
