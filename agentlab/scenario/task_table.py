"""Tasks from a table: `tasks: {file: NAME, columns: {prompt: question}}`, one task a row, each part from its column."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from pydantic import Field

from agentlab.errors import Mistake, Place
from agentlab.mapping import mapping
from agentlab.scenario.document import Keys, Tree, confined
from agentlab.scenario.document.rows import Row, rows
from agentlab.scenario.document.tables import DATASET, dataset_files, dataset_rows
from agentlab.scenario.findings import Findings
from agentlab.scenario.validate import CheckedDocument, shown
from agentlab.scenario.values import Fields
from agentlab.suggestion import suggest
from agentlab.text import line, pluralize, utf8_safe

MOST = 100_000
"""Rows of a table."""
SECTION: Keys = ("tasks",)
_OTHER = "write a .jsonl, .csv, .parquet or .arrow file, or the folder of a dataset"


class ColumnFields(Fields):
    prompt: str = Field(default="prompt", description="The column with the prompt.")
    id: str | None = Field(
        default=None,
        description="The column with the task's id. Default: `id` if it exists; otherwise rows are numbered.",
    )
    target: str | None = Field(
        default=None, description="The column with the right answer. Default: `target` if it exists."
    )
    split: str | None = Field(default=None, description="The column with the part of the data, such as train or test.")
    fields: tuple[str, ...] = Field(default=(), description="Columns that become fields of the tasks.")


class TaskTableFields(Fields):
    """Tasks from the rows of a file."""

    file: str = Field(
        min_length=1, description="A JSONL, CSV, Parquet or Arrow file, or the folder of a dataset with such files."
    )
    columns: ColumnFields = Field(default_factory=ColumnFields, description="The columns to use.")


def is_table(tree: Tree) -> bool:
    """Whether the section `tasks` names a file and its columns: a task by the id `file` would be a mapping."""
    return isinstance(mapping(tree.value.get("tasks")).get("file"), str)


def expand(tree: Tree, findings: Findings, root: Path) -> Tree:
    """The document with the tasks of its table written out; the file lies within `root`."""
    fields = CheckedDocument(tree, findings, root).validate(TaskTableFields, SECTION)
    table = None if fields is None else _opened(tree, findings, root, fields)
    if fields is None or table is None:
        return _written(tree, {}, {}, findings)
    reader = _TaskRows(tree, findings, fields.columns, *table)
    reader.read()
    return _written(tree, reader.tasks, reader.places, findings)


def _written(tree: Tree, tasks: Mapping[str, Any], lines: Mapping[str, Place], findings: Findings) -> Tree:
    if not tasks:
        findings.faulted.add(tree.place(SECTION))
    kept, keys = ({at: p for at, p in places.items() if at[:1] != SECTION} for places in (tree.places, tree.keys))
    places = {SECTION: tree.place(SECTION)} | {(*SECTION, id): place for id, place in lines.items()}
    return Tree({**tree.value, "tasks": tasks}, {**kept, **places}, {**keys, **places}, tree.removed)


def _opened(tree: Tree, findings: Findings, root: Path, fields: TaskTableFields) -> tuple[str, Iterable[Row]] | None:
    """The file as it is shown, and its rows; None when it cannot be read, which the findings then say."""
    at: Keys = (*SECTION, "file")
    place = tree.place(at)
    target = Path(place.file).parent / fields.file
    if wrong := confined(fields.file, target, root.resolve(), folder=True):
        findings.add(place, at, *wrong)
        return None
    if target.is_dir() or target.suffix in DATASET:
        files, wrong = dataset_files(target, root)
        if wrong:
            findings.add(place, at, *wrong)
            return None
        return str(target), dataset_rows(files)
    if target.suffix not in (".jsonl", ".csv"):
        findings.add(place, at, f"{fields.file!r} is not a table", _OTHER)
        return None
    return str(target), rows(target, "csv" if target.suffix == ".csv" else "jsonl")


class _TaskRows(Struct):
    """Rows on their way to tasks."""

    tree: Tree
    findings: Findings
    columns: ColumnFields
    file: str
    rows: Iterable[Row]
    tasks: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[str, Place] = field(default_factory=dict[str, Place])

    def read(self) -> None:
        names: Mapping[str, str] | None = None
        count = -1
        for count, (number, row) in enumerate(self.rows):
            if isinstance(row, Mistake):
                self.findings.add(row.place, "tasks", row.wrong, row.right)
                continue
            if count >= MOST:
                self.wrong(number, f"more than {pluralize(MOST, 'row')}", "use part of the file")
                return
            names = self.named(row) if names is None else names
            if not names:
                return
            self.add(number, count + 1, row, names)
        if count < 0:
            self.findings.add(Place(self.file, 1, 1), "tasks", "the table has no rows", "give at least one task")

    def wrong(self, number: int, wrong: str, right: str) -> None:
        self.findings.add(Place(self.file, number, 1), "tasks", wrong, right)

    def named(self, first: Mapping[str, Any]) -> dict[str, str]:
        """The column of each part; empty where one is missing."""
        columns = self.columns
        parts = {"prompt": columns.prompt, "id": columns.id, "target": columns.target, "split": columns.split}
        defaults = {part: part for part in ("id", "target") if part in first}
        lacking = [((part,), column) for part, column in parts.items() if column is not None and column not in first]
        lacking += [(("fields", i), column) for i, column in enumerate(columns.fields) if column not in first]
        for part, column in lacking:
            at: Keys = (*SECTION, "columns", *part)
            right = suggest(column, first, most=20)
            if at not in self.tree.places:
                right = f"write `columns: {{{part[0]}: COLUMN}}`; {suggest('', first, most=20)}"
            self.findings.add(self.tree.place(at), at, f"the table has no column {line(column, 60)!r}", right)
        return {} if lacking else defaults | {part: column for part, column in parts.items() if column is not None}

    def add(self, number: int, count: int, row: Mapping[str, Any], names: Mapping[str, str]) -> None:
        lacking = [column for column in (*names.values(), *self.columns.fields) if column not in row]
        if lacking:
            self.wrong(number, f"the row has no {line(lacking[0], 60)!r}", "give every row the columns of the first")
            return
        id = _text(row[names["id"]]) if "id" in names else f"row_{count}"
        prompt, target = row[names["prompt"]], _text(row[names["target"]]) if "target" in names else None
        fields = {column: row[column] for column in self.columns.fields}
        odd = [name for name, value in fields.items() if not isinstance(value, str | int | float | bool | None)]
        if not id:
            self.wrong(number, "the row has no id", "give every row an id, or leave the column out to number the rows")
        elif id in self.tasks:
            first = self.places[id].line
            self.wrong(number, f"the id {line(id, 60)!r} appears twice", f"keep one; the first is on line {first}")
        elif not isinstance(prompt, str) or not prompt.strip():
            self.wrong(number, f"the prompt is {shown(prompt)}", "give every row a prompt")
        elif target is None and row.get(names.get("target", "")) not in (None, ""):
            self.wrong(number, f"the target is {shown(row[names['target']])}", "name a column of texts or numbers")
        elif odd:
            self.wrong(number, f"the field {odd[0]!r} is {shown(fields[odd[0]])}", "name columns of texts or numbers")
        else:
            parts = {"prompt": prompt, "target": target, "split": _text(row.get(names.get("split", "")))}
            texts = {part: utf8_safe(value) for part, value in parts.items() if value is not None}
            self.tasks[id] = texts | ({"fields": utf8_safe(fields)} if fields else {})
            self.places[id] = Place(self.file, number, 1)


def _text(value: object) -> str | None:
    """A text, a number or a truth value as it is written; None for what is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return utf8_safe(str(value)) if isinstance(value, str | int | float) and str(value) else None
