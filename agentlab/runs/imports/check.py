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
            one = text(row, self.columns) if not wrong else None
        except Wrong as error:
            one, wrong = None, [error]
        for error in wrong:
            self.findings.wrong(number, error)
        if one is not None:
            self.take(number, one)

    def take(self, number: int, one: Text) -> None:
        draw = self.draw(one)
        self.empty += one.output is None
        self.draws = max(self.draws, draw)
        self.task(number, one)
        if self.conditions.setdefault(one.condition, one.levels) != one.levels:
            right = "levels without , and ="
            wrong = f"the condition {line(one.condition)} matches two combinations of levels"
            self.findings.wrong(number, Wrong("", wrong, right))
        first = self.lines.setdefault(hash((one.task, one.condition, draw)), number)
        if first != number:
            wrong = f"draw {draw} of {line(one.task)}, {line(one.condition)} is already on line {first}"
            self.findings.wrong(number, Wrong(self.columns.draw or self.columns.task, wrong, "each draw only once"))

    def draw(self, one: Text) -> int:
        if one.draw is not None:
            return one.draw
        place = (one.task, one.condition)
        self.counted[place] = self.counted.get(place, 0) + 1
        return self.counted[place]

    def task(self, number: int, one: Text) -> None:
        fields = {} if self.columns.cluster is None else {self.columns.cluster: one.cluster}
        task = Task(one.task, one.prompt or "", one.target, fields)
        known = self.tasks.setdefault(one.task, task)
        for name, old, new in (
            ("prompt", known.prompt, task.prompt),
            ("target", known.target, task.target),
            ("cluster", known.fields, task.fields),
        ):
            if old != new:
                column = getattr(self.columns, name)
                wrong = (
                    f"task {line(one.task)} has a different {name} than before: {line(new, 40)}, not {line(old, 40)}"
                )
                self.findings.wrong(number, Wrong(column, wrong, f"the same {name} in all rows of a task"))


def check(file: Path, format: Format, columns: Columns) -> ImportCheck:
    """The table, when nothing is wrong with it; raises `ScenarioError` with every mistake."""
    found = ImportCheck(TableFindings(file), columns)
    for number, row in rows(file, format):
        if isinstance(row, Mistake):
            found.findings.add(row)
        else:
            found.add(number, row)
    found.findings.check()
    if not found.rows:
        raise ScenarioError(f"{file}: there are no rows; give one row for each text")
    return found
