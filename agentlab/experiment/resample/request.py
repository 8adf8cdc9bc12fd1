"""What a user wants to be drawn anew, and whether the wish makes sense by itself."""

from dataclasses import dataclass, field

from agentlab.engine.intervention import Redraw
from agentlab.engine.spec import FRESH
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.swaps import Swap
from agentlab.experiment.specs import Selection

MOST_TRIES = 1000
PARENTS, FORKS, FORKS_EACH = 30, 8, 4
"""Unless said otherwise: most rollouts that are forked, forks of a cut, and forks of a cut at every round."""


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """Which rollouts, where they are cut, how often, and what is changed."""

    rollout: str | None = None
    """The key of one rollout; None for some of a selection."""
    selection: Selection = field(default_factory=Selection)
    parents: int = PARENTS
    """Most rollouts of the selection."""
    at: str | None = None
    every_round: bool = False
    by_agent: bool = False
    """At every round, also every set of its agents without the others."""
    bisect: bool = False
    measure: str | None = None
    """Which measure a bisection follows; None for the first."""
    n: int | None = None
    """Forks of each cut; with a change so many plain ones, too."""
    swap: Swap | None = None
    drop: int | None = None
    edit: tuple[int, str] | None = None
    until: Redraw | None = None
    """The turn at `at` is drawn anew until its messages have a property, or lack it."""
    changes: tuple[str, ...] = field(init=False)
    """The options by which something is changed."""

    def __post_init__(self) -> None:
        given = {"--swap": self.swap, "--drop": self.drop, "--edit": self.edit, "--until": self.until}
        object.__setattr__(self, "changes", tuple(name for name, value in given.items() if value is not None))

    @property
    def forks(self) -> int:
        """Of each cut."""
        return self.n if self.n is not None else FORKS_EACH if self.every_round else FORKS

    def check(self) -> None:
        """Raises `ScenarioError` for a wish that is none."""
        if self.forks == 1:
            raise ScenarioError(
                "-n 1: one fork per cut says nothing about spread, so no variance can be estimated; give -n 2 or "
                "more, usually 4 to 8"
            )
        if not 2 <= self.forks <= FRESH:
            raise ScenarioError(f"-n {self.forks}: give 2 to {FRESH} forks per cut")
        if self.parents < 1:
            raise ScenarioError(f"--parents {self.parents}: give 1 or more rollouts")
        where = [
            option
            for option, given in (("--at", self.at), ("--every-round", self.every_round), ("--bisect", self.bisect))
            if given
        ]
        if len(where) > 1 or len(self.changes) > 1:
            said = " and ".join(where if len(where) > 1 else self.changes)
            raise ScenarioError(f"{said}: give one of them, and the others in separate commands")
        if not where and not self.changes:
            raise ScenarioError(
                "give where to cut (--at 3, --at 3/analyst, --every-round, --bisect) or what to change (--swap "
                "analyst=provider/name, --drop 12, --edit 12 --text TEXT, --until JUDGE)"
            )
        self._fits(where)

    def _fits(self, where: list[str]) -> None:
        single = [name for name in (*where, *self.changes) if name in ("--bisect", "--drop", "--edit", "--until")]
        if single and self.rollout is None:
            raise ScenarioError(f"{single[0]} needs one rollout: name it with --rollout")
        if self.changes and where and where != ["--at"]:
            raise ScenarioError(f"{self.changes[0]} works only with --at, not with {where[0]}")
        if self.until is not None and (self.at is None or "/" not in self.at):
            raise ScenarioError("--until redraws one turn: name it with --at ROUND/AGENT, such as --at 3/analyst")
        if self.until is not None and not 2 <= self.until.tries <= MOST_TRIES:
            raise ScenarioError(f"--tries {self.until.tries}: give 2 to {MOST_TRIES} draws of a turn")
        if self.by_agent and not self.every_round:
            raise ScenarioError("--by-agent needs --every-round")
        if self.measure is not None and not self.bisect:
            raise ScenarioError("--measure needs --bisect: every judge always judges the forks")
        chosen = (self.selection, self.parents) != (Selection(), PARENTS)
        if self.rollout is not None and chosen:
            raise ScenarioError("--rollout names one rollout; --only, --tasks, --draws and --parents choose among all")
