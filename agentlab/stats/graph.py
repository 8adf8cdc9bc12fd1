"""Measures of a directed graph of contacts: how far, how dense, who stands between. Knows nothing of runs.

Source: Brandes (2001), J. Math. Sociology 25, 163-177, for betweenness, as networkx computes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx


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


def graph(members: Sequence[str], contacts: Mapping[str, Iterable[str]], source: str) -> Graph:
    """The graph of `members`, given whom each may write to; others than members and the source are left out.

    Loops and repeated contacts count once or not at all, as they bring nobody closer.
    """
    known = set(members)
    pairs = {(name, to) for name, others in contacts.items() for to in others if to in known and to != name}
    inner: nx.DiGraph[str] = nx.DiGraph()
    inner.add_nodes_from(members)
    inner.add_edges_from(sorted(pair for pair in pairs if pair[0] in known))
    whole: nx.DiGraph[str] = nx.DiGraph([pair for pair in pairs if pair[0] == source])
    whole.add_node(source)
    whole.update(inner)
    distances = nx.single_source_shortest_path_length(whole, source)
    between = nx.betweenness_centrality(inner)
    nodes = {
        name: Node(distances.get(name), between[name], inner.out_degree(name), inner.in_degree(name)) for name in inner
    }
    depth = max(distances.values()) if len(distances) > len(inner) else None
    n, edges = len(inner), inner.number_of_edges()
    return Graph(nodes, edges, edges / (n * (n - 1)) if n > 1 else float("nan"), depth)
