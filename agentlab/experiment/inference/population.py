"""The particles of one rollout: made, played on round by round, weighed, copied, and ended."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.cut import Cut
from agentlab.engine.outcome import finished
from agentlab.engine.play import end, start, step
from agentlab.engine.spec import UNLIMITED, RolloutSpec, Used, fork, unmeasurable, unstarted
from agentlab.engine.spec import particle as spec_of_particle
from agentlab.engine.tools import opened
from agentlab.errors import ToolsetError
from agentlab.experiment.inference.keep import Keep, Unkept
from agentlab.experiment.inference.particle import Particle
from agentlab.seeds import stream
from agentlab.types import Status

Score = Callable[[Particle], Awaitable[bool]]
"""Lets a judge look at a particle and changes its weight or score; whether it was asked."""
UNSETTLED = ("infrastructure", "cancelled", "limit")
"""Endings of one particle without which nothing can be said of the others."""


def _never() -> bool:
    return False


async def _close(particles: Iterable[Particle]) -> None:
    """Closes the tools of those that have ended, in the task in which they were opened."""
    for particle in particles:
        if particle.over:
            await particle.opened.aclose()


class Interrupted(Exception):
    """The population cannot go on: the run stops, a call failed, or a limit is reached."""

    def __init__(self, status: Status, error: str | None) -> None:
        super().__init__(error or status)
        self.status: Status = status
        self.error = error


@dataclass(slots=True)
class Population:
    """The particles of one rollout. `stack` holds what their tools opened."""

    spec: RolloutSpec
    client: Client
    stack: AsyncExitStack
    keep: Keep = field(default_factory=Unkept)
    stopping: Callable[[], bool] = _never
    score: Score | None = None
    width: int = 2000
    """Particles that may be played at the same time."""
    particles: list[Particle] = field(default_factory=list[Particle])
    """All that were made, in order."""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is recorded with the rollout."""
    before: Sequence[Mapping[str, Any]] = ()
    """The steps that an earlier command came to."""
    used: Used = field(default_factory=Used)
    """What the calls of all particles used that were counted."""

    async def founders(self, indices: Iterable[int]) -> list[Particle]:
        """The particles with these indices, from 1, before their first round."""
        made = list[Particle]()
        for index in indices:
            spec = spec_of_particle(self.spec, index)
            made.append(await self.made(spec, start(spec)))
        return made

    async def copy(self, of: Particle) -> Particle:
        """Another future of a particle, with random streams of its own; it has the parent's past and its weights."""
        of.copies += 1
        spec = fork(of.spec, Cut(of.state.round), of.copies)
        made = await self.made(spec, of.state.copy())
        made.log_weight, made.total, made.read, made.score = of.log_weight, of.total, of.read, of.score
        made.scored = of.scored
        made.count()
        return made

    async def made(self, spec: RolloutSpec, state: Any) -> Particle:
        """A particle with this identity, to be played on from `state`."""
        spec = structs.replace(spec, attempt=1 + self.keep.failed(spec.key))
        client = replace(self.client, recorded=self.keep.recorded(spec.key))
        self.keep.begin(unstarted(spec))
        client.begin(spec)
        made = Particle(spec, state, client)
        self.particles.append(made)
        if any(agent.tools for agent in spec.organization.agents):
            self.stack.push_async_callback(made.opened.aclose)
            try:
                made.tools = await made.opened.enter_async_context(opened(spec.organization, spec.task))
            except ToolsetError as error:
                raise Interrupted("infrastructure", str(error)) from error
        return made

    async def advance(self, particles: Iterable[Particle], to_end: bool = False) -> None:
        """Plays each particle to its next weight, or to its end.

        Raises `Interrupted`. With limits all particles go on round by round together, so that what they used when a
        limit is checked does not depend on which call returned first.
        """
        waiting: list[Particle] = [particle for particle in dict.fromkeys(particles) if not particle.over]
        if self.spec.limits == UNLIMITED:
            await self._each(partial(self._onward, to_end), waiting)
        while self.spec.limits != UNLIMITED and waiting:
            self.check_limits()
            weighed = set(await self._each(self._round, waiting))
            waiting = [particle for particle in waiting if not particle.over and (to_end or particle not in weighed)]

    async def _each(self, play: Callable[[Particle], Awaitable[bool]], particles: Sequence[Particle]) -> list[Particle]:
        """Plays them at the same time; those of which `play` is true."""
        free = asyncio.Semaphore(self.width)

        async def when_free(particle: Particle) -> bool:
            async with free:
                return await play(particle)

        async with asyncio.TaskGroup() as group:
            tasks = [(particle, group.create_task(when_free(particle))) for particle in particles]
        self.check(particles)
        await _close(particles)
        return [particle for particle, task in tasks if task.result()]

    async def _onward(self, to_end: bool, particle: Particle) -> bool:
        weighed = False
        while not particle.over and not (weighed and not to_end) and particle.state.status not in UNSETTLED:
            weighed = await self._round(particle)
        return weighed

    async def _round(self, particle: Particle) -> bool:
        """Plays the particle's next round, or ends it where there is none. Whether it was weighed."""
        particle.copies, played = 0, False
        if particle.total > -math.inf:
            played = await step(particle.state, particle.spec, particle.client, self.stopping, particle.tools)
        if not (played and particle.goes_on()) and particle.state.status not in ("cancelled", "infrastructure"):
            particle.rollout = await end(particle.state, particle.spec, particle.client, particle.tools)
        if particle.state.status in UNSETTLED:
            return False
        weighed = particle.weigh()
        if particle.total == -math.inf and not particle.over:
            particle.state.status = "rejected"
            particle.rollout = finished(particle.spec, particle.state, "protocol")
        elif self.score is not None and particle.total > -math.inf:
            weighed |= await self.score(particle)
        return weighed

    def check(self, particles: Iterable[Particle]) -> None:
        """Raises `Interrupted` if one of them could not be played."""
        bad = [particle for particle in particles if particle.state.status in UNSETTLED]
        for status in UNSETTLED:
            if first := next((particle for particle in bad if particle.state.status == status), None):
                raise Interrupted(first.state.status or "infrastructure", first.state.error)

    def check_limits(self) -> None:
        """The limits of the rollout hold for all its particles together. Raises `Interrupted`."""
        calls = [call for particle in self.particles for call in particle.uncounted()]
        if error := unmeasurable(self.spec.limits, calls):
            raise Interrupted("infrastructure", error)
        if self.used.add(calls).reaches(self.spec.limits):
            raise Interrupted("limit", None)

    async def prune(self, particles: Iterable[Particle]) -> None:
        """Ends particles that are not kept; their weight has gone to others."""
        gone = [*particles]
        async with asyncio.TaskGroup() as group:
            for particle in gone:
                if not particle.over:
                    particle.state.status = "pruned"
                rollout = particle.rollout or finished(particle.spec, particle.state, "protocol")
                particle.rollout = structs.replace(rollout, status="pruned")
                group.create_task(self.keep.finish(particle.rollout))
        await _close(gone)

    async def resample(self, particles: Sequence[Particle], ancestors: Sequence[int]) -> list[Particle]:
        """The next population: the first copy of a particle goes on as itself, each further one as a fork of it.

        `ancestors` are indices into `particles`. An ended particle has no other future: it is there as often as it
        was chosen. All log-weights since resampling are 0 then.
        """
        chosen = [particles[i] for i in ancestors]
        kept = set(chosen)
        await self.prune(particle for particle in dict.fromkeys(particles) if particle not in kept)
        following, seen = list[Particle](), set[Particle]()
        for particle in chosen:
            following.append(await self.copy(particle) if particle in seen and not particle.over else particle)
            seen.add(particle)
        for particle in following:
            particle.log_weight = 0.0
        return following

    async def decide(self, step: Mapping[str, Any]) -> Mapping[str, Any]:
        """Notes the next step, and what it decided if an earlier command has come to it before.

        A step with `ancestors` is committed before anything is paid for because of it. What was decided before holds,
        so that rounding on another machine changes nothing.
        """
        steps: list[Mapping[str, Any]] = self.about.setdefault("steps", [])
        if not steps:
            self.before = self.keep.noted(self.spec.key).get("steps", ())
        before = self.before
        if len(steps) < len(before):
            step = before[len(steps)]
        steps.append(step)
        if step.get("ancestors") is not None and len(steps) > len(before):
            await self.keep.note(structs.replace(unstarted(self.spec), about={**self.about}))
        return step

    def uniforms(self, *name: Any, count: int) -> list[float]:
        """Numbers in [0, 1) from the rollout's own random stream of this name."""
        return [stream(self.spec.lineage, *name, i) / 2**63 for i in range(count)]
