"""Who may write to whom, in layers from the client to the output: of a scenario's organization, or of a run's arm."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Organization
from agentlab.organization.protocols.board import Board
from agentlab.organization.protocols.chain import Chain
from agentlab.report.diagrams.board_graph import Pair, board_layers, board_loads, board_pairs
from agentlab.report.diagrams.drawing import CLIENT, REPORT, levels
from agentlab.runs.frames import Run
from agentlab.scenario.baseline import STEPS
from agentlab.stats.graph import graph
from agentlab.text import pluralize
from agentlab.types import BOARD, OUTPUT, TASK

Loads = Mapping[Pair, float]
"""Messages per rollout, by sender and recipient."""
ALONE = {"refine": "refines its own draft", "tries": "tries again and again"}
"""What one agent alone does, by its protocol."""


@dataclass(frozen=True, slots=True)
class Node:
    """The client, the output, a board, or an agent: in a chain once for each stage."""

    id: str
    label: str
    kind: str
    """`end` for client, output, and board, `briefed` for an agent that is shown the task, else `agent`."""


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
    closing_agent = closing.agent if closing else None
    if isinstance(protocol, Chain):
        return _chain(protocol.stages, None)
    names = [agent.name for agent in organization.agents]
    note = _note(type(protocol).__name__.lower(), organization.rounds, closing_agent)
    if isinstance(protocol, Board) and len(names) > 1:
        board = {"rules": asdict(protocol.rules), "writers": protocol.writers}
        return _at_board(names, board, protocol.briefed, note, None)
    return _levels(names, contacts(protocol), protocol.briefed, note, None)


@lru_cache(maxsize=1)
def of_run(run: Run) -> dict[str, ContactGraph]:
    """By condition, with the messages per rollout; conditions whose contacts were not recorded are left out.

    Made once, like a run's frames.
    """
    counts = run.rollouts["condition"].astype("str").value_counts()
    graphs: dict[str, ContactGraph] = {}
    for condition, facts in zip(run.conditions["condition"].astype("str"), run.conditions["facts"], strict=True):
        if facts and facts.get("contacts") and condition in counts:
            graphs[condition] = _of_arm(run, condition, facts, int(counts[condition]))
    return graphs


def _of_arm(run: Run, condition: str, facts: Mapping[str, Any], rollouts: int) -> ContactGraph:
    names, briefed, board = list(facts["agents"]), frozenset(facts["briefed"]), facts.get("board")
    note = _note(facts["protocol"], facts["rounds"], facts["closing"] and facts["closing"]["agent"])
    if board and facts["protocol"] == Board.__name__.lower():
        loads = board_loads(run, condition, rollouts)
        if len(names) > 1:
            return _at_board(names, board, briefed, note, loads)
        loads = {(names[0], OUTPUT): loads.get((BOARD, OUTPUT), 0.0) + loads.get((names[0], OUTPUT), 0.0)}
        return _levels(names, facts["contacts"], briefed, note, loads)
    return _staged(run, condition, facts) or _levels(
        names, facts["contacts"], briefed, note, _loads(run, condition, rollouts)
    )


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
    layers = [tuple(_node(name, briefed) for name in level) for level in levels(known).values()]
    there = {TASK, OUTPUT, *names}
    pairs = {(a, b) for a, others in recipients.items() for b in others if a != b and a in there and b in there}
    links = (Link(a, b, None if loads is None or a == TASK else loads.get((a, b), 0.0)) for a, b in sorted(pairs))
    size = f"{pluralize(len(names), 'agent')}, {pluralize(known.edges, 'contact')}" if len(names) > 1 else "1 agent"
    return ContactGraph((_CLIENT, *layers, _REPORT), tuple(links), f"{size}, {note}")


def _at_board(
    names: Sequence[str], board: Mapping[str, Any], briefed: frozenset[str], note: str, loads: Loads | None
) -> ContactGraph:
    """Lines that a rollout may use; of a run also those it used, such as one to a lead who had left."""
    there = {*names, BOARD, OUTPUT}
    used = [pair for pair in loads or {} if there.issuperset(pair) and pair[0] != pair[1]]
    pairs: list[Pair] = sorted({*board_pairs(names, board), *used})
    links = [Link(TASK, name, None) for name in names if name in briefed]
    links += [Link(a, b, None if loads is None else loads.get((a, b), 0.0)) for a, b in pairs]
    layers = [tuple(_node(name, briefed) for name in group) for group in board_layers(names, board)]
    return ContactGraph((_CLIENT, *layers, _REPORT), tuple(links), f"{pluralize(len(names), 'agent')}, {note}")


def _node(name: str, briefed: frozenset[str]) -> Node:
    return Node(name, "board", "end") if name == BOARD else Node(name, name, "briefed" if name in briefed else "agent")


def _note(protocol: str, rounds: int, closing: str | None) -> str:
    if protocol in ALONE:
        return ALONE[protocol]
    limit = "as many rounds as its budget allows" if rounds >= STEPS else f"at most {pluralize(rounds, 'round')}"
    return limit + (f", closing question to {closing}" if closing else "")


_CLIENT, _REPORT = (Node(TASK, CLIENT, "end"),), (Node(OUTPUT, REPORT, "end"),)
