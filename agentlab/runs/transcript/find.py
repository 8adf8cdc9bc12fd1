"""Which rollout is meant: by the beginning of its key, or by task, factors and draw as far as they tell it apart."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from agentlab.errors import ScenarioError
from agentlab.suggestion import suggest
from agentlab.text import line

SHORTEST, LISTED = 4, 10
"""Fewest characters of a key; most rollouts an error names."""

Coordinates = Mapping[str, Any]
"""`task`, `draw`, and levels by factor."""
_PLAIN = re.compile(r"[\w=.,:+/@-]+")
_COMMA = re.compile(r",(?=[\w.+-]+=)")


def find(connection: sqlite3.Connection, wanted: str | Coordinates, option: str = "--rollout") -> str:
    """The key of the rollout; `wanted` as text is a key's beginning or `task=loan,team=firm,draw=1`.

    Raises `ScenarioError` when none or several fit, naming what is there; `option` is what the user said it by.
    """
    if isinstance(wanted, str) and "=" not in wanted:
        return _by_key(connection, wanted, option)
    if not isinstance(wanted, str):
        option = "rollout"
    coordinates = _parsed(wanted, option) if isinstance(wanted, str) else wanted
    rows = places(connection)
    known = {name: list(dict.fromkeys(str(row[name]) for row in rows.values() if name in row)) for name in _names(rows)}
    levels = {name: str(value) for name, value in coordinates.items()}
    for name, value in levels.items():
        if name not in known:
            raise ScenarioError(f"{option}: no coordinate {name!r}; {suggest(name, known)}")
        if value not in known[name]:
            raise ScenarioError(f"{option}: no rollout has {name}={value}; {suggest(value, known[name])}")
    coordinates_text = ",".join(f"{name}={value}" for name, value in levels.items())
    fitting = {k: r for k, r in rows.items() if all(str(r.get(n)) == v for n, v in levels.items())}
    return _only(fitting, coordinates_text or "here", option)


def places(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Of every rollout that is no fork, by key: `task`, levels by factor, `draw`."""
    conditions = connection.execute("SELECT name, levels FROM conditions").fetchall()
    levels: dict[str, dict[str, str]] = {name: msgspec.json.decode(text) for name, text in conditions}
    rows = connection.execute("SELECT key, task, condition, draw FROM rollouts WHERE kind = 'rollout' ORDER BY id")
    return {key: {"task": task, **levels.get(name, {}), "draw": draw} for key, task, name, draw in rows}


def said(place: Mapping[str, Any]) -> str:
    """`task=loan,team=firm,draw=1`."""
    return ",".join(f"{name}={value}" for name, value in place.items())


def address(place: Mapping[str, Any], key: str) -> str:
    """What to write after `--rollout`: the key where names hold what a shell or a terminal would act on."""
    coordinates = said(place)
    return coordinates if _PLAIN.fullmatch(coordinates) else key[:12]


def _names(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for place in rows.values() for name in place))


def _parsed(text: str, option: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in _COMMA.split(text)]
    wrong = next((name for name, equals, value in pairs if not equals or not value), None)
    if wrong is not None:
        raise ScenarioError(
            f"{option}: {wrong!r} has no value; write task=loan,team=firm,draw=1 or the beginning of a key"
        )
    return {name.strip(): value.strip() for name, _, value in pairs}


def _by_key(connection: sqlite3.Connection, start: str, option: str) -> str:
    if len(start) < SHORTEST:
        raise ScenarioError(
            f"{option}: {start!r} is too short; give at least {SHORTEST} characters of a key, or task=…,draw=…"
        )
    kinds = "('rollout', 'fork', 'particle', 'redraw', 'hint')"
    sql = f"SELECT key FROM rollouts WHERE substr(key, 1, ?) = ? AND kind IN {kinds} ORDER BY id"
    keys = [key for (key,) in connection.execute(sql, (len(start), start))]
    if start in keys:
        return start
    rows = places(connection)
    return _only({key: rows.get(key, {"fork": key}) for key in keys}, start, option)


def _only(matching: Mapping[str, Mapping[str, Any]], wanted: str, option: str) -> str:
    if len(matching) == 1:
        return next(iter(matching))
    if not matching:
        raise ScenarioError(f"{option}: no rollout matches {line(wanted)}; `agentlab show RUN` lists all")
    lines = [f"  {key[:12]}  {line(said(place), 200)}" for key, place in list(matching.items())[:LISTED]]
    more = [f"  … and {len(matching) - LISTED} more"] if len(matching) > LISTED else []
    raise ScenarioError(
        "\n".join([f"{option}: {len(matching)} rollouts match {line(wanted)}; name one of", *lines, *more])
    )
