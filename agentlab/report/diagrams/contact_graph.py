"""Who may write to whom, in layers from the client to the output: of a scenario's organization, or of a run's arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.organization.protocols.chain import Chain
from agentlab.report.diagrams.drawing import CLIENT, REPORT, levels
from agentlab.runs.frames import Run
from agentlab.scenario.baseline import STEPS
from agentlab.stats.graph import graph
from agentlab.text import pluralize
from agentlab.types import OUTPUT, TASK

Loads = Mapping[tuple[str, str], float]
"""Messages per rollout, by sender and recipient."""
ALONE = {"refine": "refines its own draft", "tries": "tries again and again"}
"""What one agent alone does, by its protocol."""


@dataclass(frozen=True, slots=True)
class Node:
    """The client, the output, or an agent: in a chain once for each stage."""

    id: str
    label: str
    kind: str
    """`end` for client and output, `briefed` for an agent that is shown the task, else `agent`."""


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of a contact. `load` is None where nothing has been run, and from the client."""

    sender: str
    recipient: str
    load: float | None


@dataclass(frozen=True, slots=True)
class ContactGraph:
    """One organization. The first layer is the client, the last the output."""

    layers: tuple[tuple[Node, ...], ...]
    links: tuple[Link, ...]
    note: str


def of_organization(organization: Organization) -> ContactGraph:
    """The organization as the scenario has it."""
    protocol, closing = organization.protocol, organization.closing
    asked = closing.agent if closing else None
    if isinstance(protocol, Chain):
        return _chain(protocol.stages, None)
    names = [agent.name for agent in organization.agents]
    return _levels(
        names,
        contacts(protocol),
        protocol.briefed,
        _note(type(protocol).__name__.lower(), organization.rounds, asked),
        None,
    )


@lru_cache(maxsize=1)
def of_run(run: Run) -> dict[str, ContactGraph]:
    """By condition, with the messages per rollout; conditions whose contacts were not recorded are left out.

    Made once, like a run's frames.
    """
    counts = run.rollouts["condition"].astype("str").value_counts()
    graphs: dict[str, ContactGraph] = {}
    for condition, facts in zip(run.conditions["condition"].astype("str"), run.conditions["facts"], strict=True):
        if facts and facts.get("contacts") and condition in counts:
            loads = _loads(run, condition, int(counts[condition]))
            graphs[condition] = _staged(run, condition, facts) or _levels(
                list(facts["agents"]),
                facts["contacts"],
                frozenset(facts["briefed"]),
                _note(facts["protocol"], facts["rounds"], facts["closing"] and facts["closing"]["agent"]),
                loads,
            )
    return graphs


def _loads(run: Run, condition: str, rollouts: int) -> Loads:
    edges = run.edges[(run.edges["condition"] == condition).to_numpy()].astype({"sender": "str", "recipient": "str"})
    sums = edges.groupby(["sender", "recipient"])["sent"].sum().reset_index()
    return {(a, b): sent / rollouts for a, b, sent in sums.itertuples(index=False)}


def _staged(run: Run, condition: str, facts: Mapping[str, Any]) -> ContactGraph | None:
    """A chain stage by stage, as its agents acted; None for any other protocol, and where no agent acted."""
    if facts["protocol"] != Chain.__name__.lower():
        return None
    rows = run.messages[(run.messages["condition"] == condition).to_numpy()]
    rows = rows[~rows["sender"].astype("str").str.startswith("@").to_numpy()].astype({"sender": "str"})
    order = {name: i for i, name in enumerate(facts["agents"])}
    stages = [sorted(set(part["sender"]) & set(order), key=order.__getitem__) for _, part in rows.groupby("round")]
    rollouts = int((run.rollouts["condition"] == condition).sum())
    sent = [float(part["sender"].isin(order).sum()) / rollouts for _, part in rows.groupby("round")]
    return _chain(stages, sent) if stages else None


def _chain(stages: Sequence[Sequence[str]], sent: Sequence[float] | None) -> ContactGraph:
    """Every stage a layer; `sent` has the replies of each stage per rollout."""
    several = len(stages) > 1
    layers = [
        tuple(Node(f"{number} {name}", f"{number}. {name}" if several else name, "briefed") for name in stage)
        for number, stage in enumerate(stages, 1)
    ]
    whole = (_CLIENT, *layers, _REPORT)
    links = [
        Link(a.id, b.id, sent[i - 1] / len(before) if sent and i else None)
        for i, (before, after) in enumerate(pairwise(whole))
        for a in before
        for b in after
    ]
    agents = len({name for stage in stages for name in stage})
    note = f"{pluralize(agents, 'agent')}, {pluralize(len(stages), 'stage')}" if several else pluralize(agents, "agent")
    return ContactGraph(whole, tuple(links), note)


def _levels(
    names: Sequence[str],
    recipients: Mapping[str, Sequence[str]],
    briefed: frozenset[str],
    note: str,
    loads: Loads | None,
) -> ContactGraph:
    """Agents by their distance from the client."""
    known = graph(names, recipients, TASK)
    layers = [
        tuple(Node(name, name, "briefed" if name in briefed else "agent") for name in level)
        for level in levels(known).values()
    ]
    there = {TASK, OUTPUT, *names}
    pairs = {(a, b) for a, others in recipients.items() for b in others if a != b and a in there and b in there}
    links = (Link(a, b, None if loads is None or a == TASK else loads.get((a, b), 0.0)) for a, b in sorted(pairs))
    size = f"{pluralize(len(names), 'agent')}, {pluralize(known.edges, 'contact')}" if len(names) > 1 else "1 agent"
    return ContactGraph((_CLIENT, *layers, _REPORT), tuple(links), f"{size}, {note}")


def _note(protocol: str, rounds: int, closing: str | None) -> str:
    if protocol in ALONE:
        return ALONE[protocol]
    limit = "as many rounds as its budget allows" if rounds >= STEPS else f"at most {pluralize(rounds, 'round')}"
    return limit + (f", closing question to {closing}" if closing else "")


_CLIENT, _REPORT = (Node(TASK, CLIENT, "end"),), (Node(OUTPUT, REPORT, "end"),)
