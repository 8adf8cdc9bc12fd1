"""An organization's shape: graphs worked out by hand, what holds of all of them, and the columns of a run."""

import asyncio
import math
from collections.abc import Iterable
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab import api as notebook
from agentlab.errors import ScenarioError
from agentlab.experiment.facts import contacts
from agentlab.organization.agents import Closing
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.organization.protocols.mail import Mail, MailConfig
from agentlab.runs.frames import Run, load
from agentlab.runs.frames.messages import edges as edges_of
from agentlab.stats.graph import Graph, graph
from agentlab.types import OUTPUT, TASK
from tests.support.firm import design
from tests.support.tables import assert_alike

NAMES = ("a", "b", "c", "d", "e")
edges = st.lists(st.tuples(st.sampled_from(("@task", *NAMES)), st.sampled_from((*NAMES, "@output"))), max_size=20)


def drawn(text: str, members: str) -> Graph:
    """`@a ab bc`: the client to a, a to b, b to c."""
    return graph(
        tuple(members), contacts_of((TASK if pair[0] == "@" else pair[0], pair[1]) for pair in text.split()), TASK
    )


def contacts_of(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Whom each may write to, as often as it is said."""
    others: dict[str, list[str]] = {}
    for name, other in pairs:
        others.setdefault(name, []).append(other)
    return others


def test_a_line() -> None:
    line = drawn("@a ab bc cd", "abcd")
    assert [node.distance for node in line.nodes.values()] == [1, 2, 3, 4]
    # b lies on a-c, a-d; c on a-d, b-d; each of 3 * 2 ordered pairs of others
    assert list(line.betweenness().values()) == pytest.approx([0, 2 / 6, 2 / 6, 0])
    assert (line.depth, line.edges, line.density) == (4, 3, 3 / 12)
    assert [(node.in_degree, node.out_degree) for node in line.nodes.values()] == [(0, 1), (1, 1), (1, 1), (1, 0)]


def test_a_star_both_ways() -> None:
    star = drawn("@h ha hb hc hd ah bh ch dh", "habcd")
    assert star.betweenness()["h"] == pytest.approx(1)  # all 12 ordered pairs of leaves meet there
    assert {star.betweenness()[name] for name in "abcd"} == {0}
    assert (star.depth, star.edges, star.density) == (2, 8, pytest.approx(8 / 20))


def test_two_equal_paths_share_what_is_between() -> None:
    diamond = drawn("@a ab ac bd cd", "abcd")
    assert [diamond.betweenness()[name] for name in "bc"] == pytest.approx([0.5 / 6, 0.5 / 6])
    assert (diamond.nodes["d"].distance, diamond.depth) == (3, 3)


def test_alone_and_out_of_reach() -> None:
    alone = drawn("@a", "a")
    assert (alone.edges, alone.depth) == (0, 1)
    assert math.isnan(alone.density)
    apart = drawn("@a", "ab")
    assert (apart.nodes["b"].distance, apart.depth) == (None, None)


@given(edges)
def test_what_holds_of_every_graph(pairs: list[tuple[str, str]]) -> None:
    found = graph(NAMES, contacts_of(pairs), TASK)
    kept = {(one, other) for one, other in pairs if one in NAMES and other in NAMES and one != other}
    assert found.edges == len(kept) == sum(node.out_degree for node in found.nodes.values())
    assert sum(node.in_degree for node in found.nodes.values()) == found.edges
    assert found.density == pytest.approx(len(kept) / 20)
    assert_alike(found, graph(NAMES, contacts_of([*reversed(pairs), *pairs]), TASK))
    for one, other in kept:
        near, far = found.nodes[one].distance, found.nodes[other].distance
        assert near is None or (far is not None and far <= near + 1)
    for name, share in found.betweenness().items():
        assert 0 <= share <= 1
        assert share * 12 == pytest.approx(between(name, kept))


def between(name: str, kept: set[tuple[str, str]]) -> float:
    """The definition, by listing every path."""
    total = 0.0
    for source, target in permutations([other for other in NAMES if other != name], 2):
        for length in range(2, len(NAMES) + 1):
            inner = [other for other in NAMES if other not in (source, target)]
            paths = [(source, *middle, target) for middle in permutations(inner, length - 2)]
            real = [path for path in paths if set(pairwise(path)) <= kept]
            if real:
                total += sum(name in path for path in real) / len(real)
                break
    return total


def test_protocols_say_who_may_write_to_whom() -> None:
    stages = (("a", "b"), ("c",), ("a",))
    chain = ChainConfig(kind="chain", stages=stages).build(("a", "b", "c"), None, None)
    assert contacts(chain) == {TASK: ("a", "b"), "a": ("c", OUTPUT), "b": ("c",), "c": ("a",)}
    config = MailConfig(kind="mail", start=("a",), contacts={"a": ("b",), "b": ("a", "c"), "c": ()})
    mail = config.build(("a", "b", "c"), Closing("Report.", "c"), None)
    assert contacts(mail) == {TASK: ("a",), "a": ("b",), "b": ("a", "c"), "c": (OUTPUT,)}


async def played(*changes: tuple[str, str]) -> Run:
    design(("name: sim/replies", "name: sim/chatter"), *changes)
    await notebook.run("s.yaml", out="run")
    return load("run")


async def test_conditions_and_roles_of_a_run(workdir: Path) -> None:
    run = await played()
    assert run.conditions[["team", "agents", "edges", "depth"]].to_numpy().tolist() == [
        ["firm", 2, 2, 2],
        ["solo", 1, 0, 1],
    ]
    assert run.conditions["density"].tolist()[0] == 1
    assert run.conditions["density"].isna().tolist() == [False, True]
    roles = run.roles
    hand = roles.loc[roles["agent"] == "hand", ["team", "distance", "in_degree", "out_degree", "briefed"]]
    assert hand.to_numpy().tolist() == [["firm", 2, 1, 1, False]]
    assert roles["briefed"].tolist() == [True, False, True]
    assert (roles["model"] == "sim/chatter").all()


def mails(*told: str) -> pd.DataFrame:
    """`1 a b`: in round 1 mail from a to b."""
    rows = [(int(line.split()[0]), line.split()[1], tuple(line.split()[2:])) for line in told]
    table = pd.DataFrame(rows, columns=["round", "sender", "to"])
    return table.assign(rollout="r", kind="mail", ref=None)


def test_who_is_left_off_later_mails() -> None:
    calls = pd.DataFrame({"rollout": ["r"] * 3, "actor": ["a", "b", "c"], "round": [4, 4, 4]})
    calls = calls.assign(output_tokens=1, seconds=0.0, cost=0.0)
    log = mails("1 a b c", "1 b a", "2 a c", "3 a c", "3 b @output")
    found = edges_of(log, calls, Mail.kinds).set_index(["sender", "recipient"])["dropped_later"].to_dict()
    assert found == {("a", "b"): 2, ("a", "c"): 0, ("b", "a"): 0, ("b", "@output"): 0}


OWN = """
from agentlab.types import OUTPUT, TASK, Message

class Alone:
    briefed = frozenset(("boss",))
    def __init__(self, cast, closing): pass
    def open(self, task): return (Message(TASK, ("boss",), "task", task.prompt),)
    def manual(self, agent): return ""
    def route(self, agent, reply, log, round): return (Message(agent, (OUTPUT,), "output", reply.text),)
"""


def test_a_protocol_that_does_not_declare_its_edges_is_a_mistake(workdir: Path) -> None:
    Path("own_alone.py").write_text(OWN)
    with pytest.raises(ScenarioError, match=r"kind: Alone has no kinds, no tags, no edges .*; declare it as docs/ext"):
        design(("kind: chain, stages: [[boss]]", "kind: 'own_alone:Alone'"))


def test_what_a_turn_took_is_shared_by_its_mails(workdir: Path) -> None:
    path = workdir / "shared.yaml"
    path.write_text(
        """
spec: 1
name: shared
models:
  default:
    name: sim/replies
    price: {input: 0, output: 1000000}
    options:
      replies:
        ann: {'<mail to="ben, cat">six words are in this mail</mail>': 1.0}
        "*": {'nothing': 1.0}
tasks: {t: {prompt: Go.}}
organization:
  agents: {ann: {}, ben: {}, cat: {}}
  protocol: {kind: mail, start: [ann], contacts: {ann: [ben, cat]}}
  rounds: 2
  output: [ben, cat]
"""
    )
    run = asyncio.run(notebook.run(path, workdir / "run"))
    edges: dict[Any, Any] = run.edges.set_index(["sender", "recipient"]).to_dict("index")
    agents: dict[Any, Any] = run.agents.set_index("agent").to_dict("index")
    ann = agents["ann"]
    for reader in ("ben", "cat"):
        edge = edges["ann", reader]
        assert (edge["output_tokens"], edge["cost"]) == (ann["output_tokens"] / 2, ann["cost"] / 2)
    assert ann["output_tokens"] > 0
    assert edges["@task", "ann"]["output_tokens"] == 0
