"""A reply is stored at once and used after its commit."""

import asyncio

import pytest

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.errors import StoreError
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.mail import MailConfig
from agentlab.types import Call, Request, Rollout
from tests.support.strategies import rollout_spec

CAST = ("ann", "ben")


def organization() -> Organization:
    config = MailConfig(kind="mail", start=CAST, contacts={"ann": ("ben",), "ben": ("ann",)})
    return Organization(tuple(Agent(name) for name in CAST), config.build(CAST, None, None), rounds=2)


async def passes() -> None:
    """Lets everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_reply_is_handed_over_while_others_are_awaited_and_used_once_all_are_committed() -> None:
    async def played() -> None:
        asked: list[tuple[str, int]] = []
        handed: list[tuple[str, int]] = []
        commits: list[asyncio.Future[None]] = []
        slow = asyncio.Event()

        async def reply(request: Request) -> str:
            where = request.where
            asked.append((where.actor, where.round))
            if where.actor == "ben":
                await slow.wait()
            return f'<mail to="{"ann" if where.actor == "ben" else "ben"}">Hello.</mail>'

        def record(rollout: str, call: Call) -> asyncio.Future[None]:
            handed.append((call.actor, call.round))
            commits.append(asyncio.get_running_loop().create_future())
            return commits[-1]

        task = asyncio.ensure_future(play(rollout_spec(organization()), Client({"default": Scripted(reply)}, record)))
        await passes()
        assert handed == [("ann", 1)]
        slow.set()
        await passes()
        assert handed == [("ann", 1), ("ben", 1)]
        commits[1].set_result(None)
        await passes()
        assert asked == [("ann", 1), ("ben", 1)]
        commits[0].set_result(None)
        await passes()
        assert asked[2:] == [("ann", 2), ("ben", 2)]
        assert not task.done()
        for commit in commits[2:]:
            commit.set_result(None)
        rollout: Rollout = await task
        assert len(rollout.messages) == 5

    asyncio.run(played())


def test_a_failed_commit_ends_the_rollout() -> None:
    async def played() -> None:
        async def record(rollout: str, call: Call) -> None:
            if call.actor == "ben":
                raise StoreError("full")

        await play(rollout_spec(organization()), Client({"default": Scripted(lambda _: "Hello.")}, record))

    with pytest.raises(StoreError, match="full"):
        asyncio.run(played())
