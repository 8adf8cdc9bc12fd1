"""One rollout to look at: as text, as a page, and what any agent saw in any turn."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.runs.transcript import page, text
from agentlab.runs.transcript.find import Coordinates
from agentlab.runs.transcript.record import Record, load
from agentlab.runs.transcript.turns import Turn
from agentlab.text import line, pluralize
from agentlab.types import ChatMessage

Decide = Callable[[str, int, str | None], Awaitable[Any]]
"""Takes a rollout's key, forks of each round's end and a measure; shown, it tells the price, awaited, the path."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What happened in one rollout. A notebook shows it as a page; `print` shows it as text."""

    record: Record = field(repr=False)
    """The stored facts: the rollout with its messages, turns, verdicts."""
    ahead: Decide | None = field(default=None, repr=False)
    """What draws it anew, where its run was opened with `agentlab.load`."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """In order, each with its `steps` (model calls with their prompts) and what became of its reply."""
        return self.record.turns

    def saw(self, round: int, agent: str, k: int = 0) -> tuple[ChatMessage, ...]:
        """The chat that `agent` was sent in `round`, for the turn's call `k`. Raises `ScenarioError` if there is none.

        `turns` tells whether its hash is that of what was sent.
        """
        steps = self._turn(round, agent).steps
        if not 0 <= k < len(steps):
            raise ScenarioError(f"turn {round}/{agent} has no call {k}; it has {len(steps)}, counted from 0")
        return steps[k].prompt

    def text(self, turn: str | None = None) -> str:
        """Plain text: of all, or of one turn such as `2/analyst` (`closing/analyst`) with all that agent saw."""
        if turn is None:
            return text.render(self.record)
        round, _, agent = turn.partition("/")
        last = max((one.round for one in self.turns if one.closing), default=-1)
        number = last if round == "closing" else int(round) if round.isascii() and round.isdigit() else -1
        return text.only(self._turn(number, agent, turn))

    def decide(self, forks: int = 8, measure: str | None = None) -> Awaitable[Any]:
        """When it was decided: so many forks at the end of every round, judged like the rollout itself.

        What comes back tells the price when it is shown. Awaited, it draws what is not there yet, and gives the path:
        what the measure was to be expected to be after each round. `measure` is one of the run's; all, if not said.
        Raises `ScenarioError` when the rollout cannot be forked.
        """
        if self.ahead is None:
            raise ScenarioError("open the run with agentlab.load(…): a transcript by itself only reads")
        return self.ahead(self.record.rollout.key, forks, measure)

    def page(self) -> str:
        """A complete HTML page, without scripts or anything to fetch."""
        return page.page(self.record)

    def _repr_html_(self) -> str:
        return page.part(self.record)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        rollout = self.record.rollout
        turns = pluralize(len(self.turns), "turn")
        return f"<Transcript {rollout.key[:8]} of {line(rollout.task)}, {turns}; print() shows it>"

    def _turn(self, round: int, agent: str, said: str = "") -> Turn:
        found = [turn for turn in self.turns if (turn.round, turn.agent) == (round, agent)]
        if not found:
            known = ", ".join(line(turn.place) for turn in self.turns) or "none"
            raise ScenarioError(f"no turn {line(said) or f'{round}/{line(agent)}'}; there are {known}")
        return found[0]


def transcript(run: str | Path, rollout: str | Coordinates) -> Transcript:
    """The transcript of one rollout of the run in this folder.

    `rollout` is its key's beginning (4 characters or more), or its coordinates as a mapping or as text such as
    `task=loan,team=firm,draw=1`; they may be partial when they fit one rollout only. Raises `ScenarioError` when they
    fit none or several, `StoreError` when the folder holds no run.
    """
    return Transcript(load(Path(run), rollout))
