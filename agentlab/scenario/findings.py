"""The mistakes of a document as they are collected: each place once, thousands of one kind in a few lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agentlab.errors import Mistake, Place
from agentlab.models.secrets import hidden
from agentlab.scenario.document import Keys, dotted

FEW = 5
"""Mistakes of one kind that are shown."""


@dataclass(slots=True)
class Findings:
    """Collects the mistakes of one scenario. The first at a place wins: what follows from it is not repeated."""

    mistakes: dict[tuple[Place, str], Mistake] = field(default_factory=dict[tuple[Place, str], Mistake])
    cells: dict[tuple[Place, str], list[str]] = field(default_factory=dict[tuple[Place, str], list[str]])
    faulted: set[Place] = field(default_factory=set[Place])
    """Where the document itself is wrong."""
    cell: str | None = None
    """The condition that is being checked."""

    def add(self, place: Place, path: Keys | str, wrong: str, right: str) -> None:
        if place in self.faulted:
            return
        text = path if isinstance(path, str) else dotted(path)
        if "models" in text:  # somebody may have pasted a key
            wrong, right = hidden(wrong), hidden(right)
        key = (place, wrong)
        self.mistakes.setdefault(key, Mistake(place, text, wrong, right))
        if self.cell is not None and self.cell not in self.cells.setdefault(key, []):
            self.cells[key].append(self.cell)

    def sorted(self, conditions: int = 1) -> list[Mistake]:
        """All mistakes by place; those of some conditions only name them."""
        mistakes: list[Mistake] = []
        for key, mistake in self.mistakes.items():
            cells = self.cells.get(key, [])
            if cells and len(cells) < conditions:
                named = "; ".join(cells[:4]) + ("; …" if len(cells) > 4 else "")
                mistake = Mistake(mistake.place, mistake.path, f"{mistake.wrong} [in {named}]", mistake.right)
            mistakes.append(mistake)
        return folded(sorted(mistakes, key=lambda mistake: (mistake.place, mistake.path, mistake.wrong)))


def folded(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """The same with the first few of a kind only, the last of which says how many more there are.

    Of a kind are mistakes of one section of one file that are put right in the same way.
    """
    kinds: dict[tuple[str, str, str], Kind] = {}
    for mistake in mistakes:
        section = mistake.path.partition(".")[0]
        kinds.setdefault((mistake.place.file, section, mistake.right), Kind()).add(mistake)
    shown = [mistake for kind in kinds.values() for mistake in kind.shown()]
    return sorted(shown, key=lambda mistake: (mistake.place, mistake.path, mistake.wrong))


@dataclass(slots=True)
class Kind:
    """Mistakes that are alike: the first few that differ, the number of the others, the line of the last."""

    first: list[Mistake] = field(default_factory=list[Mistake])
    more: int = 0
    last: int = 0

    def add(self, mistake: Mistake) -> None:
        again = any((earlier.path, earlier.wrong) == (mistake.path, mistake.wrong) for earlier in self.first)
        if len(self.first) < FEW and not again:
            self.first.append(mistake)
        else:
            self.more, self.last = self.more + 1, max(self.last, mistake.place.line)

    def shown(self) -> list[Mistake]:
        """The first few, the last of which counts the others."""
        if not self.more:
            return self.first
        *before, last = self.first
        like = f"{self.more:,} more like {'these' if before else 'it'}"
        like += f", to line {self.last}" if self.last else ""
        return [*before, replace(last, wrong=f"{last.wrong}, and {like}")]
