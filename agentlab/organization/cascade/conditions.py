"""Conditions of steps: what one may say, which variables it reads, and whether it holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from agentlab.organization.cascade.values import Lookup, as_text, equal, field, made, names, number
from agentlab.organization.declaration import Flaw

TESTS = ("is", "not", "in", "has", "lacks", "missing", "above", "below")
RIGHT = f"a variable with a value, or with one of {', '.join(TESTS)}, such as {{answer: {{above: 3}}}}"


def read_by(condition: Any) -> Iterator[str]:
    """Every variable that a condition reads."""
    for part in _alternatives(condition):
        if isinstance(part, Mapping):
            yield from (name.partition(".")[0] for name in cast("Mapping[str, Any]", part))
            yield from names(part)


def flaws(condition: Any) -> Iterator[Flaw]:
    """What is wrong with a condition; the paths start at it."""
    for i, part in enumerate(_alternatives(condition)):
        where: tuple[str | int, ...] = (i,) if isinstance(condition, list | tuple) else ()
        if not isinstance(part, Mapping) or not part:
            yield where, "this is not a condition", RIGHT
            continue
        for name, test in cast("Mapping[str, Any]", part).items():
            tests = cast("Mapping[str, Any]", test) if isinstance(test, Mapping) else {"": test}
            for word, operand in tests.items():
                if operand == "missing" and word in ("", "is", "not"):
                    right = f"{{missing: {'false' if word == 'not' else 'true'}}}, or {{in: [missing]}} for the text"
                    yield (*where, name, *filter(None, [word])), "this compares with the text 'missing'", right
                elif word and word not in TESTS:
                    yield (*where, name, word), f"unknown test {word!r}", f"one of {', '.join(TESTS)}"
                elif word == "missing" and not isinstance(operand, bool):
                    yield (*where, name, word), f"the test `missing` cannot have the value {operand!r}", "true or false"
                elif word == "in" and not isinstance(operand, list | str):
                    yield (
                        (*where, name, word),
                        f"the test `in` cannot have the value {operand!r}",
                        "a list, or a variable that is a list",
                    )


def holds(condition: Any, lookup: Lookup) -> bool:
    """Whether a condition holds: of a mapping all tests must, of a list of mappings any one."""
    return any(
        all(_passes(field(lookup, name), test, lookup) for name, test in part.items())
        for part in _alternatives(condition)
    )


def _alternatives(condition: Any) -> Sequence[Any]:
    if condition is None:
        return ()
    return cast("Sequence[Any]", condition) if isinstance(condition, list | tuple) else (condition,)


def _passes(value: Any, test: Any, lookup: Lookup) -> bool:
    if not isinstance(test, Mapping):
        return equal(value, made(test, lookup))
    tests = cast("Mapping[str, Any]", test)
    return all(_test(word, value, made(operand, lookup)) for word, operand in tests.items())


def _test(word: str, value: Any, operand: Any) -> bool:
    match word:
        case "is":
            return equal(value, operand)
        case "not":
            return not equal(value, operand)
        case "in":
            return isinstance(operand, list) and any(equal(value, item) for item in cast("list[Any]", operand))
        case "has":
            return _contains(value, operand)
        case "lacks":
            return not _contains(value, operand)
        case "missing":
            return (value is None) == bool(operand)
        case _:
            a, b = number(value), number(operand)
            return a is not None and b is not None and (a > b if word == "above" else a < b)


def _contains(value: Any, operand: Any) -> bool:
    """Whether the text, without regard to case, is in the value; a missing value contains nothing."""
    part = as_text(operand).casefold()
    return part != "" and part in as_text(value).casefold()
