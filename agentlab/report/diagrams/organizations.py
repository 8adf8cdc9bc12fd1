"""Organizations as SVG: one alone for a page, or all of a scenario in one file.

It needs nothing else: no font, script or style sheet.
"""

from markupsafe import Markup

from agentlab.markup import render
from agentlab.report.diagrams.contact_graph import ContactGraph, of_organization
from agentlab.report.diagrams.diagram import Diagram, diagram
from agentlab.scenario.design import Design
from agentlab.text import enumerate_some, line

LEAST, EDGE = 560, 20
"""Least width of a file's picture, and the space to its left."""


def scenario_svg(design: Design) -> str:
    """Every organization of the scenario, those of several conditions once."""
    panels: dict[Diagram, list[str]] = {}
    for condition in design.conditions:
        panels.setdefault(diagram(of_organization(condition.organization)), []).append(condition.name)
    width = max(LEAST, *(drawn.width + 2 * EDGE for drawn in panels))
    titled = [(line(enumerate_some(names, 4), int((width - 2 * EDGE) / 9)), drawn) for drawn, names in panels.items()]
    return render("report/diagrams/organizations.svg", name=design.name, width=width, panels=titled)


def alone(label: str, drawn: ContactGraph) -> tuple[float, Markup]:
    """One organization as an element of a page, with its width; `label` is read out to those who cannot see it."""
    panel = diagram(drawn)
    return panel.width, Markup(render("report/diagrams/organization.svg", name=label, panel=panel))
