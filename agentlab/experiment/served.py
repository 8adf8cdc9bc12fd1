"""What a run keeps of how its models were served: engines started and ended, and whether batches change replies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentlab.experiment.progress import Progress
from agentlab.models.serve import StopSwitch
from agentlab.store import Store

SERVED = "served"
"""The name under which the run's meta holds it: a list of facts, each with the time `at` which it was noted."""
LOGS = "servers"
"""The folder of the engines' logs, in the run's."""


@dataclass(slots=True)
class RunServing:
    """Of one command."""

    store: Store
    progress: Progress
    stop_switch: StopSwitch
    facts: list[Mapping[str, Any]] = field(init=False)
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.facts, self.folder = self.store.meta().get(SERVED, []), self.store.folder / LOGS

    def known(self, model: str) -> bool:
        """Whether the run has an answer to the probe of this model."""
        return any(fact["what"] == "probe" and fact["digest"] == model for fact in self.facts)

    def keep(self, fact: Mapping[str, Any]) -> None:
        """Adds a fact, also while rollouts are played."""
        self.facts = [*self.facts, {"at": datetime.now(UTC).isoformat(timespec="seconds"), **fact}]
        self.store.add_meta({SERVED: self.facts})

    def halt(self) -> None:
        """Ends the command softly."""
        self.progress.stopping = True
        self.stop_switch.pull()
