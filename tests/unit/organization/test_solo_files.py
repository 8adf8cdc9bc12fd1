"""One agent in steps on files: a draft goes on from the files of the step before, a try begins with the task's."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agentlab.engine.budget import Budget
from agentlab.engine.client import Client, Finding
from agentlab.engine.play import play
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.workspace import files
from agentlab.organization.protocols.board import BoardConfig
from agentlab.organization.protocols.solo_files import Steps
from agentlab.types import Capabilities, Completion, Message, Request, Rollout, Task
from tests.support.strategies import replies, rollout_spec

By = Literal["refine", "best_of_n", "vote"]
GIVEN = {"data/x.csv": "5", "a.py": "0\n"}


@dataclass
class InOrder:
    """A model that gives one reply after the other, and keeps what it was sent."""

    texts: Sequence[str]
    seen: list[Request] = field(default_factory=list[Request])
    name: str = "own/in-order"
    capabilities: Capabilities = Capabilities(frozenset(), seed=True)

    async def complete(self, request: Request) -> Completion:
        self.seen.append(request)
        return Completion(self.texts[min(len(self.seen), len(self.texts)) - 1])


def organization(by: By) -> Organization:
    config = BoardConfig(kind="board", lead="lead", workers=("ann",), fixed=("data",))
    board = config.build(("lead", "ann"), None, None).alone("ann", anew=by != "refine")
    return Organization((Agent("ann", memory="unread"),), Steps("ann", by, board), 100)


def played(by: By, said: Sequence[str], found: Sequence[str] = ()) -> tuple[Rollout, InOrder]:
    """A rollout whose step n says `said[n]`, in which a selector finds `found[n]`."""
    model, budget = InOrder(said), Budget(float(len(said)), "calls", lambda _: 0.0)
    spec = structs.replace(
        rollout_spec(organization(by)), task=Task("t", "Build it.", fields={"files": GIVEN}), budget=budget
    )

    async def select(text: str, log: Sequence[Message], round: int) -> Finding:
        return Finding(found[round - 1])

    client = Client({"default": model}, select=None if by == "refine" else select)
    return asyncio.run(play(spec, client)), model


def shown(model: InOrder, step: int) -> str:
    return model.seen[step].chat[-1].content


def test_a_draft_goes_on_from_the_files_of_the_step_before() -> None:
    said = (
        'Began. <file path="a.py">1</file>',
        '<file path="b.py">2</file>',
        "<file path='data/x.csv'>6</file>Mended.",
    )
    rollout, model = played("refine", said)
    assert files(rollout.messages) == {"data/x.csv": "5", "a.py": "1\n", "b.py": "2\n"}
    assert rollout.output == "Mended."
    outputs = [message.content for message in rollout.messages if message.kind == "output"]
    assert outputs == ["Began.", "Files: b.py", "Mended."]
    assert "--- a.py\n1\n" in shown(model, 1)
    assert "Began." in shown(model, 1)
    assert "Began." not in shown(model, 2)
    assert [(m.kind, m.to, m.ref) for m in rollout.messages if m.kind == "bounce"] == [
        ("bounce", ("ann",), "data/x.csv")
    ]


@pytest.mark.parametrize(("by", "found", "chosen"), [("best_of_n", ("0.2", "0.9", "0.5"), 1), ("vote", "abb", 2)])
def test_the_workspace_has_the_files_of_the_try_that_is_the_output(by: By, found: Sequence[str], chosen: int) -> None:
    said = tuple(f'Try {i}. <file path="a.py">{i}</file><file path="new{i}.py">{i}</file>' for i in range(3))
    rollout, model = played(by, said, found)
    assert files(rollout.messages) == {"data/x.csv": "5", "a.py": f"{chosen}\n", f"new{chosen}.py": f"{chosen}\n"}
    assert rollout.output == f"Try {chosen}."
    assert len({shown(model, step) for step in range(3)}) == 1, "a try sees nothing of the others"


@settings(max_examples=30)
@given(st.sampled_from(("refine", "best_of_n", "vote")), st.lists(replies, min_size=1, max_size=4))
def test_any_text_is_a_step_and_leaves_files_that_can_be_written(by: By, said: list[str]) -> None:
    rollout, model = played(by, said, ["0.5"] * len(said))
    assert rollout.steps == len(said)
    assert files(rollout.messages)["data/x.csv"] == "5"
    if by != "refine":
        assert len({shown(model, step) for step in range(len(said))}) == 1
