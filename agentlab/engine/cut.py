"""Where a rollout is cut to be drawn anew: what is before the cut stays, what is after it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentlab.errors import ScenarioError
from agentlab.types import PRODUCT

Active = Mapping[int, tuple[str, ...]]
"""By round, in order: the agents that acted in it, in roster order. The closing question is a round of its own."""
MOST = 4
"""In rounds of up to this many agents, every set of agents is drawn anew."""


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """The end of round `round` when `agents` is empty; else these agents' turns of that round, and all that follows."""

    round: int
    agents: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.round}/{'+'.join(self.agents)}" if self.agents else str(self.round)

    def keeps(self, round: int, actor: str) -> bool:
        """Whether this turn stays as it was; calls of an agent's programs belong to its turn."""
        return round < self.round or (round == self.round and actor.removeprefix(PRODUCT) not in self.agents)

    def covers(self, other: "Cut") -> bool:
        """Whether every turn that `other` keeps is kept here too."""
        if self.round != other.round:
            return self.round > other.round
        return not self.agents or (bool(other.agents) and set(self.agents) <= set(other.agents))

    @property
    def whole(self) -> int:
        """The last round of which nothing is drawn anew."""
        return self.round - bool(self.agents)


BEFORE = Cut(-1)
"""Before the task is posted: nothing is kept."""


def parsed(text: str) -> Cut:
    """The cut that was stored as `text`."""
    round, _, agents = text.partition("/")
    return Cut(int(round), tuple(agents.split("+")) if agents else ())


def ends(active: Active) -> list[Cut]:
    """The round ends after which something was drawn: 0 for a whole new rollout, never the last round's."""
    rounds = [0, *active]
    return [Cut(round) for round in rounds[:-1]]


def read(text: str, active: Active, rounds: int) -> Cut:
    """The legal cut that a user names: `3`, `3/analyst`, `3/analyst+writer`, `closing/analyst`.

    To name all agents of a round is to name the end of the round before. `rounds` is the limit of the organization;
    the closing question is a later round. Raises `ScenarioError`, which lists the legal cuts.
    """
    place, slash, names = text.strip().partition("/")
    last = max(active, default=0)
    number = last if place == "closing" and last > rounds else int(place) if place.isascii() and place.isdigit() else -1
    agents = tuple(names.split("+")) if slash else ()
    there = active.get(number, ())
    if not slash and Cut(number) in ends(active):
        return Cut(number)
    if not agents or any(name not in there for name in agents):
        raise ScenarioError(f"--at {text}: not a valid cut of this rollout; {_legal(active, rounds)}")
    return normal(Cut(number, tuple(name for name in there if name in agents)), active)


def turn(text: str, active: Active, rounds: int) -> Cut:
    """One agent's turn that a user names, `3/analyst`, after which somebody acted. Raises `ScenarioError`."""
    read(text, active, rounds)
    place, _, agent = text.strip().partition("/")
    if "+" in agent:
        raise ScenarioError(f"--at {text}: name one agent, whose turn is redrawn")
    cut = Cut(max(active) if place == "closing" else int(place), (agent,))
    if Cut(cut.round) not in ends(active):
        raise ScenarioError(f"--at {text}: it is from the last round, after which no agent read anything")
    return cut


def normal(cut: Cut, active: Active) -> Cut:
    """The same cut in canonical form: all agents of a round are written as the end of the round before."""
    if cut.agents != active.get(cut.round):
        return cut
    return Cut(max((round for round in active if round < cut.round), default=0))


def _legal(active: Active, rounds: int) -> str:
    turns = [f"{'closing' if r > rounds else r}/{name}" for r, names in active.items() for name in names]
    shown = ", ".join(turns[:24]) + (", …" if len(turns) > 24 else "")
    return f"ends of rounds: {', '.join(map(str, ends(active)))}; turns: {shown}; join turns of one round as a+b"


def by_agent(active: Active) -> list[Cut]:
    """A cut for every set of agents of a round; with more than `MOST` agents, for one alone and for all but one.

    Sets of all agents are left out, since these cuts are ends of rounds.
    """
    return [Cut(round, some) for round, names in active.items() for some in _sets(names)]


def _sets(names: Sequence[str]) -> list[tuple[str, ...]]:
    if len(names) > MOST:
        return [*((name,) for name in names), *(tuple(other for other in names if other != name) for name in names)]
    masks = range(1, 2 ** len(names) - 1)
    return [tuple(name for i, name in enumerate(names) if mask >> i & 1) for mask in masks]
