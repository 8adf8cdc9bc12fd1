"""What is wrong with a table, collected as it is read, and told in one message of bearable length."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agentlab.errors import MismatchError, Mistake, Place, ScenarioError
from agentlab.text import line

LISTED = 20
"""Most mistakes, or changed rows, that are told one by one."""


class Wrong(Exception):
    """One thing wrong with a row: column, what was found, what would be right."""

    def __init__(self, column: str, wrong: str, right: str) -> None:
        self.column, self.wrong, self.right = column, wrong, right
        super().__init__(wrong)


@dataclass(slots=True)
class TableFindings:
    """The mistakes of one table. A scenario's are told each at its place; a table's rows repeat one mistake by the
    thousand, so that of each kind the first is kept, and counted."""

    file: Path
    kinds: dict[Mistake, tuple[Mistake, int]] = field(default_factory=dict[Mistake, tuple[Mistake, int]])
    """By what is wrong, wherever: the first of its kind, and how many there are."""
    more: int = 0
    """Mistakes of further kinds."""

    def add(self, mistake: Mistake) -> None:
        kind = replace(mistake, place=Place("", 0, 0))
        first, count = self.kinds.get(kind, (mistake, 0))
        if count or len(self.kinds) < LISTED:
            self.kinds[kind] = first, count + 1
        else:
            self.more += 1

    def wrong(self, number: int, error: Wrong) -> None:
        """A mistake in the row on this line."""
        self.add(Mistake(Place(str(self.file), number, 1), line(error.column), error.wrong, error.right))

    def check(self) -> None:
        """Raises `ScenarioError` with the first mistakes and how many more there are."""
        told = [
            replace(first, wrong=f"{first.wrong} (and {count - 1} more like it)") if count > 1 else first
            for first, count in self.kinds.values()
        ]
        if self.more:
            told.append(Mistake(told[-1].place, "", f"and {self.more} more mistakes below", "fix these first"))
        if told:
            raise ScenarioError(told)


def refuse(changed: Sequence[str], head: str, advice: str) -> None:
    """Raises `MismatchError` with the first rows that would change what a run holds, if there are any."""
    if changed:
        more = [f"  … and {len(changed) - LISTED} more"] if len(changed) > LISTED else []
        raise MismatchError("\n".join([head, *(f"  {row}" for row in changed[:LISTED]), *more, advice]))
