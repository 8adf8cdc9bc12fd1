"""When one rollout was decided: asked in a notebook, priced at once, drawn when it is awaited."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.forks.outcomes import measured
from agentlab.analysis.forks.path import path
from agentlab.engine.spec import FRESH
from agentlab.errors import AnalysisError, ScenarioError
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample import ForkPlan, draw, plan
from agentlab.experiment.resample.request import ForkRequest
from agentlab.runs.frames import load


@dataclass(frozen=True, slots=True)
class Decision:
    """Forks of one rollout at the end of every round. Shown, it tells what they take; awaited, it draws them.

    What it gives is the rollout's path: the measure to be expected after each round, and the round that decided it.
    """

    plan: ForkPlan
    measure: str | None = None

    def __await__(self) -> Generator[Any, None, Analysis]:
        return self._drawn().__await__()

    async def _drawn(self) -> Analysis:
        progress = Progress()
        await draw(self.plan, progress)
        if progress.limited:
            raise AnalysisError(
                f"{self.plan.folder}: the run's limit (limits.run) stopped it; raise the limit in the scenario, run "
                f"the scenario to apply it, and await this again"
            )
        return path(load(self.plan.folder), self.plan.parents[0].rollout_spec.key, self.measure)

    def __str__(self) -> str:
        quote, parent = self.plan.quote, self.plan.parents[0]
        cuts = ", ".join(str(fork_point.cut) for fork_point in self.plan.fork_points)
        there = f" ({quote.there} already exist)" if quote.there else ""
        total = quote.total
        cost = "at an unknown price" if total.cost is None else f"about {total.money}"
        return (
            f"{quote.forks} forks of {parent.place} to draw, after rounds {cuts}{there}: {total.calls:,} calls, "
            f"{total.tokens:,} tokens, {cost}. Await this to draw them."
        )

    __repr__ = __str__


def decide(folder: Path, key: str, forks: int, measure: str | None) -> Decision:
    """What it takes to find when this rollout was decided.

    Raises `ScenarioError` when it cannot be forked so often, `AnalysisError` when the run has not the measure.
    """
    if not 2 <= forks <= FRESH:
        raise ScenarioError(f"decide(forks={forks}): give 2 to {FRESH} forks per cut, usually 8 or more")
    measured(load(folder), measure)
    return Decision(plan(folder, ForkRequest(rollout=key, every_round=True, n=forks)), measure)
