"""Which column of a table means what, and a row as it is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentlab.columns import RESERVED
from agentlab.errors import ScenarioError
from agentlab.runs.imports.mistakes import Wrong
from agentlab.suggestion import suggest
from agentlab.text import line, utf8_safe

ARM = "arm"
"""The factor that `--condition` makes."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; `factors` maps a factor's name to its column."""

    task: str
    output: str
    factors: Mapping[str, str] = field(default_factory=dict[str, str])
    draw: str | None = None
    prompt: str | None = None
    target: str | None = None
    cluster: str | None = None

    @classmethod
    def of(
        cls,
        task: str,
        output: str,
        condition: str | None = None,
        factors: Sequence[str] = (),
        draw: str | None = None,
        prompt: str | None = None,
        target: str | None = None,
        cluster: str | None = None,
    ) -> "Columns":
        """From options; each of `factors` is NAME=COLUMN. Raises `ScenarioError` when they do not fit together."""
        by_name: dict[str, str] = {}
        if condition is not None and factors:
            raise ScenarioError("--condition and --factor cannot be combined; name every column with --factor")
        for text in factors if condition is None else (f"{ARM}={condition}",):
            name, _, column = text.partition("=")
            if not name or not column:
                raise ScenarioError(f"--factor {text!r}: write NAME=COLUMN, such as team=setup")
            if name in RESERVED or not name.isidentifier():
                why = "is a column of every run" if name in RESERVED else "is not a plain name"
                raise ScenarioError(f"--factor {text!r}: {name!r} {why}; choose another name, such as {ARM}={column}")
            if name in by_name:
                raise ScenarioError(f"--factor {text!r}: {name!r} appears twice; each factor has one column")
            by_name[name] = column
        return cls(task, output, by_name, draw, prompt, target, cluster)

    def named(self) -> tuple[str, ...]:
        """The columns that every row must have."""
        rest = (self.draw, self.prompt, self.target, self.cluster)
        return (self.task, self.output, *self.factors.values(), *(name for name in rest if name is not None))


@dataclass(frozen=True, slots=True)
class Text:
    """One row: a text and where it belongs. `draw` is None where the table says nothing of it."""

    task: str
    levels: Mapping[str, str]
    draw: int | None
    output: str | None
    prompt: str | None
    target: str | None
    cluster: str | None

    @property
    def condition(self) -> str:
        """Named as a scenario would name it."""
        return ",".join(f"{name}={level}" for name, level in self.levels.items()) or "all"


def missing(row: Mapping[str, Any], columns: Columns) -> list[Wrong]:
    """Every column that the row lacks."""
    lacking = [name for name in dict.fromkeys(columns.named()) if name not in row]
    return [Wrong(name, f"there is no column {name!r}", suggest(name, row, most=20)) for name in lacking]


def text(row: Mapping[str, Any], columns: Columns) -> Text:
    """The row as it is meant, when no column is missing; raises `Wrong`."""
    output: object = row[columns.output]
    if not isinstance(output, str | int | float | None):
        raise Wrong(columns.output, f"the output is {_kind(output)}", "text, or null where nothing was delivered")
    output_text = None if output is None else utf8_safe(output if isinstance(output, str) else str(output))
    return Text(
        task=_label(row, columns.task),
        levels={name: _label(row, column) for name, column in columns.factors.items()},
        draw=None if columns.draw is None else _draw(row, columns.draw),
        output=output_text if output_text and output_text.strip() else None,
        prompt=None if columns.prompt is None else _prompt(row, columns.prompt),
        target=None if columns.target is None else _target(row, columns.target),
        cluster=None if columns.cluster is None else _label(row, columns.cluster),
    )


def _label(row: Mapping[str, Any], column: str) -> str:
    value = row[column]
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise Wrong(column, f"found {_kind(value)}", "a name, such as loan or 3")
    label = utf8_safe(str(value)).strip()
    if len(label) > 200 or "\n" in label:
        raise Wrong(column, f"a name of {len(label)} characters: {line(label, 40)}", "one line of at most 200")
    return label


def _draw(row: Mapping[str, Any], column: str) -> int:
    value = row[column]
    digits = str(value).strip()
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit()) or not 0 <= int(digits[:19]) < 2**62:
        raise Wrong(column, f"the draw {line(repr(value), 40)}", "a whole number, such as 1")
    return int(digits)


def _prompt(row: Mapping[str, Any], column: str) -> str:
    value = row[column]
    if not isinstance(value, str):
        raise Wrong(column, f"the prompt is {_kind(value)}", "the task's text")
    return utf8_safe(value)


def _target(row: Mapping[str, Any], column: str) -> str | None:
    value: object = row[column]
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float | None):
        raise Wrong(column, f"the target is {_kind(value)}", "text or a number; null or nothing if there is no target")
    return utf8_safe(str(value)) if value is not None and value != "" else None


def _kind(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    names: dict[type, str] = {list: "a list", dict: "an object", bool: "true or false"}
    return names.get(type(value)) or line(repr(value), 40)
