"""A sheet of people's labels as it is read: every row against what the run holds, every mistake at its line."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.runs.imports.mistakes import TableFindings, Wrong
from agentlab.runs.transcript.find import SHORTEST, said
from agentlab.suggestion import suggest
from agentlab.text import line
from agentlab.types import Measure

RATER = "human"
"""Who rated, where nothing says so."""
Known = tuple[str, str, str]
"""Rollout, measure, rater."""


@dataclass(frozen=True, slots=True)
class ColumnDefaults:
    """What options say for rows whose own cell is blank or missing; `scale` is where lowest and highest score stand."""

    measure: str | None = None
    rater: str | None = None
    probability: float | None = None
    scale: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, measure: str | None = None, rater: str | None = None, probability: float | None = None, scale: str = ""
    ) -> "ColumnDefaults":
        """From options; `scale` is LOWEST:HIGHEST. Raises `ScenarioError`."""
        if probability is not None and not 0 < probability <= 1:
            raise ScenarioError(f"--probability {probability}: a probability is above 0 and at most 1, such as 0.1")
        if not scale:
            return cls(measure, rater, probability)
        try:
            low, high = (float(end) for end in scale.split(":"))
        except ValueError:
            low = high = math.nan
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ScenarioError(f"--scale {scale!r}: write the lowest and the highest label, such as 1:10")
        return cls(measure, rater, probability, (low, high))


@dataclass(slots=True)
class ImportSheet:
    """A file as it is read, against what the run holds."""

    findings: TableFindings
    given: ColumnDefaults
    measures: Mapping[str, Measure]
    places: Mapping[str, Mapping[str, Any]]
    delivered: frozenset[str]
    index: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Rollouts by all their coordinates."""
    labels: dict[Known, tuple[float, float]] = field(default_factory=dict[Known, tuple[float, float]])
    lines: dict[Known, int] = field(default_factory=dict[Known, int])
    drawn: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict[tuple[str, str], tuple[float, int]])
    blank: int = 0

    def __post_init__(self) -> None:
        for key, place in self.places.items():
            self.index.setdefault(said(place), []).append(key)

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        try:
            self._take(number, row)
        except Wrong as error:
            self.findings.wrong(number, error)

    def _take(self, number: int, row: Mapping[str, Any]) -> None:
        if "label" not in row:
            raise Wrong("label", "there is no column 'label'", suggest("label", row, most=20))
        rollout, measure = self._rollout(row), self._measure(row)
        if not _cell(row, "label"):
            self.blank += 1
            return
        value, probability = self._value(row, measure), self._probability(row)
        place = (rollout, measure.name, _cell(row, "rater") or self.given.rater or RATER)
        first = self.lines.setdefault(place, number)
        if first != number:
            raise Wrong("label", f"{place[2]} already labeled this rollout on line {first}", "one label per rater")
        drawn, at = self.drawn.setdefault((rollout, measure.name), (probability, number))
        if drawn != probability:
            wrong = f"the probability {probability:g}, but {drawn:g} on line {at} for the same rollout"
            raise Wrong("probability", wrong, "the probability it was drawn with, the same for every rater")
        self.labels[place] = value, probability

    def _rollout(self, row: Mapping[str, Any]) -> str:
        named = _cell(row, "rollout")
        if named:
            keys = [named] if named in self.places else [key for key in self.places if key.startswith(named)]
            if len(named) < SHORTEST:
                raise Wrong("rollout", f"{named!r} is too short", f"a key, or {SHORTEST} or more characters of it")
            column, named = "rollout", line(named, 40)
        else:
            given = self._coordinates(row)
            keys = self.index.get(said(given), [])
            column, named = "task", line(said(given), 120)
        if len(keys) != 1:
            right = "a rollout of this run, by its key or by task, factors and draw"
            raise Wrong(column, f"{len(keys) or 'no'} rollouts of the run are {named}", right)
        if keys[0] not in self.delivered:
            raise Wrong(
                column, f"the rollout {named} has no output", "labels only for rollouts that delivered an output"
            )
        return keys[0]

    def _coordinates(self, row: Mapping[str, Any]) -> dict[str, str]:
        names = next(iter(self.places.values()), {"task": "", "draw": ""})
        missing = [name for name in names if not _cell(row, name)]
        if missing:
            right = "a column rollout with its key, or all of " + ", ".join(names)
            raise Wrong(
                "rollout", f"the row does not identify a rollout: it has no rollout and no {', '.join(missing)}", right
            )
        return {name: _cell(row, name) for name in names}

    def _measure(self, row: Mapping[str, Any]) -> Measure:
        in_row, given = _cell(row, "measure"), self.given.measure
        if in_row and given is not None and in_row != given:
            raise Wrong(
                "measure", f"the row says {in_row!r}, but --measure says {given!r}", "one of them; leave out --measure"
            )
        name = in_row or given
        if not name and len(self.measures) == 1:
            name = next(iter(self.measures))
        if not name:
            raise Wrong(
                "measure", "the measure that was rated is not given", f"--measure, of {', '.join(self.measures)}"
            )
        if name not in self.measures:
            raise Wrong("measure", f"the run has no measure {name!r}", suggest(name, self.measures))
        return self.measures[name]

    def _value(self, row: Mapping[str, Any], measure: Measure) -> float:
        """On the measure's range."""
        value, (low, high) = _number(row, "label"), self.given.scale or (min(measure.range), max(measure.range))
        if not low <= value <= high:
            other = "" if self.given.scale else ", or another scale with --scale LOWEST:HIGHEST"
            raise Wrong("label", f"{value:g} is off the scale", f"{low:g} to {high:g}{other}")
        if self.given.scale is None:
            return value
        return measure.range[0] + (value - low) / (high - low) * (measure.range[1] - measure.range[0])

    def _probability(self, row: Mapping[str, Any]) -> float:
        if not _cell(row, "probability"):
            if self.given.probability is None:
                right = "the probability its rollout was drawn with, or one for all rows: --probability 0.1"
                raise Wrong("probability", "a label without a sampling probability", right)
            return self.given.probability
        value = _number(row, "probability")
        if not 0 < value <= 1:
            raise Wrong("probability", f"the probability {value:g}", "above 0 and at most 1")
        return value

    def check(self) -> None:
        self.findings.check()
        if not self.labels:
            raise ScenarioError(f"{self.findings.file}: no row has a label; fill in the column 'label'")


def _cell(row: Mapping[str, Any], column: str) -> str:
    return str(row.get(column, "")).strip()


def _number(row: Mapping[str, Any], column: str) -> float:
    cell = _cell(row, column)
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Wrong(column, f"{line(cell, 40)!r} is not a number", "a number")
    return value
