"""The best that programs can reach of two measures, on one case and on the average of several."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from agentlab.products.product import Point


def hull(points: Iterable[Point]) -> list[Point]:
    """The corners of the upper concave hull, by rising harm: the best points, and mixtures of two of them between.

    It ends at the greatest utility. A corner is a point; a program that draws by lot can reach what lies between two.
    """
    corners: list[Point] = []
    for harm, utility in sorted(points, key=lambda point: (point[0], -point[1])):
        if corners and (utility <= corners[-1][1] or harm == corners[-1][0]):
            continue
        while len(corners) > 1 and _slope(corners[-2], corners[-1]) <= _slope(corners[-2], (harm, utility)):
            corners.pop()
        corners.append((harm, utility))
    return corners


def mean_frontier(cases: Sequence[Iterable[Point]]) -> list[Point]:
    """The hull of the means over cases, with any point of its own chosen in each: no program's means beat it.

    Concave frontiers add up by their edges, the steepest first (the sum of convex sets).
    """
    hulls = [corners for points in cases if (corners := hull(points))]
    if not hulls or len(hulls) < len(cases):
        return []
    edges = [(b[0] - a[0], b[1] - a[1]) for corners in hulls for a, b in pairwise(corners)]
    harm, utility = (sum(corners[0][i] for corners in hulls) for i in (0, 1))
    points = [(harm, utility)]
    for across, up in sorted(edges, key=lambda edge: -edge[1] / edge[0]):
        harm, utility = harm + across, utility + up
        points.append((harm, utility))
    return [(harm / len(cases), utility / len(cases)) for harm, utility in points]


def _slope(a: Point, b: Point) -> float:
    return (b[1] - a[1]) / (b[0] - a[0])
