"""Organizations as one SVG: a panel for each that differs, agents in layers by their distance from the client.

It needs nothing else: no font, script or style sheet, and it is legible on light and on dark ground.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentlab.experiment.facts import contacts
from agentlab.markup import render
from agentlab.organization.agents import Organization
from agentlab.report.show.drawing import CLIENT, REPORT, levels, shape, size
from agentlab.report.show.layout import Layout, Point, layout
from agentlab.scenario import Design
from agentlab.text import line
from agentlab.types import OUTPUT, TASK

BOX, LINE, GAP, MARGIN, LEAST = 136, 15, 22, 30, 600
"""Width of a box, height of a line in it, space between boxes and around all, and the least width of the picture."""
JOINT = 20
"""Width that a line takes up where it passes a layer."""
ROW, LIFT, HIGHEST = 64, 18, 90
"""Height between layers, of the lowest arc within one, and of the highest."""
WIDEST = 17
"""Signs in a line of a box."""
PORT = 11
"""Space between the ends of lines at a box, where they are few."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where an agent, the client or the output stands: its upper left corner, and what is written in it."""

    x: float
    y: float
    height: float
    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A line as SVG path data; `both` where either end may write to the other."""

    kind: str
    path: str
    both: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The picture of one organization. Lengths in pixels."""

    width: float
    height: float
    note: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def svg(design: Design) -> str:
    """Every organization of the scenario, those of several conditions once."""
    panels: dict[Panel, list[str]] = {}
    for condition in design.conditions:
        panels.setdefault(panel(condition.organization), []).append(condition.name)
    width = max(LEAST, *(drawn.width for drawn in panels))
    titled = [(line(_title(names), int((width - 2 * MARGIN) / 9)), drawn) for drawn, names in panels.items()]
    return render("report/show/organizations.svg", name=design.name, width=width, panels=titled)


def _title(names: Sequence[str]) -> str:
    return "; ".join(names[:4]) + (f"; and {len(names) - 4} more" if len(names) > 4 else "")


def panel(organization: Organization) -> Panel:
    """The client on top, then the agents by their distance from it, and the output below."""
    known = shape(organization)
    agents = list(levels(known).values())
    shown = {TASK, OUTPUT, *(name for names in agents for name in names)}
    pairs = _pairs(contacts(organization.protocol), shown)
    drawn = layout([[TASK], *agents, [OUTPUT]], pairs, BOX + GAP, JOINT)
    left = MARGIN - min(drawn.x.values()) + BOX / 2
    x = {point: place + left for point, place in drawn.x.items()}
    tops, heights = _heights(drawn, x)
    edges = tuple(_edges(drawn, x, tops, heights, pairs))
    boxes = tuple(
        Box(x[name] - BOX / 2, tops[i], heights[i], _kind(name, organization), tuple(_lines(name)))
        for i, points in enumerate(drawn.layers)
        for name in points
        if isinstance(name, str)
    )
    width, height = max(x.values()) + BOX / 2 + MARGIN, tops[-1] + heights[-1] + MARGIN
    return Panel(width, height, size(known), boxes, edges)


def _pairs(contacts: Mapping[str, Sequence[str]], shown: set[str]) -> dict[tuple[str, str], bool]:
    """Each pair of boxes once, with whether both may write."""
    links = {(a, b) for a, others in contacts.items() for b in others if a != b and a in shown and b in shown}
    return {(a, b): (b, a) in links for a, b in sorted(links) if not ((b, a) in links and b < a)}


def _heights(drawn: Layout, x: Mapping[Point, float]) -> tuple[list[float], list[float]]:
    """Upper edge and height of each layer, its boxes all as high as the highest. Above it is room for its arcs, and the
    more, the farther to the side its lines go."""
    layer = drawn.layer
    arcs, reach = [0.0] * len(drawn.layers), [0.0] * len(drawn.layers)
    for points in drawn.lines.values():
        for a, b in pairwise(points):
            lower = max(layer[a], layer[b])
            if layer[a] == layer[b]:
                arcs[lower] = max(arcs[lower], 0.75 * _lift(x[a], x[b]))
            else:
                reach[lower] = max(reach[lower], 0.06 * abs(x[a] - x[b]))
    tops, heights, top = list[float](), list[float](), float(MARGIN)
    for i, points in enumerate(drawn.layers):
        top += (ROW + reach[i] if i else 0) + arcs[i]
        tops.append(top)
        heights.append(LINE * max(len(_lines(name)) for name in points if isinstance(name, str)) + 12)
        top += heights[-1]
    return tops, heights


def _lift(x1: float, x2: float) -> float:
    return min(HIGHEST, LIFT + 0.085 * abs(x1 - x2))


def _edges(
    drawn: Layout,
    x: Mapping[Point, float],
    tops: Sequence[float],
    heights: Sequence[float],
    pairs: Mapping[tuple[str, str], bool],
) -> Iterator[Edge]:
    layer, ports = drawn.layer, _ports(drawn, x)
    for (a, b), points in drawn.lines.items():
        x1, x2 = ports[a, points[1], b], ports[b, points[-2], a]
        if layer[a] == layer[b]:
            y, lift, lean = tops[layer[a]], _lift(x[a], x[b]), (x2 - x1) * 0.14
            path = f"M{x1:.1f} {y:.1f} C{x1 + lean:.1f} {y - lift:.1f} {x2 - lean:.1f} {y - lift:.1f} {x2:.1f} {y:.1f}"
        else:
            spans = [(tops[layer[point]], tops[layer[point]] + heights[layer[point]]) for point in points]
            path = _route([x1, *(x[point] for point in points[1:-1]), x2], spans, layer[b] > layer[a])
        yield Edge("edge outer" if TASK in (a, b) or OUTPUT in (a, b) else "edge", path, pairs[a, b])


def _route(places: Sequence[float], spans: Sequence[tuple[float, float]], down: bool) -> str:
    """Upright through each layer on the way, curved in between."""
    parts: list[str] = []
    for i in range(len(places) - 1):
        (x1, x2), leave, arrive = places[i : i + 2], spans[i][down], spans[i + 1][not down]
        bend = (arrive - leave) * 0.45
        parts.append(f"{'L' if i else 'M'}{x1:.1f} {leave:.1f}")
        parts.append(f"C{x1:.1f} {leave + bend:.1f} {x2:.1f} {arrive - bend:.1f} {x2:.1f} {arrive:.1f}")
    return " ".join(parts)


def _ports(drawn: Layout, x: Mapping[Point, float]) -> dict[tuple[str, Point, str], float]:
    """Where each line ends at a box, by the box, the line's next point and its other end."""
    layer = drawn.layer
    sides: dict[tuple[str, bool], list[tuple[Point, str]]] = {}
    for (a, b), points in drawn.lines.items():
        for name, following, other in ((a, points[1], b), (b, points[-2], a)):
            sides.setdefault((name, layer[following] > layer[name]), []).append((following, other))
    places: dict[tuple[str, Point, str], float] = {}
    for (name, _), ends in sides.items():
        ends.sort(key=lambda end: _turn(name, end[0], x, layer))
        step = min(PORT, (BOX - 2 * PORT) / len(ends))
        for i, (following, other) in enumerate(ends):
            places[name, following, other] = x[name] + (i - (len(ends) - 1) / 2) * step
    return places


def _turn(name: str, to: Point, x: Mapping[Point, float], layer: Mapping[Point, int]) -> tuple[int, float]:
    """Arcs to the left, then lines to other layers, then arcs to the right; of arcs the longer one inside."""
    if layer[name] != layer[to]:
        return 0, x[to]
    return (-1 if x[to] < x[name] else 1), -x[to]


def _kind(name: str, organization: Organization) -> str:
    if name in (TASK, OUTPUT):
        return "end"
    return "box briefed" if name in organization.protocol.briefed else "box"


def _lines(name: str) -> list[str]:
    """What is written in a box: a name broken at its underscores and hyphens into lines that fit."""
    lines = [""]
    for part in {TASK: CLIENT, OUTPUT: REPORT}.get(name, name).replace("-", "-\n").replace("_", "_\n").split("\n"):
        for piece in (part[i : i + WIDEST] for i in range(0, len(part), WIDEST)):
            if lines[-1] and len(lines[-1]) + len(piece) > WIDEST:
                lines.append("")
            lines[-1] += piece
    return lines
