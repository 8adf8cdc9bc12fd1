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
"""Takes the key of a rollout, the number of forks per round, and a measure. The result shows the price; awaiting it
returns the path."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What happened in one rollout. A notebook shows it as a page; `print` shows it as text."""

    record: Record = field(repr=False)
    """The stored facts: the rollout with its messages, turns and verdicts."""
    ahead: Decide | None = field(default=None, repr=False)
    """Re-runs the rollout, if its run was opened with `agentlab.load`."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns in order, each with its `steps` (model calls with their prompts) and what happened to its reply."""
        return self.record.turns

    def saw(self, round: int, agent: str, k: int = 0) -> tuple[ChatMessage, ...]:
        """The chat sent to `agent` in `round`, for call `k` of the turn. Raises `ScenarioError` if there is none.

        `turns` shows whether its hash matches what was sent.
        """
        steps = self._turn(round, agent).steps
        if not 0 <= k < len(steps):
            raise ScenarioError(f"turn {round}/{agent} has no call {k}; it has {len(steps)}, counted from 0")
        return steps[k].prompt

    def text(self, turn: str | None = None) -> str:
        """The rollout as plain text, or one turn, such as `2/analyst` or `closing/analyst`, with everything its agent
        saw."""
        if turn is None:
            return text.render(self.record)
        round, _, agent = turn.partition("/")
        last = max((played.round for played in self.turns if played.closing), default=-1)
        number = last if round == "closing" else int(round) if round.isascii() and round.isdigit() else -1
        return text.only(self._turn(number, agent, turn))

    def decide(self, forks: int = 8, measure: str | None = None) -> Awaitable[Any]:
        """Finds when the outcome was decided, with this many forks at the end of every round, judged like the rollout.

        Showing the result prints the price. Awaiting it draws the forks that do not exist yet and returns the path:
        the expected value of the measure after each round. `measure` names a measure of the run. Default: all.
        Raises `ScenarioError` if the rollout cannot be forked.
        """
        if self.ahead is None:
            raise ScenarioError("open the run with agentlab.load(…): a transcript by itself is read-only")
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
        turns = [turn for turn in self.turns if (turn.round, turn.agent) == (round, agent)]
        if not turns:
            known = ", ".join(line(turn.place) for turn in self.turns) or "none"
            raise ScenarioError(f"no turn {line(said) or f'{round}/{line(agent)}'}; there are {known}")
        return turns[0]


def transcript(run: str | Path, rollout: str | Coordinates) -> Transcript:
    """The transcript of one rollout of the run in this folder.

    `rollout` is the beginning of its key (4 characters or more), or its coordinates as a mapping or as text such as
    `task=loan,team=firm,draw=1`; these may be partial if they match only one rollout. Raises `ScenarioError` if they
    match none or several, and `StoreError` if the folder is not a run.
    """
    return Transcript(load(Path(run), rollout))
