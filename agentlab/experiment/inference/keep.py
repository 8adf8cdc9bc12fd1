"""Where particles are kept: what a population asks of a run folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentlab.experiment.progress import Progress
from agentlab.store import Store
from agentlab.types import Call, CallPlace, Rollout


class Keep(Protocol):
    """Keeps particles and what is known of their population."""

    def begin(self, particle: Rollout) -> None:
        """A particle is about to be played, for the first time or again."""
        ...

    async def finish(self, particle: Rollout) -> None:
        """Commits the end of a particle."""
        ...

    async def note(self, rollout: Rollout) -> None:
        """Commits what is known of a population (`about`) before it has ended."""
        ...

    def noted(self, rollout: str) -> Mapping[str, Any]:
        """What was noted of the population of this rollout."""
        ...

    def recorded(self, particle: str) -> Mapping[CallPlace, Call]:
        """The calls of the particle that succeeded, without those of the particle that it is a copy of."""
        ...

    def failed(self, particle: str) -> int:
        """The highest attempt at a call of the particle that failed; 0 if none did."""
        ...


class Unkept:
    """Keeps nothing, for estimates and timings."""

    def begin(self, particle: Rollout) -> None:
        pass

    async def finish(self, particle: Rollout) -> None:
        pass

    async def note(self, rollout: Rollout) -> None:
        pass

    def noted(self, rollout: str) -> Mapping[str, Any]:
        return {}

    def recorded(self, particle: str) -> Mapping[CallPlace, Call]:
        return {}

    def failed(self, particle: str) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class StoredParticles:
    """Keeps the particles of one rollout in the run folder, and counts their calls as those of the rollout."""

    store: Store
    progress: Progress
    rollout: str
    """Its key, under which it is among the running units."""
    begun: list[str] = field(default_factory=list[str])

    def begin(self, particle: Rollout) -> None:
        self.store.begin(particle)
        self.progress.units[particle.key] = self.progress.units[self.rollout]
        self.begun.append(particle.key)

    async def finish(self, particle: Rollout) -> None:
        await self.store.finish(particle)

    async def note(self, rollout: Rollout) -> None:
        await self.store.note(rollout)

    def noted(self, rollout: str) -> Mapping[str, Any]:
        return self.store.about(rollout)

    def recorded(self, particle: str) -> Mapping[CallPlace, Call]:
        return self.store.recorded(particle, inherited=False) if particle in self.store.known else {}

    def failed(self, particle: str) -> int:
        if particle not in self.store.known:
            return 0
        return max(self.store.failed_attempts(particle, judges=False).values(), default=0)

    def close(self) -> None:
        """The particles' calls are no longer those of a running unit."""
        for key in self.begun:
            self.progress.units.pop(key, None)
