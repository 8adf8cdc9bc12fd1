"""A fork whose turn is drawn anew until its messages have a property, or lack it, and whose later turns may be too.

Each draw of a turn is a fork of its own, so that its calls are kept and paid for once. Those that are not used end as
`rejected`. What is kept is a draw from the agents, given that their messages are so (rejection sampling, turn by turn).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Redraw
from agentlab.engine.outcome import finished
from agentlab.engine.play import end, step
from agentlab.engine.spec import UNLIMITED, RolloutSpec, fork, unstarted
from agentlab.engine.state import State
from agentlab.experiment.inference.judging import ParticleJudge
from agentlab.experiment.inference.outcome import with_log_of
from agentlab.experiment.inference.particle import Particle
from agentlab.experiment.inference.population import Interrupted, Population
from agentlab.types import Call, JudgeInput, Message, Rollout

HALF = 0.5
"""The score, from 0 to 1, from which on a message has the property."""


class Exhausted(Exception):
    """A turn was drawn as often as it may be."""


@dataclass(slots=True)
class Redrawn:
    """One fork. `draws` counts the turns that were drawn because of the property, `rejected` those not used."""

    population: Population
    wish: Redraw
    judge: ParticleJudge
    draws: int = 0
    rejected: int = 0
    unscored: int = 0

    async def play(self, start: State) -> Rollout:
        """The fork, with the log of the draws that were kept; `rejected` if a turn ran out of tries."""
        spec, population = self.population.spec, self.population
        try:
            chosen = await self._played(spec, start)
        except Interrupted as interrupted:
            return structs.replace(
                unstarted(spec), status=interrupted.status, error=interrupted.error, about=self._about()
            )
        except Exhausted as exhausted:
            return structs.replace(unstarted(spec), status="rejected", error=str(exhausted), about=self._about())
        rollout = chosen.rollout
        assert rollout is not None
        await population.keep.finish(rollout)
        return structs.replace(with_log_of(unstarted(spec), chosen), about=self._about())

    def _about(self) -> dict[str, int]:
        return {"attempts": self.draws, "rejected_draws": self.rejected, "unscored": self.unscored}

    async def _played(self, spec: RolloutSpec, start: State) -> Particle:
        branch = spec.branch
        assert branch is not None
        of = structs.replace(spec, population=spec.key, limits=UNLIMITED)
        first = await self.population.made(fork(of, branch.cut, 1), start.copy())
        await self._draw(first)
        particle = await self._until(first, of, branch.cut, start, await self._off(first, start, branch.cut.agents))
        while not particle.over:
            before = particle.state.copy()
            await self._on(particle)
            if self.wish.resilient and (agents := await self._off(particle, before)):
                particle = await self._until(particle, particle.spec, Cut(particle.round, agents), before, agents)
        return particle

    async def _draw(self, particle: Particle) -> None:
        self.draws += 1
        await self._on(particle)

    async def _on(self, particle: Particle) -> None:
        """Plays the next round, or the end where there is none."""
        population = self.population
        population.check_limits()
        played = await step(particle.state, particle.spec, particle.client, population.stopping, particle.tools)
        if not played and particle.state.status not in ("cancelled", "infrastructure"):
            particle.rollout = await end(particle.state, particle.spec, particle.client, particle.tools)
        population.check([particle])

    async def _until(self, first: Particle, of: RolloutSpec, cut: Cut, before: State, off: Sequence[str]) -> Particle:
        """The first draw of the turns of `cut` whose messages are as wished, after `first`, of which `off` are not.

        The other turns of the round stay those of `first`. Raises `Exhausted`.
        """
        particle, again = first, int(of.key != first.spec.key)
        for index in range(1, self.wish.tries):
            if not off:
                return particle
            await self._reject(particle)
            state = before.copy()
            state.given = {**before.given, **_kept(first, cut)}
            particle = await self.population.made(fork(of, cut, index + again), state)
            particle.count()
            particle.counted |= {
                actor: particle.counted.get(actor, 0) + len(calls) for actor, calls in state.given.items()
            }
            await self._draw(particle)
            off = await self._off(particle, before, cut.agents)
        if not off:
            return particle
        await self._reject(particle)
        raise Exhausted(self._told(cut))

    async def _off(self, particle: Particle, before: State, agents: Sequence[str] = ()) -> tuple[str, ...]:
        """Of these agents, or all, those whose new messages are not as wished."""
        roster = [agent.name for agent in particle.spec.organization.agents]
        new, unwished = particle.state.log[len(before.log) :], list[str]()
        for place, name in enumerate(roster):
            said = [message for message in new if message.sender == name]
            wished = not said if not agents else name not in agents  # a turn without a message has no property
            if not wished and await self._has(particle, said, place) != self.wish.has:
                unwished.append(name)
        self.population.check([particle])
        return tuple(unwished)

    async def _has(self, particle: Particle, messages: list[Message], place: int) -> bool | None:
        """Whether a turn has the property in one of its messages; None if the judge could not tell."""
        if not messages:
            return False
        text = "\n\n".join(message.content for message in messages)
        shown = JudgeInput(self.judge.task, text, tuple(messages), {})
        score = await self.judge.score(particle, shown, place)
        self.unscored += score is None
        return None if score is None else score >= HALF

    async def _reject(self, particle: Particle) -> None:
        self.rejected += 1
        particle.state.status = "rejected"
        particle.rollout = structs.replace(
            particle.rollout or finished(particle.spec, particle.state, "protocol"), status="rejected", output=None
        )
        await self.population.keep.finish(particle.rollout)
        await particle.opened.aclose()

    def _told(self, cut: Cut) -> str:
        wish, who = self.wish, " and ".join(cut.agents)
        what = f"has {wish.judge!r}" if wish.has else f"is without {wish.judge!r}"
        blind = f" (the judge could not score {self.unscored} of all draws)" if self.unscored else ""
        message = f"until: none of {wish.tries} draws of the turn of {who} in round {cut.round} {what}{blind}"
        return f"{message}; raise --tries, or correct the judge" if blind else f"{message}; raise --tries"


def _kept(particle: Particle, cut: Cut) -> dict[str, tuple[Call, ...]]:
    """The calls of the round that are not drawn anew, by agent."""
    calls = particle.state.calls
    of_round = {actor: tuple(c for c in made if c.round == cut.round) for actor, made in calls.items()}
    names = {agent.name for agent in particle.spec.organization.agents} - {*cut.agents}
    return {name: made for name, made in of_round.items() if name in names and made}
