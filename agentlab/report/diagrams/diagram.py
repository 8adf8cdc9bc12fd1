"""One organization as boxes, lines and numbers: no line runs through a box, and no text covers another.

A line is upright near every box, where its arrowhead and its number stand, and bends only between the layers.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentlab.report.diagrams.contact_graph import ContactGraph
from agentlab.report.diagrams.placement import LINE, MARGIN, STUB, Pair, Placement, lift, place, written
from agentlab.types import OUTPUT, TASK

THIN, THICK = 1.1, 3.4
"""Width of a line that is used least, and of the one that is used most."""
Loads = Mapping[Pair, float | None]


@dataclass(frozen=True, slots=True)
class Box:
    """Where an agent, the client or the output stands: its upper left corner, and what is written in it."""

    id: str
    x: float
    y: float
    width: float
    height: float
    kind: str
    texts: tuple[tuple[float, str], ...]
    """Each line of words with the height of its base."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as SVG path data; `both` where either end may write to the other."""

    ends: Pair
    kind: str
    path: str
    both: bool
    width: float


@dataclass(frozen=True, slots=True)
class Number:
    """Messages per rollout in the direction of the arrowhead to the left of it. The text begins at `x` on base `y`."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Diagram:
    """The picture of one organization. Lengths in pixels."""

    width: float
    height: float
    note: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    numbers: tuple[Number, ...]


def diagram(drawn: ContactGraph) -> Diagram:
    """The client on top, then the agents by their distance from it or their stage, and the output below."""
    placed = place(drawn)
    loads: Loads = {(link.sender, link.recipient): link.load for link in drawn.links}
    boxes = tuple(_box(node.id, node.kind, written(node.label), placed) for nodes in drawn.layers for node in nodes)
    width = max(*(box.x + box.width for box in boxes), *placed.x.values()) + MARGIN
    height = placed.tops[-1] + placed.heights[-1] + MARGIN
    lines = tuple(_lines(placed, loads))
    return Diagram(width, height, drawn.note, boxes, lines, tuple(_numbers(placed, loads)))


def _box(name: str, kind: str, words: Sequence[str], placed: Placement) -> Box:
    layer, width = placed.layer[name], placed.widths[name]
    top, height = placed.tops[layer], placed.heights[layer]
    middle = top + height / 2 + 4
    texts = tuple((middle + LINE * (i - (len(words) - 1) / 2), text) for i, text in enumerate(words))
    return Box(name, placed.x[name] - width / 2, top, width, height, kind, texts)


def _lines(placed: Placement, loads: Loads) -> Iterator[Line]:
    most = max((load for load in loads.values() if load), default=1.0)
    for (a, b), both in placed.both.items():
        path = _arc(a, b, placed) if placed.layer[a] == placed.layer[b] else _route(a, b, placed)
        known = [load for load in (loads[a, b], loads.get((b, a))) if load is not None]
        outer = {a, b} & {TASK, OUTPUT}
        kind = "outer" if outer else "unused" if known and not any(known) else "used"
        share = max(known) / most if known else 0.0
        width = THIN if outer else THIN + (THICK - THIN) * math.sqrt(share)
        yield Line((a, b), kind, path, both, width)


def _arc(a: str, b: str, placed: Placement) -> str:
    """Above the boxes of a layer."""
    x1, x2, y = placed.ports[a, b], placed.ports[b, a], placed.edge(a, below=False)
    base, top = y - STUB, y - STUB - lift(placed.x[a], placed.x[b])
    bent = f"C{x1:.1f} {top:.1f} {x2:.1f} {top:.1f} {x2:.1f} {base:.1f}"
    return f"M{x1:.1f} {y:.1f} L{x1:.1f} {base:.1f} {bent} L{x2:.1f} {y:.1f}"


def _route(a: str, b: str, placed: Placement) -> str:
    """Upright beside and through each layer on the way, curved in between."""
    points, down = placed.lines[a, b], placed.leaves_below(a, b)
    side = 1 if down else -1
    places = [placed.ports[a, b], *(placed.x[point] for point in points[1:-1]), placed.ports[b, a]]
    parts = [f"M{places[0]:.1f} {placed.edge(a, down):.1f}"]
    for (x1, x2), (point, following) in zip(pairwise(places), pairwise(points), strict=True):
        leave, arrive = placed.edge(point, down) + side * STUB, placed.edge(following, not down) - side * STUB
        middle = (leave + arrive) / 2
        parts.append(f"L{x1:.1f} {leave:.1f} C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {arrive:.1f}")
    return " ".join([*parts, f"L{places[-1]:.1f} {placed.edge(b, not down):.1f}"])


def _numbers(placed: Placement, loads: Loads) -> Iterator[Number]:
    for (sender, recipient), load in loads.items():
        if load is not None:
            below = placed.leaves_below(recipient, sender)
            y = placed.edge(recipient, below)
            yield Number(placed.ports[recipient, sender] + 6, y + (14 if below else -6), _amount(load))


def _amount(load: float) -> str:
    if load == 0:
        return "0"
    return "<.1" if load < 0.05 else f"{load:.1f}" if load < 9.95 else f"{load:.0f}"
