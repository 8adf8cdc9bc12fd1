"""Lets a judge look at particles: it steers them by what their messages are worth, or tells which of them succeed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from agentlab.engine.client import Client
from agentlab.engine.prompt import render
from agentlab.experiment.baselines import SelectorCalls, passing
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Score
from agentlab.interfaces import Judge
from agentlab.judges.inputs import judge_input
from agentlab.scenario.inference_fields import FactorFields, InferenceFields, LevelFields, SuccessFields
from agentlab.types import SELECT, Call, JudgeInput, Settings, Task, Verdict


@dataclass(frozen=True, slots=True)
class ParticleJudge:
    """A judge of particles. Its calls are recorded with the particle and charged to the rollout."""

    judge: Judge
    scales: Mapping[str, tuple[float, float]]
    """Lowest and highest score of each counted criterion."""
    client: Client
    """Has the judge's model."""
    settings: Mapping[str, Settings]
    """Of the judge's model, by alias."""
    task: Task
    """Without addenda, which is how judges see it."""

    async def score(self, particle: Particle, shown: JudgeInput, place: int = 0) -> float | None:
        """The mean of the counted criteria over the judge's draws, each criterion from 0 (lowest) to 1 (highest).

        `place` tells several looks in one round apart. None if a draw gave no score. A call that failed for a passing
        reason leaves the particle unfinished.
        """
        client = replace(self.client, recorded=particle.client.recorded)
        calls = SelectorCalls(client, self.settings, particle.spec, self.task)
        made, scores = list[Call](), list[float | None]()
        for draw in range(self.judge.draws):
            verdicts = await calls.looked(self.judge, place * self.judge.draws + draw, shown, particle.round, made)
            scores.append(mean_score(self.scales, verdicts))
            failed = next((v.reason for v in verdicts if v.outcome == "error"), None)
            if (error := passing(made) or failed) is not None:
                particle.state.status = "infrastructure"
                particle.state.error = f"judge {self.judge.name} in round {particle.round}: {error}"
        particle.state.calls.setdefault(SELECT, []).extend(made)
        known = [score for score in scores if score is not None]
        return fmean(known) if len(known) == len(scores) else None


def mean_score(scales: Mapping[str, tuple[float, float]], verdicts: Sequence[Verdict]) -> float | None:
    """The mean of the criteria of one judge draw, each from 0 (lowest) to 1 (highest); None if one has no score."""
    values = {v.criterion: v.value for v in verdicts if v.criterion in scales and v.value is not None}
    if len(values) < len(scales):
        return None
    return fmean((value - scales[name][0]) / (scales[name][1] - scales[name][0]) for name, value in values.items())


def looking(fields: InferenceFields, judge: ParticleJudge | None, unscored: list[str]) -> Score | None:
    """What the method has its judge do; None without a judge. To `unscored` go looks that gave no score."""
    part: FactorFields | LevelFields | SuccessFields | None = None
    for name in ("factor", "level", "success"):
        part = part or getattr(fields, name, None)
    if judge is None or part is None:
        return None
    if isinstance(part, SuccessFields):
        return _Success(judge, unscored)
    if isinstance(part, FactorFields):
        return _Messages(judge, unscored, part.every, part.scale)
    return _Messages(judge, unscored)


@dataclass(frozen=True, slots=True)
class _Messages:
    """Scores the messages so far, and multiplies the weight by exp(scale x change of the score).

    After any round the whole weight is exp(scale x score), so that early scores guide and only the last one counts.
    """

    judge: ParticleJudge
    unscored: list[str]
    every: int = 1
    scale: float = 0.0

    async def __call__(self, particle: Particle) -> bool:
        log = particle.state.log
        if len(log) == particle.scored or (particle.state.round % self.every and not particle.over):
            return False
        particle.scored = len(log)
        organization = particle.spec.organization
        text = "\n\n".join(render(organization, [m for m in log if m.kind != "closing"]))
        shown = JudgeInput(self.judge.task, text, tuple(log), organization.files(log))
        score = await self.judge.score(particle, shown)
        if score is None:
            self.unscored.append(particle.spec.key)
            return True
        if self.scale:
            particle.add(self.scale * (score - particle.score))
        particle.score = score
        return True


@dataclass(frozen=True, slots=True)
class _Success:
    """Scores the output of an attempt that has ended; one without output has the lowest score."""

    judge: ParticleJudge
    unscored: list[str]

    async def __call__(self, particle: Particle) -> bool:
        rollout = particle.rollout
        if rollout is None:
            return False
        shown = judge_input(self.judge.task, rollout, particle.spec.organization.files(rollout.messages))
        if shown.output is None:
            return True
        score = await self.judge.score(particle, shown)
        if score is None:
            self.unscored.append(particle.spec.key)
        particle.score = score or 0.0
        return True
