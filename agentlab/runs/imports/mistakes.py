"""What is wrong with a table, collected as it is read, and told in one message of bearable length."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentlab.errors import MismatchError, Mistake, Place, ScenarioError
from agentlab.scenario.findings import Kind
from agentlab.text import line

LISTED = 20
"""Most kinds of mistakes, and most changed rows, that are told."""


class Wrong(Exception):
    """One thing wrong with a row: column, what was found, what would be right."""

    def __init__(self, column: str, wrong: str, right: str) -> None:
        self.column, self.wrong, self.right = column, wrong, right
        super().__init__(wrong)


@dataclass(slots=True)
class TableFindings:
    """The mistakes of one table. Its rows repeat one mistake by the thousand, so only the first few of a kind are kept.

    Of a kind are mistakes in one column that are put right in the same way.
    """

    file: Path
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict[tuple[str, str], Kind])
    others: Kind = field(default_factory=Kind)
    """Of further kinds."""

    def add(self, mistake: Mistake) -> None:
        key = (mistake.path, mistake.right)
        known = key in self.kinds or len(self.kinds) < LISTED
        (self.kinds.setdefault(key, Kind()) if known else self.others).add(mistake)

    def wrong(self, number: int, error: Wrong) -> None:
        """A mistake in the row on this line."""
        self.add(Mistake(Place(str(self.file), number, 1), line(error.column), error.wrong, error.right))

    def check(self) -> None:
        """Raises `ScenarioError` with the first mistakes of each kind and how many more there are."""
        mistakes = [mistake for kind in (*self.kinds.values(), self.others) for mistake in kind.shown()]
        if mistakes:
            raise ScenarioError(sorted(mistakes, key=lambda mistake: (mistake.place, mistake.path, mistake.wrong)))


def refuse(changed: Sequence[str], head: str, advice: str) -> None:
    """Raises `MismatchError` with the first rows that would change what a run holds, if there are any."""
    if changed:
        more = [f"  … and {len(changed) - LISTED} more"] if len(changed) > LISTED else []
        raise MismatchError("\n".join([head, *(f"  {row}" for row in changed[:LISTED]), *more, advice]))
