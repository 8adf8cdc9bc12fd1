"""The organizations of a run's arms, drawn with how often each contact was used."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from agentlab.analysis.generations.lineage import lineages
from agentlab.report.diagrams.contact_graph import ContactGraph, of_run
from agentlab.report.diagrams.drawing import REPORT
from agentlab.report.diagrams.organizations import alone
from agentlab.report.section import DrawnOrganization, Material, Section
from agentlab.report.style import ArmStyle, short
from agentlab.text import pluralize
from agentlab.types import OUTPUT

FIRST = 3
"""Organizations on the first screen."""
WIDEST = 60
"""Characters of the label of a loop."""
KEY = (
    "The number at an arrowhead is messages per rollout in that direction. Thicker lines carry more messages; dotted "
    "lines carry none. Agents with a bold frame see the task."
)


def section(material: Material, first: tuple[DrawnOrganization, ...]) -> Section:
    """The organizations that are not among the `first`, and every contact of all of them."""
    run = material.run
    table = pd.DataFrame(
        [
            {"condition": condition, "sender": _name(a), "recipient": _name(b), "messages": load}
            for condition, graph in of_run(run).items()
            for a, b, load in ((link.sender, link.recipient, link.load) for link in graph.links)
            if load is not None
        ]
    )
    more = tuple(
        organization for organization in drawn(material) if organization.arms not in [known.arms for known in first]
    )
    says = f"Messages per rollout on every contact, n = {pluralize(len(run.rollouts), 'rollout')}."
    caption = f"{says} {KEY}" if more else says
    return Section(
        "organizations",
        "Who wrote to whom",
        caption,
        tables={"contacts": table} if len(table) else {},
        organizations=more,
    )


def _name(member: str) -> str:
    return REPORT if member == OUTPUT else member


def styles(material: Material) -> dict[str, ArmStyle]:
    """How the organization of each condition is labelled: of a self-training loop, by its arm, since training changes
    no organization."""
    labelled = {**material.styles}
    for loop in lineages(material.run) if material.run.splits else ():
        names = [name for name in loop.conditions.values() if name in labelled]
        first = next((style for style in labelled.values() if style.label == loop.arm), None)
        for name in names:
            first = first or replace(labelled[name], label=short(loop.arm or "all generations", WIDEST))
            labelled[name] = first
    return labelled


def drawn(material: Material) -> tuple[DrawnOrganization, ...]:
    """Each organization once."""
    graphs, kinds = of_run(material.run), dict[ContactGraph, list[str]]()
    labelled = styles(material)
    sizes = {arm.condition: arm.rollouts for arm in material.summary.arms}
    for name, graph in graphs.items():
        kinds.setdefault(_unloaded(graph), []).append(name)
    return tuple(
        _merged(
            f"organization_{i}",
            [graphs[name] for name in names],
            list(dict.fromkeys(labelled[name] for name in names)),
            sum(sizes[name] for name in names),
        )
        for i, names in enumerate(kinds.values(), 1)
    )


def _unloaded(graph: ContactGraph) -> ContactGraph:
    return replace(graph, links=tuple(replace(link, load=None) for link in graph.links))


def _merged(name: str, alike: Sequence[ContactGraph], arms: Sequence[ArmStyle], rollouts: int) -> DrawnOrganization:
    """The mean over arms of the messages on each contact."""
    links = tuple(
        replace(same[0], load=None if same[0].load is None else sum(link.load or 0.0 for link in same) / len(same))
        for same in zip(*(graph.links for graph in alike), strict=True)
    )
    graph = replace(alike[0], links=links)
    label = f"{'; '.join(arm.label for arm in arms)}: {graph.note}"
    of = "arm" if len(arms) == len(alike) else "condition"
    means = f"; numbers are means over {pluralize(len(alike), of)}" if len(alike) > 1 else ""
    note = f"{graph.note}{means}; n = {pluralize(rollouts, 'rollout')}"
    return DrawnOrganization(name, tuple(arms), note, *alone(label, graph))
