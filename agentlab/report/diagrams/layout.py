"""Boxes in layers, joined by lines that run beside them.

After Sugiyama, Tagawa and Toda (1981), IEEE Trans. Systems, Man, Cybernetics 11, 109-125: a line across several layers
gets a joint in each layer between, which takes up room as a box does; neighbors are ordered by their barycentres.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import networkx as nx

Joint = tuple[str, str, int]
"""Where the line between two boxes passes a layer."""
Point = str | Joint
SWEEPS = 12
"""Passes down and up again in which layers are ordered, then placed; more move nothing in any shipped scenario."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes and joints from left to right in each layer, their middles, and each line's points from end to end."""

    layers: Sequence[Sequence[Point]]
    layer: Mapping[Point, int]
    x: Mapping[Point, float]
    lines: Mapping[tuple[str, str], Sequence[Point]]


def layout(
    layers: Sequence[Sequence[str]], pairs: Iterable[tuple[str, str]], boxes: Mapping[str, float], joint: float
) -> Layout:
    """Places boxes of the widths `boxes` and joints of width `joint`, with the space around them; 0 is the middle."""
    level: dict[Point, int] = {name: i for i, names in enumerate(layers) for name in names}
    lines = {(a, b): list(_points(a, b, level)) for a, b in pairs}
    level |= {point: point[2] for points in lines.values() for point in points if isinstance(point, tuple)}
    links: nx.Graph[Point] = nx.Graph()
    links.add_nodes_from(level)
    for points in lines.values():
        links.add_edges_from((a, b) for a, b in pairwise(points) if level[a] != level[b])
    order = [[point for point in level if level[point] == i] for i in range(len(layers))]
    near = {point: sorted(links[point], key=str) for point in links}
    _sort(order, near)
    x = _place(order, near, {point: joint if isinstance(point, tuple) else boxes[point] for point in level})
    return Layout(order, level, x, lines)


def _points(a: str, b: str, level: Mapping[Point, int]) -> Iterator[Point]:
    step = 1 if level[b] > level[a] else -1
    yield a
    yield from ((a, b, i) for i in range(level[a] + step, level[b], step))
    yield b


def _sort(order: list[list[Point]], near: Mapping[Point, Sequence[Point]]) -> None:
    """Each layer by the mean place of its neighbors in the layer before, down and up again, so that fewer cross."""
    for sweep in range(SWEEPS):
        for before, layer in pairwise(order if sweep % 2 == 0 else order[::-1]):
            place = {point: (i + 0.5) / len(before) for i, point in enumerate(before)}
            stay = {point: (i + 0.5) / len(layer) for i, point in enumerate(layer)}
            layer.sort(key=lambda point: _mean([place[other] for other in near[point] if other in place], stay[point]))


def _place(
    order: Sequence[Sequence[Point]], near: Mapping[Point, Sequence[Point]], widths: Mapping[Point, float]
) -> dict[Point, float]:
    """Each point as near to the mean of its neighbors as the widths in its layer allow."""
    rows: list[tuple[Sequence[Point], list[float]]] = []
    for layer in order:
        steps = ((widths[a] + widths[b]) / 2 for a, b in pairwise(layer))
        rows.append((layer, list(accumulate(steps, initial=0.0))))
    x = {point: at - offsets[-1] / 2 for layer, offsets in rows for point, at in zip(layer, offsets, strict=True)}
    for sweep in range(SWEEPS):
        for layer, offsets in rows if sweep % 2 == 0 else rows[::-1]:
            centers = [_mean([x[other] for other in near[point]], x[point]) for point in layer]
            x |= dict(zip(layer, _apart(centers, offsets), strict=True))
    return x


def _apart(centers: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The least squares of moving everything apart: isotonic regression, by pooling adjacent violators."""
    pools: list[tuple[float, int]] = []
    for place, offset in zip(centers, offsets, strict=True):
        pools.append((place - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (left, n), (right, m) = pools[-2:]
            pools[-2:] = [((left * n + right * m) / (n + m), n + m)]
    level = [place for place, n in pools for _ in range(n)]
    return [place + offset for place, offset in zip(level, offsets, strict=True)]


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
