"""Organizations as one SVG: a panel for each that differs, agents in layers by their distance from the client.

It needs nothing else: no font, script or style sheet, and it is legible on light and on dark ground.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.report.show.drawing import CLIENT, REPORT, levels, shape, size
from agentlab.scenario import Design
from agentlab.text import line, sanitize
from agentlab.types import OUTPUT, TASK

BOX, LINE, GAP, ROW, MARGIN, HEAD = 136, 15, 22, 118, 30, 66
"""Width of a box, height of a line in it, space between boxes, from one layer to the next, around, and for a title."""
WIDEST = 17
"""Signs in a line of a box."""

_STYLE = """
svg { background: #ffffff; font-family: system-ui, sans-serif; font-size: 12px; }
.title { font-size: 15px; font-weight: 600; fill: #1c2430; } .note { fill: #5a6575; }
.box { fill: #f4f6f9; stroke: #8a97a8; } .briefed { fill: #dbe9ff; stroke: #2f6fd0; stroke-width: 1.6; }
.end { fill: none; stroke: #8a97a8; stroke-dasharray: 4 3; } .name { fill: #1c2430; text-anchor: middle; }
.edge { fill: none; stroke: #5a6575; stroke-opacity: .55; stroke-width: 1.2; } .tip { fill: #5a6575; }
.outer { stroke: #2f6fd0; stroke-opacity: .8; stroke-dasharray: 4 3; } .rule { stroke: #d5dbe3; }
@media (prefers-color-scheme: dark) {
svg { background: #14181e; } .title, .name { fill: #e8ecf2; } .note { fill: #9fabba; }
.box { fill: #222932; stroke: #6d7a8b; } .briefed { fill: #1d3557; stroke: #6ea8ff; } .end { stroke: #6d7a8b; }
.edge { stroke: #a9b5c4; } .tip { fill: #a9b5c4; } .outer { stroke: #6ea8ff; } .rule { stroke: #333c48; }
}"""


@dataclass(frozen=True, slots=True)
class Placement:
    """A box: its middle, its height, and the layer it is in."""

    x: float
    y: float
    height: float
    layer: int


def svg(design: Design) -> str:
    """Every organization of the scenario, those of several conditions once."""
    panels: dict[str, tuple[float, float, list[str]]] = {}
    notes: dict[str, str] = {}
    for one in design.conditions:
        width, height, marks = panel(one.organization)
        known = shape(one.organization)
        notes[marks] = size(known)
        panels.setdefault(marks, (width, height, []))[2].append(one.name)
    width = max(max(w for w, _, _ in panels.values()), 560)
    parts, top = [f"<style>{_STYLE}</style>", _TIPS], 0.0
    for marks, (own, height, names) in panels.items():
        title = "; ".join(names[:4]) + (f"; and {len(names) - 4} more" if len(names) > 4 else "")
        parts.append(f'<g transform="translate(0 {top:g})">{_text(MARGIN, 28, line(title, int(width / 8)), "title")}')
        parts.append(_text(MARGIN, 47, notes[marks], "note"))
        parts.append(f'<g transform="translate({(width - own) / 2:g} {HEAD})">{marks}</g>')
        parts.append(f'<path class="rule" d="M0 {height + HEAD:g} H{width:g}"/></g>')
        top += height + HEAD
    legend = "Filled blue: is shown the task. An arrow at one end: may write to; at both: to each other."
    parts.append(_text(MARGIN, top + 24, legend, "note"))
    box = f'width="{width:g}" height="{top + 40:g}" viewBox="0 0 {width:g} {top + 40:g}"'
    label = escape(sanitize(design.name), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{label}">'
        + "\n".join(parts)
        + "</svg>\n"
    )


_TIPS = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


def panel(organization: Organization) -> tuple[float, float, str]:
    """Width, height and marks of one organization."""
    told, known = contacts(organization.protocol), shape(organization)
    layers = [[TASK], *ordered(list(levels(known).values()), told), [OUTPUT]]
    widest = max(map(len, layers))
    width = widest * (BOX + GAP) - GAP + 4 * MARGIN
    fork_points = dict(_spots(layers, width))
    edges = [mark for pair in _pairs(told, fork_points) for mark in _edge(*pair, fork_points)]
    boxes = [_box(name, fork_point, name in organization.protocol.briefed) for name, fork_point in fork_points.items()]
    return width, (len(layers) - 1) * ROW + 2 * MARGIN + 20, "".join((*edges, *boxes))


def ordered(layers: Sequence[Sequence[str]], told: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each layer by the mean place of its neighbours in the next layer, down and up again, so that fewer cross."""
    found = [list(layer) for layer in layers]
    near: dict[str, set[str]] = {}
    for one, others in told.items():
        for other in others:
            near.setdefault(one, set()).add(other)
            near.setdefault(other, set()).add(one)
    for _ in range(4):
        for walk in (found, found[::-1]):
            for before, layer in pairwise(walk):
                place = {name: i / len(before) for i, name in enumerate(before)}
                own = {name: i / len(layer) for i, name in enumerate(layer)}
                layer.sort(key=lambda name: _mean([place[n] for n in near.get(name, ()) if n in place], own[name]))
    return found


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _spots(layers: Sequence[Sequence[str]], width: float) -> Iterator[tuple[str, Placement]]:
    for i, layer in enumerate(layers):
        step = BOX + GAP
        left = width / 2 - step * (len(layer) - 1) / 2
        for j, name in enumerate(layer):
            yield name, Placement(left + j * step, MARGIN + i * ROW, LINE * len(_lines(name)) + 12, i)


def _lines(name: str) -> list[str]:
    """A name broken at its underscores and hyphens into lines that fit a box."""
    lines = [""]
    for part in name.replace("-", "-\n").replace("_", "_\n").split("\n"):
        for piece in (part[i : i + WIDEST] for i in range(0, len(part), WIDEST)):
            if lines[-1] and len(lines[-1]) + len(piece) > WIDEST:
                lines.append("")
            lines[-1] += piece
    return lines


def _pairs(told: Mapping[str, Sequence[str]], fork_points: Mapping[str, Placement]) -> Iterator[tuple[str, str, bool]]:
    """Each pair of boxes once, with whether both may write."""
    links = {(one, other) for one, others in told.items() for other in others if one != other}
    for one, other in sorted(links):
        both = (other, one) in links
        if one in fork_points and other in fork_points and not (both and other < one):
            yield one, other, both


def _edge(one: str, other: str, both: bool, fork_points: Mapping[str, Placement]) -> Iterator[str]:
    a, b = fork_points[one], fork_points[other]
    kind = "edge outer" if TASK in (one, other) or OUTPUT in (one, other) else "edge"
    start = ' marker-start="url(#tip)"' if both else ""
    yield f'<path class="{kind}" d="{_route(a, b)}" marker-end="url(#tip)"{start}/>'


def _route(a: Placement, b: Placement) -> str:
    """Between layers a curve that leaves and arrives upright; within one an arc above the boxes."""
    if a.layer == b.layer:
        lift = 16 + abs(a.x - b.x) * 0.085
        ya, yb, lean = a.y - a.height / 2, b.y - b.height / 2, (b.x - a.x) * 0.14
        x1, x2 = a.x + _port(a, b), b.x + _port(b, a)
        return f"M{x1:.1f} {ya:.1f} C{x1 + lean:.1f} {ya - lift:.1f} {x2 - lean:.1f} {yb - lift:.1f} {x2:.1f} {yb:.1f}"
    down = 1 if b.layer > a.layer else -1
    ya, yb = a.y + down * a.height / 2, b.y - down * b.height / 2
    x1, x2, bend = a.x + _port(a, b), b.x + _port(b, a), (yb - ya) * 0.45
    return f"M{x1:.1f} {ya:.1f} C{x1:.1f} {ya + bend:.1f} {x2:.1f} {yb - bend:.1f} {x2:.1f} {yb:.1f}"


def _port(own: Placement, other: Placement) -> float:
    """Where on its box an edge begins: the farther the other box, the farther out on its side."""
    return max(-BOX * 0.4, min(BOX * 0.4, (other.x - own.x) * 0.07))


def _box(name: str, fork_point: Placement, briefed: bool) -> str:
    lines = {TASK: [CLIENT], OUTPUT: [REPORT]}.get(name) or _lines(name)
    kind = "end" if name in (TASK, OUTPUT) else "box briefed" if briefed else "box"
    height = fork_point.height
    top = fork_point.y - LINE * (len(lines) - 1) / 2 + 4
    words = "".join(_text(fork_point.x, top + LINE * i, part, "name") for i, part in enumerate(lines))
    place = f'x="{fork_point.x - BOX / 2:g}" y="{fork_point.y - height / 2:g}" width="{BOX}" height="{height:g}"'
    return f'<rect class="{kind}" {place} rx="7"/>{words}'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(sanitize(text), quote=True)}</text>'
