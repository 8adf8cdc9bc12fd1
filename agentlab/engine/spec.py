"""A rollout to be run: its identity, its random streams, its limits, and the forks of one that was run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from agentlab.engine.budget import Budget
from agentlab.engine.cut import BEFORE, Cut
from agentlab.engine.intervention import Change
from agentlab.organization.agents import Agent, Organization, TurnLimits
from agentlab.seeds import digest, stream
from agentlab.types import Call, Rollout, RolloutKind, Task

ForkPath = int | str | list[str]
"""0 for a rollout that is no fork, `CUT#INDEX` for its fork, and a list of these for a fork of a fork."""


@dataclass(frozen=True, slots=True)
class RolloutLimits:
    """What one rollout may use; checked at round starts, and within a turn before each call but its first.

    `minutes` are summed call and tool time, without queueing.
    """

    tokens: int | None = None
    cost: float | None = None
    minutes: float | None = None


UNLIMITED = RolloutLimits()


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a fork departs from its parent."""

    parent: str
    """The key of the rollout that is forked."""
    cut: Cut
    index: int
    """Among the forks of this cut, from 1."""
    change: Change | None = None
    """What the fork does differently from the cut on."""


class RolloutSpec(Struct, frozen=True, gc=False):
    """A rollout to be run: one condition on one task, one draw."""

    key: str
    scenario: str
    condition: str
    organization: Organization
    task: Task
    draw: int
    seed: int
    """Of the run."""
    attempt: int = 1
    generation: int = 0
    coupling: str = ""
    """Empty when arms share random numbers; otherwise a text that differs between arms."""
    branches: tuple[Branch, ...] = ()
    """For a fork: the branches that lead to it from a rollout that is no fork. The last one is its own."""
    limits: RolloutLimits = UNLIMITED
    rank: int = 0
    """Place in the order of work. Of the calls that wait, the one with the lowest rank is sent first."""
    population: str | None = None
    """Of a particle: the key of the rollout whose population it belongs to."""
    of: str | None = None
    """Of a baseline: key of the rollout that it is compared with."""
    waits: tuple[str, ...] = ()
    """For a baseline: keys of the rollouts that decide its budget. It begins when all of them are final."""
    hinted: bool = False
    """Whether its prompt has a hint, so that it is only learned from and counts nowhere."""
    budget: Budget | None = None
    """For a baseline that may begin: what its steps may use. Only this budget or a limit ends it."""

    @property
    def branch(self) -> Branch | None:
        """Of a fork: where it leaves its parent."""
        return self.branches[-1] if self.branches else None

    @property
    def lineage(self) -> str:
        """What every random stream of this rollout hashes; never the condition, so that arms are coupled."""
        return self._root(self.branches)

    def root(self, round: int, actor: str) -> str:
        """What the random streams of a turn hash: `lineage`; for a kept turn, that of the rollout that made it."""
        branches = self.branches
        while branches and branches[-1].cut.keeps(round, actor):
            branches = branches[:-1]
        return self._root(branches)

    def agent(self, agent: Agent, round: int) -> Agent:
        """The agent that acts for `agent` in this round: itself, or the one that a fork put in its place."""
        for branch in reversed(self.branches):
            swapped = branch.change.agent if branch.change is not None else None
            if swapped is not None and swapped.name == agent.name and not branch.cut.keeps(round, agent.name):
                return swapped
        return agent

    def _root(self, branches: tuple[Branch, ...]) -> str:
        cuts = tuple((branch.cut, branch.index) for branch in branches) if branches else ()
        return _lineage_of(self.seed, self.task.id, self.draw, self.generation, self.coupling, cuts)

    def step_stream(self, round: int) -> int:
        """The random stream of what the protocol does by itself after `round`; for a kept round, the parent's.

        It does not depend on the attempt, so that a new attempt repeats what was drawn before.
        """
        branches = self.branches
        while branches and round <= branches[-1].cut.whole:
            branches = branches[:-1]
        return stream(self._root(branches), "@advance", round)


@lru_cache(maxsize=4096)
def _lineage_of(
    seed: int, task: str, draw: int, generation: int, coupling: str, cuts: tuple[tuple[Cut, int], ...]
) -> str:
    """The `lineage` with the cut and index of every fork. Cached, since every turn asks for it."""
    way = fork_path([(str(cut), index) for cut, index in cuts])
    return lineage(seed, task, draw, generation, way, coupling)


def lineage(seed: int, task: str, draw: int, generation: int = 0, fork: ForkPath = 0, coupling: str = "") -> str:
    """The root of a rollout's random streams; `fork` is its `fork_path`."""
    return digest(seed, task, draw, generation, fork, coupling)


def fork_path(branches: Sequence[tuple[str, int]]) -> ForkPath:
    """What distinguishes a fork's random streams from those of other forks: every cut and index that leads to it.

    Changes are not part of it, so that a changed fork shares random numbers with the plain one of the same cut and
    index.
    """
    ways = [f"{cut}#{index}" for cut, index in branches]
    return ways if len(ways) > 1 else ways[0] if ways else 0


@dataclass(slots=True)
class Used:
    """The tokens, US dollars and seconds that calls are known to have used."""

    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    def add(self, calls: Iterable[Call]) -> "Used":
        """The same, with these calls counted."""
        for call in calls:
            usage = call.completion.usage if call.completion else None
            self.tokens += usage.input + usage.output if usage else 0
            self.cost += call.cost or 0.0
            self.seconds += seconds(call)
        return self

    def reaches(self, limits: RolloutLimits) -> bool:
        """Whether a limit is reached."""
        return (
            (limits.tokens is not None and self.tokens >= limits.tokens)
            or (limits.cost is not None and self.cost >= limits.cost)
            or (limits.minutes is not None and self.seconds >= limits.minutes * 60)
        )


def over_limits(limits: RolloutLimits, calls: Iterable[Call]) -> bool:
    """Whether what the calls are known to have used reaches a limit."""
    return Used().add(calls).reaches(limits)


def unmeasurable(limits: RolloutLimits, calls: Sequence[Call]) -> str | None:
    """Why these limits cannot be enforced: a model sent no token counts. None if they can be."""
    unknown = next((c for c in calls if c.completion is not None and c.completion.usage is None), None)
    if unknown is None or (limits.tokens is None and (limits.cost is None or unknown.cost is not None)):
        return None
    limit = "tokens" if limits.tokens is not None else "cost"
    return (
        f"limits.rollout.{limit} cannot be enforced: {unknown.model} sent no token counts with its replies; limit "
        f"minutes and rounds instead, or make the server send `usage`"
    )


def spent(turn: TurnLimits, calls: Sequence[Call]) -> bool:
    """Whether the calls of a turn and their tools have used up its time."""
    return turn.seconds is not None and sum(map(seconds, calls)) >= turn.seconds


def seconds(call: Call) -> float:
    """What a call and the tools it asked for took."""
    return call.seconds + sum(result.seconds for result in call.tool_results)


def unstarted(spec: RolloutSpec) -> Rollout:
    """The rollout before anything happened."""
    branch = spec.branch
    change = branch.change if branch is not None else None
    return Rollout(
        key=spec.key,
        scenario=spec.scenario,
        task=spec.task.id,
        condition=spec.condition,
        draw=spec.draw,
        seed=spec.seed,
        status="incomplete",
        output=None,
        output_via="none",
        kind=_kind(spec),
        attempt=spec.attempt,
        generation=spec.generation,
        population=spec.population,
        parent=None if branch is None else branch.parent,
        at=None if branch is None else str(branch.cut),
        fork=0 if branch is None else branch.index,
        change="" if change is None else change.text,
        of=spec.of,
        budget=spec.budget.amount if spec.budget else None,
    )


def _kind(spec: RolloutSpec) -> RolloutKind:
    if spec.population is None:
        return "hint" if spec.hinted else "fork" if spec.branches else "rollout"
    redrawn = any(branch.change is not None and branch.change.redraw for branch in spec.branches)
    return "redraw" if redrawn else "particle"


def particle(rollout: RolloutSpec, index: int) -> RolloutSpec:
    """Particle `index`, from 1, of the rollout's population: a fork without limits of its own.

    It forks before the opening, so that what the protocol draws when the task is posted differs between particles.
    """
    of_population = replace(rollout, population=rollout.key, limits=UNLIMITED)
    return fork(of_population, BEFORE, index)


FRESH = 1000
"""Forks with a higher index were drawn to measure again a step that other forks had selected."""


def fork(parent: RolloutSpec, cut: Cut, index: int, change: Change | None = None) -> RolloutSpec:
    """The rollout that draws `parent` anew from `cut` on; `index` counts from 1 and enters every later stream.

    The calls before the cut are the parent's, and are not made again. If `parent` is a fork itself, `cut` must keep
    everything that it kept.
    """
    key = digest(parent.key, str(cut), index, "" if change is None else change.text)
    return replace(parent, key=key, branches=(*parent.branches, Branch(parent.key, cut, index, change)), attempt=1)
