"""The picture of an organization: every contact is drawn, no line runs through a box, no text stands upon another."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.organization.protocols.board import Board
from agentlab.organization.protocols.chain import Chain
from agentlab.report.diagrams.contact_graph import ContactGraph, of_organization
from agentlab.report.diagrams.diagram import Box, Diagram, Number, diagram
from agentlab.scenario.library import names, scenario
from agentlab.scenario.loading import load
from agentlab.types import BOARD, OUTPUT, TASK
from tests.support.strategies import organizations

Point = tuple[float, float]
Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def traced(path: str) -> Iterator[Point]:
    """Points along the path, close to each other."""
    at = (0.0, 0.0)
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        values = [float(number) for number in numbers.split()]
        points = list(zip(values[::2], values[1::2], strict=True))
        if command != "M":
            corners = [at, *points] if command == "C" else [at, at, *points, *points]
            yield from (bezier(corners, i / 16) for i in range(17))
        at = points[-1]


def bezier(corners: list[Point], t: float) -> Point:
    """By de Casteljau's construction."""
    while len(corners) > 1:
        corners = [((1 - t) * a + t * c, (1 - t) * b + t * d) for (a, b), (c, d) in pairwise(corners)]
    return corners[0]


def area(box: Box) -> Area:
    return box.x + 0.5, box.y + 0.5, box.x + box.width - 0.5, box.y + box.height - 0.5


def printed(number: Number) -> Area:
    """A digit is 5.6 pixels wide and 7 high."""
    return number.x, number.y - 7, number.x + 5.6 * len(number.text), number.y


def within(point: Point, place: Area) -> bool:
    return place[0] < point[0] < place[2] and place[1] < point[1] < place[3]


def apart(a: Area, b: Area) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def check(drawn: Diagram) -> None:
    boxes, texts = [area(box) for box in drawn.boxes], [printed(number) for number in drawn.numbers]
    for line in drawn.lines:
        points = list(traced(line.path))
        assert not [place for place in (*boxes, *texts) for point in points if within(point, place)], line
        assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in points)
    for a, b in combinations((*boxes, *texts), 2):
        assert apart(a, b)
    for left, top, right, bottom in (*boxes, *texts):
        assert left >= 0
        assert top >= 0
        assert right <= drawn.width + 6
        assert bottom <= drawn.height


def whole(organization: Organization) -> None:
    """Before a run, and with the widest number at every arrowhead."""
    found = of_organization(organization)
    drawn = diagram(found)
    told = contacts(organization.protocol)
    if isinstance(organization.protocol, Chain):
        stages = organization.protocol.stages
        ends = [("client",), *stages, ("output",)]
        assert len(drawn.boxes) == sum(map(len, ends))
        assert len(drawn.lines) == sum(len(a) * len(b) for a, b in pairwise(ends))
    elif isinstance(organization.protocol, Board) and len(organization.roster) > 1:
        assert {box.id for box in drawn.boxes} == {TASK, BOARD, OUTPUT, *organization.roster}
        assert all(BOARD in line.ends or TASK in line.ends or OUTPUT in line.ends for line in drawn.lines)
    else:
        shown = {TASK, OUTPUT, *organization.roster}
        links = {(a, b) for a, others in told.items() for b in others if a in shown and b in shown and a != b}
        assert {box.id for box in drawn.boxes} == shown
        assert sum(1 + line.both for line in drawn.lines) == len(links)
    check(drawn)
    busy = diagram(loaded(found))
    assert len(busy.numbers) == len(found.links)
    check(busy)


def loaded(found: ContactGraph) -> ContactGraph:
    return replace(found, links=tuple(replace(link, load=8.8) for link in found.links))


@given(organizations())
@settings(max_examples=40)
def test_no_line_runs_through_a_box_or_a_number(organization: Organization) -> None:
    whole(organization)


@pytest.mark.parametrize("name", names("scenarios"))
def test_no_line_of_a_shipped_organization_runs_through_a_box_or_a_number(name: str) -> None:
    for organization in {
        condition.identity: condition.organization for condition in load(scenario(name)).conditions
    }.values():
        whole(organization)


def test_a_line_that_is_used_more_is_thicker_and_an_unused_one_is_told_apart() -> None:
    found = of_organization(load(scenario("consultancy_sim")).conditions[0].organization)
    links = tuple(replace(link, load=float(i % 3)) for i, link in enumerate(found.links))
    drawn = diagram(replace(found, links=links))
    loads = {(link.sender, link.recipient): link.load or 0.0 for link in links}
    most = {line: max(loads[line.ends], loads.get((line.ends[1], line.ends[0]), 0.0)) for line in drawn.lines}
    for a, b in combinations([line for line in drawn.lines if line.kind != "outer"], 2):
        assert (a.width < b.width) == (most[a] < most[b])
    assert {line.kind for line in drawn.lines if most[line] == 0} <= {"unused", "outer"}
