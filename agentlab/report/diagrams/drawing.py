"""An organization in a few lines of text: level by level from the client, who may write to whom."""

from collections.abc import Mapping, Sequence

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.stats.graph import Graph, graph
from agentlab.text import pluralize
from agentlab.types import OUTPUT, TASK

CLIENT, REPORT = "client", "output"


def shape(organization: Organization) -> Graph:
    """The graph of who may write to whom."""
    return graph([agent.name for agent in organization.agents], contacts(organization.protocol), TASK)


def drawing(organization: Organization) -> list[str]:
    """A line for the client and for each group of agents with the same contacts, nearest to the client first."""
    recipients, known = contacts(organization.protocol), shape(organization)
    lines = [f"{CLIENT} → {', '.join(recipients.get(TASK, ()))}"]
    for distance, names in levels(known).items():
        groups: dict[str, list[str]] = {}
        for name in names:
            groups.setdefault(_others(name, recipients, known), []).append(name)
        step = "?" if distance is None else str(distance)
        lines += [f"{step}  {', '.join(group)} → {others}" for others, group in groups.items()]
    return [*lines, size(known)]


def size(known: Graph) -> str:
    """Agents, contacts, depth and density in a phrase."""
    agents = pluralize(len(known.nodes), "agent")
    depth = "some agents are unreachable" if known.depth is None else f"depth {known.depth}"
    return agents + (
        f", {pluralize(known.edges, 'contact')}, {depth}, density {known.density:.2f}" if len(known.nodes) > 1 else ""
    )


def levels(known: Graph) -> dict[int | None, list[str]]:
    """Agents by distance from the client, those out of reach last."""
    by_distance: dict[int | None, list[str]] = {}
    order = sorted(known.nodes.items(), key=lambda item: (item[1].distance is None, item[1].distance or 0))
    for name, node in order:
        by_distance.setdefault(node.distance, []).append(name)
    return by_distance


def _others(name: str, recipients: Mapping[str, Sequence[str]], known: Graph) -> str:
    agents = [other for other in recipients.get(name, ()) if other in known.nodes and other != name]
    everyone = len(agents) == len(known.nodes) - 1 > 2
    listed = ["everyone else"] if everyone else agents
    return ", ".join([*listed, *([REPORT] if OUTPUT in recipients.get(name, ()) else [])]) or "nobody"
