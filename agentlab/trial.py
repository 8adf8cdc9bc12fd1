"""A rollout to be run: its identity, its random streams, its limits, and the forks of one that was run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentlab.ask import Step
from agentlab.budget import Budget
from agentlab.organization import Organization
from agentlab.seeds import digest
from agentlab.types import Call, Rollout, Task, Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """What one rollout may use; checked at round starts. `minutes` are summed call and tool time, without queueing."""

    tokens: int | None = None
    cost: float | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
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
    at: tuple[int, str] | None = None
    """A fork's cut: round and agent."""
    fork: int = 0
    limits: Limits = Limits()
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
        return lineage(self.seed, self.task.id, self.draw, self.generation, self.fork, self.coupling)


def lineage(seed: int, task: str, draw: int, generation: int = 0, fork: int = 0, coupling: str = "") -> str:
    """The root of a rollout's random streams."""
    return digest(seed, task, draw, generation, fork, coupling)


def selects(actor: str) -> bool:
    """Whether this is a judge that tells the tries of a baseline apart; its calls count as the rollout's own."""
    return actor.startswith("select/")


def over_limits(limits: Limits, calls: Sequence[Call]) -> bool:
    """Whether what the calls used reaches a limit."""
    usage = sum((call.completion.usage for call in calls if call.completion), Usage())
    return (
        (limits.tokens is not None and usage.input + usage.output >= limits.tokens)
        or (limits.cost is not None and sum(call.cost or 0.0 for call in calls) >= limits.cost)
        or (limits.minutes is not None and sum(call.seconds for call in calls) >= limits.minutes * 60)
    )


def unstarted(trial: Trial) -> Rollout:
    """The rollout before anything happened."""
    return Rollout(
        key=trial.key,
        scenario=trial.scenario,
        task=trial.task.id,
        condition=trial.condition,
        draw=trial.draw,
        seed=trial.seed,
        status="incomplete",
        output=None,
        output_via="none",
        attempt=trial.attempt,
        generation=trial.generation,
        parent=trial.parent,
        at=f"{trial.at[0]}/{trial.at[1]}" if trial.at else None,
        of=trial.of,
        budget=trial.budget.amount if trial.budget else None,
    )


def fork(parent: Rollout, trial: Trial, at: tuple[int, str], index: int) -> tuple[Trial, dict[Step, Call]]:
    """The trial that resamples `parent` (a run of `trial`) from `at`, with the calls that stay the parent's.

    Earlier rounds and the other replies of round `at[0]` are kept; the fork's index enters every later stream.
    """
    round, agent = at
    kept = {
        (call.actor, call.round, call.k): call
        for call in parent.calls
        if call.error is None
        and (call.round < round or (call.round == round and call.actor != agent and not selects(call.actor)))
    }
    key = digest(parent.key, round, agent, index)
    return replace(trial, key=key, parent=parent.key, at=at, fork=index + 1), kept
