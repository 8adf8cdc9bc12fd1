"""In which fields two protocols of one kind differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from typing import cast as cast_to

Arm = tuple[Mapping[str, Any], Sequence[str]]
"""The fields of an arm's protocol, and its cast."""

TOLD_ELSEWHERE = frozenset({"kind", "start", "contacts", "stages", "lead", "workers", "by", "brief", "steps"})
"""Fields of a protocol, and `by` of its parts, that a comparison of structures, briefs and programs tells."""
NEEDS = {"stays": "lead", "assign": "lead", "review": "review"}
"""Fields that count only where both arms have this one; that one arm lacks reviewers or a lead is its structure."""


def other_rules(a: Arm, b: Arm) -> list[str]:
    """The fields that differ, such as `review.checklist`.

    Empty for protocols of two kinds, whose fields cannot be compared, and where an arm's fields were not recorded.
    An agent counts by its place in the cast.
    """
    if not a[0] or not b[0] or a[0].get("kind") != b[0].get("kind"):
        return []
    of_a, of_b = (_placed(*arm) for arm in (a, b))
    fields = [name for name in dict.fromkeys((*of_a, *of_b)) if name not in TOLD_ELSEWHERE]
    return [changed for name in fields if _applies(name, of_a, of_b) for changed in _changed(name, of_a, of_b)]


def _applies(name: str, of_a: Mapping[str, Any], of_b: Mapping[str, Any]) -> bool:
    """Whether both arms have what the field is about: reviewers, or a lead."""
    about = NEEDS.get(name)
    return about is None or bool(of_a.get(about) and of_b.get(about))


def _changed(name: str, of_a: Mapping[str, Any], of_b: Mapping[str, Any]) -> Iterator[str]:
    """The field, or its parts where both arms have it: `tries`, `review.checklist`, `plant.legs`."""
    a, b = of_a.get(name), of_b.get(name)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        a, b = cast_to(Mapping[str, Any], a), cast_to(Mapping[str, Any], b)
        parts = [part for part in dict.fromkeys((*a, *b)) if part not in TOLD_ELSEWHERE]
        yield from (f"{name}.{part}" for part in parts if a.get(part) != b.get(part))
    elif a != b:
        yield name


def _placed(rules: Mapping[str, Any], cast: Sequence[str]) -> dict[str, Any]:
    """The fields with the place of an agent in its cast instead of its name."""
    return {name: _place(value, cast) for name, value in rules.items()}


def _place(value: Any, cast: Sequence[str]) -> Any:
    if isinstance(value, str):
        return f"@{cast.index(value)}" if value in cast else value
    if isinstance(value, Mapping):
        return _placed(cast_to(Mapping[str, Any], value), cast)
    if isinstance(value, list | tuple):
        return [_place(part, cast) for part in cast_to(Sequence[Any], value)]
    return value
