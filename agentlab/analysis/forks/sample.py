"""A sample of parents: the variances among their forks, cut by cut and agent by agent, of those that have all cuts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.forks.outcomes import Acted, Outcomes, kept
from agentlab.stats.forks.shapley import Replies
from agentlab.stats.forks.shares import within

Array = NDArray[np.float64]
Cells = Mapping[tuple[int, Replies], float]
"""Of one parent: `s2` by round and the agents drawn anew in it; the empty set is the cut at the round's end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The parents of one condition which have forks at every one of `cuts`."""

    parents: tuple[str, ...]
    tasks: tuple[str, ...]
    clusters: Mapping[str, str]
    """By task; empty where each stands for itself."""
    cuts: tuple[int, ...]
    variances: Array
    """Shape (parents, cuts)."""
    noise: list[float] | None
    """Of each parent, what is left open at its end; None where it is not separable."""
    cells: tuple[Cells, ...]
    acted: tuple[Acted, ...]
    left_out: int
    """Parents that lack a cut which most have."""

    def blocks(self) -> list[list[int]]:
        """The rounds between a cut and the next, or the end, in which any parent acted."""
        every = sorted({round for rounds in self.acted for round in rounds})
        ends = [*self.cuts[1:], max(every, default=0)]
        return [[r for r in every if a < r <= b] for a, b in zip(self.cuts, ends, strict=True)]

    def names(self, block: Sequence[int]) -> tuple[str, ...]:
        """Who acted in these rounds, in any parent."""
        return tuple(sorted({agent for rounds in self.acted for r in block for agent in rounds.get(r, ())}))

    def lattices(self) -> list[list[dict[Replies, float]] | None]:
        """For every block the `s2` of each parent by the agents drawn anew; None where one acted in several rounds."""
        lattices: list[list[dict[Replies, float]] | None] = []
        for start, block in zip(self.cuts, self.blocks(), strict=True):
            every = [_lattice(c, w, start, block) for c, w in zip(self.cells, self.acted, strict=True)]
            whole = [lattice for lattice in every if lattice is not None]
            lattices.append(whole if len(whole) == len(every) else None)
        return lattices


def sample(forked: Outcomes, table: pd.DataFrame, who: Mapping[str, Acted]) -> Sample | None:
    """The parents of `table`, the plain forks of one condition; None when none has two forks at a round's end.

    Cuts are those which at least half of the parents have that still go on; one that has ended has every later cut.
    """
    cells = _cells(table, who)
    rounds = {p: who.get(p, {}) for p in cells}
    grid = sorted({0, *(r for p in cells for r in rounds[p])})
    cuts_of = {
        p: [
            k
            for k in grid
            if (kept(rounds[p], k), frozenset()) in parent_cells or (parent_cells and k >= max(rounds[p], default=0))
        ]
        for p, parent_cells in cells.items()
    }
    alive = {k: [p for p in cells if k < max(rounds[p], default=0)] for k in grid}
    cuts = [k for k in grid if 2 * sum(k in cuts_of[p] for p in alive[k]) >= max(len(alive[k]), 1) and alive[k]]
    chosen = [p for p in cells if cuts and set(cuts) <= set(cuts_of[p])]
    if not chosen:
        return None
    noise = forked.noise.of(chosen)
    last = dict(zip(chosen, noise or [0.0] * len(chosen), strict=True))
    home = dict(zip(table["parent"], table["task"], strict=True))

    def left(p: str, k: int) -> float:
        return cells[p].get((kept(rounds[p], k), frozenset()), last[p])

    full = tuple({**cells[p], (max(rounds[p], default=0), frozenset[str]()): last[p]} for p in chosen)
    variances = np.array([[left(p, k) for k in cuts] for p in chosen])
    chosen_rounds = tuple(rounds[p] for p in chosen)
    tasks = tuple(home[p] for p in chosen)
    left_out, grid_cuts = len(cells) - len(chosen), tuple(cuts)
    return Sample(tuple(chosen), tasks, forked.clusters, grid_cuts, variances, noise, full, chosen_rounds, left_out)


def _cells(table: pd.DataFrame, who: Mapping[str, Acted]) -> dict[str, dict[tuple[int, Replies], float]]:
    """`s2` of every cut of every parent with two forks or more."""
    variances: dict[str, dict[tuple[int, Replies], float]] = {parent: {} for parent in table["parent"]}
    keys = [
        (parent, kept(who.get(parent, {}), round) if not agents else round, agents)
        for parent, round, agents in zip(table["parent"], table["round"], table["agents"], strict=True)
    ]
    names = dict.fromkeys(keys)
    number = {key: i for i, key in enumerate(names)}
    codes = np.array([number[key] for key in keys], dtype=np.intp)
    enough = np.bincount(codes, minlength=len(names))[codes] > 1
    s2 = within(table["value"].to_numpy()[enough], codes[enough], len(names))
    for (parent, round, agents), value in zip(names, s2.tolist(), strict=True):
        if not np.isnan(value):
            variances[parent][round, agents] = value
    return variances


def _lattice(cells: Cells, rounds: Acted, start: int, block: Sequence[int]) -> dict[Replies, float] | None:
    """Of one parent; None where it acted in several rounds of the block."""
    acted_in = [round for round in block if round in rounds]
    none = frozenset[str]()
    if len(acted_in) > 1:
        return None
    if not acted_in:
        return {none: 0.0}
    (round,) = acted_in
    drawn = {agents: s2 for (at, agents), s2 in cells.items() if at == round}
    return {**drawn, rounds[round]: cells[kept(rounds, start), none]}
