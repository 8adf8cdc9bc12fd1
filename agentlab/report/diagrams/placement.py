"""Where the boxes of an organization stand, and where the lines end at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentlab.report.diagrams.contact_graph import ContactGraph, Link
from agentlab.report.diagrams.layout import Layout, Point, layout

BOX, LINE, GAP, MARGIN = 96, 15, 18, 10
"""Least width of a box, height of a line in it, space between boxes and around all."""
JOINT = 20
"""Width that a line takes up where it passes a layer."""
STUB, BEND = 16, 22
"""Height in which a line is upright next to a layer, and in which it bends between two."""
LIFT, HIGHEST = 14, 80
"""Height of the lowest arc within a layer, and of the highest."""
WIDEST, LETTER = 19, 7.0
"""Characters in a line of a box, and the width of one."""
PORT, NUMBERED = 11, 26
"""Space between the ends of lines at a box, without and with a number beside them."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Placement:
    """Lengths in pixels. `x` are the middles of boxes and joints."""

    layer: Mapping[Point, int]
    lines: Mapping[Pair, Sequence[Point]]
    """The points of each line from end to end."""
    both: Mapping[Pair, bool]
    """Whether either end may write to the other."""
    x: Mapping[Point, float]
    widths: Mapping[str, float]
    tops: Sequence[float]
    heights: Sequence[float]
    """Of the layers."""
    ports: Mapping[Pair, float]
    """Where the line ends at the first, by that box and the other end."""

    def edge(self, point: Point, below: bool) -> float:
        """The height of the lower or upper edge of its layer."""
        layer = self.layer[point]
        return self.tops[layer] + (self.heights[layer] if below else 0)

    def leaves_below(self, name: str, other: str) -> bool:
        """Whether the line to the other box ends at the lower edge; those within a layer end at the upper one."""
        return self.layer[other] > self.layer[name]


def place(drawn: ContactGraph) -> Placement:
    """Layers from top to bottom, all boxes of one as high as its highest."""
    both = _pairs(drawn.links)
    step = NUMBERED if any(link.load is not None for link in drawn.links) else PORT
    level = {node.id: i for i, nodes in enumerate(drawn.layers) for node in nodes}
    names = {node.id: written(node.label) for nodes in drawn.layers for node in nodes}
    widths = {name: _width(name, lines, both, level, step) for name, lines in names.items()}
    spaced = {name: width + GAP for name, width in widths.items()}
    arranged = layout([[node.id for node in nodes] for nodes in drawn.layers], both, spaced, JOINT)
    left = MARGIN - min(at - widths.get(str(point), 0.0) / 2 for point, at in arranged.x.items())
    x = {point: at + left for point, at in arranged.x.items()}
    tops, heights = _heights(arranged, x, names)
    return Placement(arranged.layer, arranged.lines, both, x, widths, tops, heights, _ports(arranged, x, step))


def written(label: str) -> tuple[str, ...]:
    """What is written in a box: a name broken at its underscores, hyphens and spaces into lines that fit."""
    lines = [""]
    for mark in "-_":
        label = label.replace(mark, f"{mark}\n")
    for part in label.split("\n"):
        for piece in (part[i : i + WIDEST] for i in range(0, len(part), WIDEST)):
            if lines[-1] and len(lines[-1]) + len(piece) > WIDEST:
                lines.append("")
            lines[-1] += piece
    return tuple(lines)


def _pairs(links: Sequence[Link]) -> dict[Pair, bool]:
    """Each pair of boxes once, with whether both may write."""
    there = {(link.sender, link.recipient) for link in links}
    return {(a, b): (b, a) in there for a, b in sorted(there) if not ((b, a) in there and b < a)}


def _width(name: str, lines: Sequence[str], both: Mapping[Pair, bool], level: Mapping[str, int], step: float) -> float:
    """As wide as its words, and as the ends of the lines below or above it."""
    others = [b if a == name else a for a, b in both if name in (a, b)]
    below = sum(level[other] > level[name] for other in others)
    return max(BOX, LETTER * max(map(len, lines)) + 14, step * max(below, len(others) - below) + 8)


def _heights(
    arranged: Layout, x: Mapping[Point, float], names: Mapping[str, Sequence[str]]
) -> tuple[list[float], list[float]]:
    """Upper edge and height of each layer. Above it is room for its arcs, and the more, the farther to the side its
    lines go."""
    layer = arranged.layer
    arcs, reach = [0.0] * len(arranged.layers), [0.0] * len(arranged.layers)
    for points in arranged.lines.values():
        for a, b in pairwise(points):
            lower = max(layer[a], layer[b])
            if layer[a] == layer[b]:
                arcs[lower] = max(arcs[lower], 0.75 * lift(x[a], x[b]))
            else:
                reach[lower] = max(reach[lower], 0.05 * abs(x[a] - x[b]))
    tops, heights, top = list[float](), list[float](), float(MARGIN)
    for i, points in enumerate(arranged.layers):
        top += (2 * STUB + BEND + reach[i] if i else 0) + arcs[i]
        tops.append(top)
        heights.append(LINE * max(len(names[name]) for name in points if isinstance(name, str)) + 12)
        top += heights[-1]
    return tops, heights


def lift(x1: float, x2: float) -> float:
    """The height of the control points of an arc."""
    return min(HIGHEST, LIFT + 0.07 * abs(x1 - x2))


def _ports(arranged: Layout, x: Mapping[Point, float], step: float) -> dict[Pair, float]:
    """Where each line ends at a box, by the box and the line's other end."""
    layer = arranged.layer
    sides: dict[tuple[str, bool], list[tuple[Point, str]]] = {}
    for (a, b), points in arranged.lines.items():
        for name, following, other in ((a, points[1], b), (b, points[-2], a)):
            sides.setdefault((name, layer[following] > layer[name]), []).append((following, other))
    places: dict[Pair, float] = {}
    for (name, _), ends in sides.items():
        ends.sort(key=lambda end: _turn(name, end[0], x, layer))
        for i, (_, other) in enumerate(ends):
            places[name, other] = x[name] + (i - (len(ends) - 1) / 2) * step
    return places


def _turn(name: str, to: Point, x: Mapping[Point, float], layer: Mapping[Point, int]) -> tuple[int, float]:
    """Arcs to the left, then lines to other layers, then arcs to the right; of arcs the longer one inside."""
    if layer[name] != layer[to]:
        return 0, x[to]
    return (-1 if x[to] < x[name] else 1), -x[to]
