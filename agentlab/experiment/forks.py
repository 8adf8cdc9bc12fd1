"""Where forks begin: the state of a stored rollout at a cut, made once and copied for every fork of it."""

from dataclasses import dataclass, field

from agentlab.engine.fork import prepare
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.store import Store

MOST = 256
"""Prepared states that are held at once; the one made first makes room, and is made again if it is needed."""


@dataclass(slots=True)
class ForkStates:
    """The states that the forks of one run go on from."""

    store: Store
    _prepared: dict[tuple[str, str, str], State] = field(default_factory=dict[tuple[str, str, str], State])

    def state(self, spec: RolloutSpec) -> State:
        """The state of this fork at its cut, to be played on. Its parent must be finished."""
        branch = spec.branches[-1]
        place = (branch.parent, str(branch.cut), "" if branch.change is None else branch.change.text)
        if place not in self._prepared:
            if len(self._prepared) >= MOST:
                del self._prepared[next(iter(self._prepared))]
            messages = self.store.rollout(branch.parent).messages
            calls = self.store.kept(branch.parent, branch.cut)
            self._prepared[place] = prepare(spec.organization, branch.cut, messages, calls, branch.change)
        return self._prepared[place].copy()
