"""The picture of an organization: every contact is drawn, and no line runs through a box."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.report.show.svg import Box, panel
from agentlab.scenario import load
from agentlab.scenario.library import names, scenario
from agentlab.types import OUTPUT, TASK
from tests.support.strategies import organizations

Point = tuple[float, float]


def traced(path: str) -> Iterator[Point]:
    """Points along the path, close to each other."""
    at = (0.0, 0.0)
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        values = [float(number) for number in numbers.split()]
        points = list(zip(values[::2], values[1::2], strict=True))
        if command != "M":
            corners = [at, *points] if command == "C" else [at, at, *points, *points]
            yield from (bezier(corners, i / 40) for i in range(41))
        at = points[-1]


def bezier(corners: list[Point], t: float) -> Point:
    """By de Casteljau's construction."""
    while len(corners) > 1:
        corners = [((1 - t) * a + t * c, (1 - t) * b + t * d) for (a, b), (c, d) in pairwise(corners)]
    return corners[0]


def inside(point: Point, box: Box) -> bool:
    return box.x + 0.5 < point[0] < box.x + 135.5 and box.y + 0.5 < point[1] < box.y + box.height - 0.5


def check(organization: Organization) -> None:
    drawn, allowed = panel(organization), contacts(organization.protocol) or {}
    shown = {TASK, OUTPUT, *organization.roster}
    links = {(a, b) for a, others in allowed.items() for b in others if a in shown and b in shown and a != b}
    assert len(drawn.boxes) == len(shown)
    assert sum(1 + edge.both for edge in drawn.edges) == len(links)
    for edge in drawn.edges:
        points = list(traced(edge.path))
        assert not [box for box in drawn.boxes for point in points if inside(point, box)]
        assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in points)
    for box in drawn.boxes:
        assert all(box is other or abs(box.y - other.y) > 1 or abs(box.x - other.x) > 136 for other in drawn.boxes)


@given(organizations())
def test_no_line_runs_through_a_box(organization: Organization) -> None:
    check(organization)


@pytest.mark.parametrize("name", names("scenarios"))
def test_no_line_of_a_shipped_organization_runs_through_a_box(name: str) -> None:
    for condition in load(scenario(name)).conditions:
        check(condition.organization)
