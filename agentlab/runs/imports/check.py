"""The first reading of a table: every mistake in it, and what its tasks and conditions are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentlab.errors import Mistake, ScenarioError
from agentlab.runs.imports.columns import Columns, Text, missing, text
from agentlab.runs.imports.mistakes import TableFindings, Wrong
from agentlab.scenario.document.rows import Format, rows
from agentlab.text import line
from agentlab.types import Task


@dataclass(slots=True)
class ImportCheck:
    """What the first reading found. Of the texts only hashes are kept."""

    findings: TableFindings
    columns: Columns
    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    conditions: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    lines: dict[int, int] = field(default_factory=dict[int, int])
    """By a hash of (task, condition, draw): the line it was found on."""
    counted: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    rows: int = 0
    empty: int = 0
    draws: int = 0

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        self.rows += 1
        wrong = missing(row, self.columns)
        try:
            entry = text(row, self.columns) if not wrong else None
        except Wrong as error:
            entry, wrong = None, [error]
        for error in wrong:
            self.findings.wrong(number, error)
        if entry is not None:
            self.take(number, entry)

    def take(self, number: int, entry: Text) -> None:
        draw = self.draw(entry)
        self.empty += entry.output is None
        self.draws = max(self.draws, draw)
        self.task(number, entry)
        if self.conditions.setdefault(entry.condition, entry.levels) != entry.levels:
            right = "levels without , and ="
            wrong = f"the condition {line(entry.condition)} matches two combinations of levels"
            self.findings.wrong(number, Wrong("", wrong, right))
        first = self.lines.setdefault(hash((entry.task, entry.condition, draw)), number)
        if first != number:
            wrong = f"draw {draw} of {line(entry.task)}, {line(entry.condition)} is already on line {first}"
            self.findings.wrong(number, Wrong(self.columns.draw or self.columns.task, wrong, "each draw only once"))

    def draw(self, entry: Text) -> int:
        if entry.draw is not None:
            return entry.draw
        place = (entry.task, entry.condition)
        self.counted[place] = self.counted.get(place, 0) + 1
        return self.counted[place]

    def task(self, number: int, entry: Text) -> None:
        fields = {} if self.columns.cluster is None else {self.columns.cluster: entry.cluster}
        task = Task(entry.task, entry.prompt or "", entry.target, fields)
        known = self.tasks.setdefault(entry.task, task)
        for name, old, new in (
            ("prompt", known.prompt, task.prompt),
            ("target", known.target, task.target),
            ("cluster", known.fields, task.fields),
        ):
            if old != new:
                column = getattr(self.columns, name)
                wrong = (
                    f"task {line(entry.task)} has a different {name} than before: {line(new, 40)}, not {line(old, 40)}"
                )
                self.findings.wrong(number, Wrong(column, wrong, f"the same {name} in all rows of a task"))


def check(file: Path, format: Format, columns: Columns) -> ImportCheck:
    """The table, when nothing is wrong with it; raises `ScenarioError` with every mistake."""
    checked = ImportCheck(TableFindings(file), columns)
    for number, row in rows(file, format):
        if isinstance(row, Mistake):
            checked.findings.add(row)
        else:
            checked.add(number, row)
    checked.findings.check()
    if not checked.rows:
        raise ScenarioError(f"{file}: there are no rows; give one row for each text")
    return checked
