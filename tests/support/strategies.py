"""Random organizations and random replies, for the properties that must hold for all of them."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from agentlab.engine.spec import RolloutSpec
from agentlab.organization.agents import Agent, Closing, Organization
from agentlab.organization.board.options import PlanConfig, PlantConfig, ReviewConfig
from agentlab.organization.protocols.board import BoardConfig
from agentlab.organization.protocols.chain import ChainConfig
from agentlab.organization.protocols.mail import MailConfig
from agentlab.types import Capabilities, Completion, Request, Stop, Task

NAMES = ("ann", "ben", "cat", "dan", "eve")
TAGS = ("mail", "output", "reply", "bounce", "MAIL", "verdict", "task")

_tickets = st.sampled_from(("T1", "T2", "T3", ""))
board_fragments = st.one_of(
    st.builds(
        '<ticket id="{}" to="{}" after="{}">{}</ticket>'.format,
        st.sampled_from(("T1", "T2", "T3", "", "?")),
        st.sampled_from((*NAMES, "", "ghost")),
        st.sampled_from(("", "T1", "T2", "T3", "T1, T9")),
        st.text(max_size=9),
    ),
    st.builds('<done id="{}">{}</done>'.format, _tickets, st.text(max_size=9)),
    st.builds('<claim id="{}"></claim>'.format, _tickets),
    st.builds("<plan>{}</plan>".format, st.text(max_size=9)),
    st.builds('<assign id="{}" to="{}"></assign>'.format, _tickets, st.sampled_from(NAMES)),
    st.builds('<review id="{}" verdict="{}"></review>'.format, _tickets, st.sampled_from(("approve", "change", "?"))),
    st.builds(
        '<file path="{}">{}</file>'.format,
        st.sampled_from(("a.py", "b/c.md", "plan.md", "../x", "")),
        st.sampled_from(("1", "1\n2\n3", "1\n2\n4", "0\n2\n3")),
    ),
)
"""What is written to a board, right and wrong."""

fragments = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cs", "Po", "Sm"]), max_size=20),
    st.builds(
        '<mail to="{}" subject="{}">{}</mail>'.format,
        st.sampled_from((*NAMES, "ghost", "")),
        st.text(max_size=9),
        st.text(max_size=20),
    ),
    st.builds("<output>{}</output>".format, st.text(max_size=20)),
    st.builds('<{} from="{}">'.format, st.sampled_from(TAGS), st.sampled_from(NAMES)),
    st.builds('<{} to="{}, {}">'.format, st.sampled_from(TAGS), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.builds("</{}>".format, st.sampled_from(TAGS)),
    board_fragments,
    st.sampled_from(("{{agent}}", "${x}", "{0}", "%s", "\x1b[31m", "&lt;", "<", ">")),
)
"""Pieces of what a model may write: prose, our own tags whole and broken, template syntax, controls, surrogates."""

replies = st.lists(fragments, max_size=6).map(" ".join)
stops = st.sampled_from(("end", "end", "end", "length", "refusal"))
memories = st.sampled_from(("all", "all", "unread", 1, 2))


plants = st.builds(
    PlantConfig,
    where=st.sampled_from(("files", "report", "ticket")),
    ticket=st.sampled_from((1, 2, "all")),
    find=st.sampled_from((None, "2", ".")),
    text=st.sampled_from(("9", "</file>")),
    caught=st.sampled_from((None, "a")),
)
"""Flaws for a board."""


@st.composite
def boards(draw: st.DrawFn, cast: tuple[str, ...]) -> BoardConfig:
    """A board for this cast: with or without a lead and reviewers."""
    lead = cast[0] if len(cast) > 1 and draw(st.booleans()) else None
    others = cast if lead is None else cast[1:]
    workers = others[: draw(st.integers(1, len(others)))]
    by = tuple(dict.fromkeys((*others[len(workers) :], *draw(st.lists(st.sampled_from(others), max_size=2)))))
    return BoardConfig(
        kind="board",
        lead=lead,
        stays=draw(st.booleans()),
        workers=workers,
        assign=draw(st.sampled_from(("lead", "claim"))),
        review=ReviewConfig(by=by, changes=draw(st.integers(1, 3))) if by else None,
        tries=draw(st.integers(1, 3)),
        moves=draw(st.integers(0, 2)),
        show=draw(st.sampled_from(("texts", "names"))),
        plan=draw(st.none() | st.builds(PlanConfig, rounds=st.integers(1, 2), by=st.sampled_from(("lead", "all")))),
        shared=draw(st.sampled_from(((), ("plan.md",)))),
        plant=draw(st.dictionaries(st.sampled_from(("bug", "lie")).map(str), plants, max_size=2)),
    )


@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    """One to five agents in a chain, by mail or at a board, with or without a closing question."""
    cast = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True).map(tuple))
    agents = tuple(Agent(name, draw(st.text(max_size=20)), memory=draw(memories)) for name in cast)
    closing = draw(st.none() | st.builds(Closing, st.text(min_size=1, max_size=20), st.sampled_from(cast)))
    rounds = draw(st.integers(1, 5))
    if len(cast) > 1 and draw(st.integers(0, 2)) == 0:
        return Organization(agents, draw(boards(cast)).build(cast, closing, None), rounds, closing)
    if draw(st.booleans()):
        stages = draw(st.lists(st.lists(st.sampled_from(cast), min_size=1, max_size=3, unique=True), max_size=3))
        config = ChainConfig(kind="chain", stages=(*map(tuple, stages), (draw(st.sampled_from(cast)),)))
    else:
        contacts = {name: draw(st.lists(st.sampled_from(cast), max_size=3, unique=True).map(tuple)) for name in cast}
        config = MailConfig(
            kind="mail",
            start=draw(st.lists(st.sampled_from(cast), min_size=1, unique=True).map(tuple)),
            contacts={name: tuple(other for other in others if other != name) for name, others in contacts.items()},
            brief=draw(st.sampled_from(("start", "all"))),
            untagged=draw(st.sampled_from(("private", "contacts"))),
            veto=draw(st.lists(st.sampled_from(cast), max_size=1).map(tuple)),
        )
    return Organization(agents, config.build(cast, closing, None), rounds, closing)


@dataclass
class Talker:
    """A model whose reply depends on who is asked in which round, and on nothing else. Keeps what it was sent."""

    texts: Sequence[str]
    stop_reasons: Sequence[Stop] = ("end",)
    delay: Callable[[Request], int] = lambda _: 0
    """How often a call gives way to others before it returns."""
    requests: list[Request] = field(default_factory=list[Request])
    name: str = "own/talker"
    capabilities: Capabilities = Capabilities(frozenset(), seed=True)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        for _ in range(self.delay(request)):
            await asyncio.sleep(0)
        at = f"{request.where.actor}/{request.where.round}/{request.where.k}"
        chosen = int.from_bytes(hashlib.sha256(at.encode()).digest()[:4])
        return Completion(self.texts[chosen % len(self.texts)], stop=self.stop_reasons[chosen % len(self.stop_reasons)])


def rollout_spec(organization: Organization, prompt: str = "Do it.", draw: int = 1) -> RolloutSpec:
    """A rollout of this organization."""
    return RolloutSpec("key", "scenario", "all", organization, Task("t", prompt), draw, seed=7)
