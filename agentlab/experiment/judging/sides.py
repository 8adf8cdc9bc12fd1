"""What judges of two outputs look at: the sides of a pair, each a finished rollout, and which of them are paired."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentlab.pairing import pairing_key
from agentlab.store import UNFINISHED, Store


@dataclass(frozen=True, slots=True)
class Side:
    """A finished rollout, as far as it is paired with another."""

    key: str
    task: str
    draw: int
    condition: str
    levels: Mapping[str, str] = field(hash=False)
    attempt: int = 1
    generation: int = 0


@dataclass(frozen=True, slots=True)
class RolloutPair:
    """Two rollouts on the same task and draw whose conditions differ in one factor's level, `a` and `b`."""

    factor: str
    a: str
    b: str
    one: Side
    other: Side

    @property
    def key(self) -> str:
        """Of its row. It names no model, so that `replay/RUN` finds what was said of the same pair elsewhere."""
        one, other = self.one, self.other
        again = f"/{one.generation}" if one.generation else ""
        return f"pair/{one.condition}/{other.condition}/{one.task}/{one.draw}{again}"

    @property
    def attempt(self) -> int:
        """Rises when either rollout is played further."""
        return self.one.attempt + self.other.attempt - 1

    @property
    def arms(self) -> str:
        """What is compared."""
        return f"{self.factor}: {self.a} - {self.b}"

    @property
    def within(self) -> str:
        """The levels of the other factors, empty without them."""
        return ",".join(f"{name}={level}" for name, level in self.one.levels.items() if name != self.factor)


def pairs(sides: Iterable[Side], arms: Sequence[tuple[str, str, str]]) -> list[RolloutPair]:
    """Every pair of the declared arms (factor, a, b) that is there, draw by draw."""
    known = {_cell(side, side.levels): side for side in sides}
    compared = [
        RolloutPair(factor, a, b, side, other)
        for side in known.values()
        for factor, a, b in arms
        if side.levels.get(factor) == a and (other := known.get(_cell(side, {**side.levels, factor: b}))) is not None
    ]
    return sorted(compared, key=lambda pair: (pair.one.generation, pair.one.draw))


def _cell(side: Side, levels: Mapping[str, str]) -> tuple[Any, ...]:
    return (*pairing_key(side), frozenset(levels.items()))


def sides(store: Store, only: frozenset[str] | None = None) -> list[Side]:
    """The finished rollouts of a run."""
    levels = store.levels()
    return [
        Side(row.key, row.task, row.draw, row.condition, levels.get(row.condition, {}), row.attempt, row.generation)
        for row in store.rollouts()
        if store.known[row.key].status not in UNFINISHED and (only is None or row.key in only)
    ]
