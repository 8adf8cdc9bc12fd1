"""Measures of a directed graph of contacts: how far, how dense, who stands between. Knows nothing of runs.

Sources: breadth-first distances; Brandes (2001), J. Math. Sociology 25, 163-177, for betweenness.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Node:
    """One member. Degrees count contacts among members."""

    distance: int | None
    """Fewest steps from the source, 1 for those it reaches itself; None where no path leads."""
    betweenness: float
    """Sum over ordered pairs of others of the share of their shortest paths through it, over (n - 1)(n - 2)."""
    out_degree: int
    in_degree: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The whole. `nodes` has every member, in order."""

    nodes: Mapping[str, Node]
    edges: int
    density: float
    """Edges over n(n - 1); NaN for one member alone, which has nobody to write to."""
    depth: int | None
    """Greatest distance from the source; None when some member cannot be reached."""


def graph(members: Sequence[str], edges: Iterable[tuple[str, str]], source: str) -> Graph:
    """The graph of `members`; edges from or to anybody else count only as the `source` reaching its first members.

    Loops and repeated edges count once or not at all, as they bring nobody closer.
    """
    place = {name: i for i, name in enumerate(members)}
    n, first = len(place), set[int]()
    links: NDArray[np.bool_] = np.zeros((n, n), dtype=bool)
    for one, other in edges:
        if one == source and other in place:
            first.add(place[other])
        elif one in place and other in place and one != other:
            links[place[one], place[other]] = True
    steps = _distances(links, first)
    between = _betweenness(links) / max(1, (n - 1) * (n - 2))
    nodes = {
        name: Node(steps.get(i), float(between[i]), int(links[i].sum()), int(links[:, i].sum()))
        for name, i in place.items()
    }
    count = int(links.sum())
    reached = [node.distance for node in nodes.values() if node.distance is not None]
    depth = max(reached) if reached and len(reached) == n else None
    return Graph(nodes, count, count / (n * (n - 1)) if n > 1 else float("nan"), depth)


def _distances(links: NDArray[np.bool_], first: set[int]) -> dict[int, int]:
    found, layer, step = dict.fromkeys(sorted(first), 1), sorted(first), 1
    while layer:
        step += 1
        layer = [i for i in map(int, np.flatnonzero(links[layer].any(axis=0))) if i not in found]
        found |= dict.fromkeys(layer, step)
    return found


def _betweenness(links: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One breadth-first pass from every node, then dependencies summed from the farthest back."""
    n = len(links)
    after = [np.flatnonzero(row).tolist() for row in links]
    total: NDArray[np.float64] = np.zeros(n)
    for source in range(n):
        paths, steps = np.zeros(n), np.full(n, -1)
        paths[source], steps[source] = 1, 0
        order, before = [source], [list[int]() for _ in range(n)]
        for one in order:
            for other in after[one]:
                if steps[other] < 0:
                    steps[other] = steps[one] + 1
                    order.append(other)
                if steps[other] == steps[one] + 1:
                    paths[other] += paths[one]
                    before[other].append(one)
        share: NDArray[np.float64] = np.zeros(n)
        for other in reversed(order):
            for one in before[other]:
                share[one] += paths[one] / paths[other] * (1 + share[other])
            if other != source:
                total[other] += share[other]
    return total
