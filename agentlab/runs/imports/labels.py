"""People's labels of a run's outputs, from a CSV file into the run: each with the probability it was drawn with.

The file is checked whole before anything is written. The same labels again change nothing; none is ever changed.
"""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agentlab.errors import Mistake, ScenarioError
from agentlab.runs.imports.mistakes import TableFindings, refuse
from agentlab.runs.imports.sheet import ColumnDefaults, ImportSheet, Known
from agentlab.runs.spreadsheet import restore
from agentlab.runs.transcript.find import places, said
from agentlab.scenario.document.rows import rows
from agentlab.store import DATABASE, Store, read
from agentlab.suggestion import suggest
from agentlab.text import line, pluralize
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class LabelImport:
    """What an import of labels did; `new` of the `labels` were not there before, `blank` rows had none yet."""

    folder: Path
    labels: int
    new: int
    blank: int
    rollouts: int
    raters: int

    def __str__(self) -> str:
        blank = f", {pluralize(self.blank, 'row')} without a label" if self.blank else ""
        rollouts, raters = pluralize(self.rollouts, "rollout"), pluralize(self.raters, "rater")
        size = f"{pluralize(self.labels, 'label')} of {rollouts} by {raters}"
        return f"{self.folder}: {size}; {self.new:,} new{blank}\nNext: agentlab stats {self.folder} labels"


def labels(file: str | Path, folder: Path, given: ColumnDefaults | None = None) -> LabelImport:
    """Adds the labels of a CSV file to the run in `folder`.

    Columns: `rollout` (a key or its beginning), or `task`, every factor and `draw`; `label`, on the measure's range or
    on `given.scale`; `rater`, `measure` and `probability`, where `given` does not say them. Rows with an empty label
    are counted and left. Raises `ScenarioError` with every mistake, `MismatchError` when a label that is there would
    change, `StoreError` when there is no run or it cannot be written.
    """
    sheet = _read(Path(file), folder, given or ColumnDefaults())
    for number, row in rows(sheet.findings.file, "csv"):
        if isinstance(row, Mistake):
            sheet.findings.add(row)
        else:
            sheet.add(number, {name: restore(str(cell)) for name, cell in row.items()})
    sheet.check()
    new = asyncio.run(_write(sheet, folder))
    rollouts, raters = ({place[i] for place in sheet.labels} for i in (0, 2))
    return LabelImport(folder, len(sheet.labels), new, sheet.blank, len(rollouts), len(raters))


def _read(file: Path, folder: Path, given: ColumnDefaults) -> ImportSheet:
    with closing(read(folder)) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta WHERE key = 'measures'").fetchall())
        keys = connection.execute("SELECT key FROM rollouts WHERE output IS NOT NULL AND kind = 'rollout'").fetchall()
        known = places(connection)
    measures = msgspec.json.decode(meta.get("measures", "[]"), type=list[Measure])
    if not measures:
        right = "judge it first (agentlab judge), so that labels have scores to be compared with"
        raise ScenarioError(f"{folder}: the run has no measures; {right}")
    if given.measure is not None and given.measure not in (names := {m.name: m for m in measures}):
        raise ScenarioError(f"--measure: the run has no measure {given.measure!r}; {suggest(given.measure, names)}")
    delivered = frozenset(key for (key,) in keys)
    return ImportSheet(TableFindings(file), given, {m.name: m for m in measures}, known, delivered)


async def _write(sheet: ImportSheet, folder: Path) -> int:
    store = Store.open(folder)
    try:
        sql = "SELECT key, measure, rater, value, probability FROM labels JOIN rollouts ON id = rollout"
        with closing(read(folder)) as connection:
            old = {(k, m, r): (value, p) for k, m, r, value, p in connection.execute(sql)}
        _refuse_changes(sheet, old, folder)
        new = [(*place, *values) for place, values in sheet.labels.items() if place not in old]
        await store.label(new)
        return len(new)
    finally:
        store.close()


def _refuse_changes(sheet: ImportSheet, old: Mapping[Known, tuple[float, float]], folder: Path) -> None:
    drawn = {(key, measure): p for (key, measure, _), (_, p) in old.items()}
    changed: list[str] = []
    for place, (value, probability) in sheet.labels.items():
        where = f"{said(sheet.places[place[0]])}, {place[1]}, {line(place[2])}"
        if place in old and old[place][0] != value:
            changed.append(f"{where}: label was {old[place][0]:g}, is {value:g}")
        elif drawn.get(place[:2], probability) != probability:
            changed.append(f"{where}: probability was {drawn[place[:2]]:g}, is {probability:g}")
    head = f"{folder / DATABASE}: these labels already exist with other values:"
    refuse(changed, head, "You may add labels, but not change them.")
