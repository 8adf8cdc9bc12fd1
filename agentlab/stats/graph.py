"""Measures of a directed graph of contacts: how far, how dense, who stands between. Knows nothing of runs.

Source: Brandes (2001), J. Math. Sociology 25, 163-177, for betweenness, as networkx computes it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """One member. Degrees count contacts among members."""

    distance: int | None
    """Fewest steps from the source, 1 for those it reaches itself; None where no path leads."""
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
    contacts: tuple[tuple[str, str], ...]
    """Pairs of members of which the first may write to the second, sorted."""

    def betweenness(self) -> dict[str, float]:
        """By member: the sum over ordered pairs of others of the share of their shortest paths through it, over
        (n - 1)(n - 2)."""
        import networkx as nx  # slow to import, and whoever ends a run needs none of it

        inner: nx.DiGraph[str] = nx.DiGraph()
        inner.add_nodes_from(self.nodes)
        inner.add_edges_from(self.contacts)
        return nx.betweenness_centrality(inner)


def graph(members: Sequence[str], contacts: Mapping[str, Iterable[str]], source: str) -> Graph:
    """The graph of `members`, given whom each may write to; others than members and the source are left out.

    Loops and repeated contacts count once or not at all, as they bring nobody closer.
    """
    order = tuple(dict.fromkeys(members))
    pairs = {(name, to) for name, others in contacts.items() for to in others if to in order and to != name}
    inner = tuple(sorted(pair for pair in pairs if pair[0] in order))
    readers: dict[str, list[str]] = {}
    for name, to in pairs:
        readers.setdefault(name, []).append(to)
    distances = _distances(readers, source)
    writes, reads = Counter(name for name, _ in inner), Counter(to for _, to in inner)
    nodes = {name: Node(distances.get(name), writes[name], reads[name]) for name in order}
    depth = max(distances.values()) if all(name in distances for name in order) else None
    n, edges = len(order), len(inner)
    return Graph(nodes, edges, edges / (n * (n - 1)) if n > 1 else float("nan"), depth, inner)


def _distances(readers: Mapping[str, Sequence[str]], source: str) -> dict[str, int]:
    """Fewest steps from the source to whoever can be reached, by breadth-first search."""
    distances, last = {source: 0}, [source]
    while last:
        reached = dict.fromkeys(to for name in last for to in readers.get(name, ()) if to not in distances)
        distances |= dict.fromkeys(reached, distances[last[0]] + 1)
        last = list(reached)
    return distances
