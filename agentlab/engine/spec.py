"""A rollout to be run: its identity, its random streams, its limits, and the forks of one that was run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentlab.engine.budget import Budget
from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change
from agentlab.organization.agents import Organization
from agentlab.seeds import digest, stream
from agentlab.types import Call, Rollout, Task, Usage


@dataclass(frozen=True, slots=True)
class RolloutLimits:
    """What one rollout may use; checked at round starts, and within a turn before each call but its first.

    `minutes` are summed call and tool time, without queueing.
    """

    tokens: int | None = None
    cost: float | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class RolloutSpec:
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
    """Empty when arms share random numbers; else something of the arm's own."""
    parent: str | None = None
    cut: Cut | None = None
    """Of a fork: from where on it is drawn anew."""
    fork: int = 0
    """Of a fork: its index, from 1."""
    change: Change | None = None
    """Of a fork: what it does otherwise from its cut on."""
    limits: RolloutLimits = RolloutLimits()
    rank: int = 0
    """Place in the order of work; of calls that wait, the lowest goes first."""
    of: str | None = None
    """Of a baseline: key of the rollout that it is compared with."""
    waits: tuple[str, ...] = ()
    """Of a baseline: keys of the rollouts that decide its budget, all of which must be final before it begins."""
    budget: Budget | None = None
    """Of a baseline that may begin: what its steps may use; nothing else ends it but a limit."""

    @property
    def lineage(self) -> str:
        """What every random stream of this rollout hashes: never the condition, so that arms are coupled."""
        fork = branch(None if self.cut is None else str(self.cut), self.fork)
        return lineage(self.seed, self.task.id, self.draw, self.generation, fork, self.coupling)

    def step_stream(self, round: int) -> int:
        """The random stream of what the protocol does by itself after `round`; of a kept round it is the parent's.

        An attempt has no say in it: what was drawn before stays what it was.
        """
        kept = self.cut is not None and round <= self.cut.whole
        root = lineage(self.seed, self.task.id, self.draw, self.generation, 0, self.coupling) if kept else self.lineage
        return stream(root, "@advance", round)


def lineage(seed: int, task: str, draw: int, generation: int = 0, fork: int | str = 0, coupling: str = "") -> str:
    """The root of a rollout's random streams; `fork` is its `branch`."""
    return digest(seed, task, draw, generation, fork, coupling)


def branch(at: str | None, fork: int) -> int | str:
    """What tells a fork's random streams from its parent's and from those of other cuts; its change has no say, so that
    a changed fork shares random numbers with the plain one of the same cut and index."""
    return 0 if at is None else f"{at}#{fork}"


def over_limits(limits: RolloutLimits, calls: Sequence[Call]) -> bool:
    """Whether what the calls used reaches a limit."""
    usage = sum((call.completion.usage for call in calls if call.completion), Usage())
    return (
        (limits.tokens is not None and usage.input + usage.output >= limits.tokens)
        or (limits.cost is not None and sum(call.cost or 0.0 for call in calls) >= limits.cost)
        or (limits.minutes is not None and sum(map(seconds, calls)) >= limits.minutes * 60)
    )


def seconds(call: Call) -> float:
    """What a call and the tools it asked for took."""
    return call.seconds + sum(result.seconds for result in call.tool_results)


def unstarted(spec: RolloutSpec) -> Rollout:
    """The rollout before anything happened."""
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
        kind="rollout" if spec.cut is None else "fork",
        attempt=spec.attempt,
        generation=spec.generation,
        parent=spec.parent,
        at=None if spec.cut is None else str(spec.cut),
        fork=spec.fork,
        change="" if spec.change is None else spec.change.text,
        of=spec.of,
        budget=spec.budget.amount if spec.budget else None,
    )


FRESH = 1000
"""Forks with an index above it were drawn to measure again what the others had selected."""


def fork(parent: RolloutSpec, cut: Cut, index: int, change: Change | None = None) -> RolloutSpec:
    """The rollout that draws `parent` anew from `cut` on; `index` counts from 1 and enters every later stream.

    The calls before the cut are the parent's, and are not made again.
    """
    key = digest(parent.key, str(cut), index, "" if change is None else change.text)
    return replace(parent, key=key, parent=parent.key, cut=cut, fork=index, change=change, attempt=1)
