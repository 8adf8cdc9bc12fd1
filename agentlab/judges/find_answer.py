"""Finds answers in text: numbers, choices, groups of a regular expression. Every scan but a user's own is linear."""

import math
import re
from collections.abc import Sequence

_NUMBER = re.compile(
    r"(?:(?<![\w)\]])[-+\u2212])?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?(?![0-9])"
)
_LONGEST_NUMBER = 60
_ANNOUNCED = re.compile(
    r"\b(?i:answer|choice|option|choose|pick|select)\b(?:\s+is)?\s*[:=]?\s*[*_\"'(\[]*([A-Z])\b(?!')"
)
_MARKED = re.compile(r"[(\[*]([A-Z])[)\]*]|^\s{0,8}([A-Z])[).:](?=\s|$)", re.MULTILINE)
_REPEAT = re.compile(r"(?:(?P<unbounded>[*+]|\{\d*,\})|\{\d*,?\d+\})\??(?P<possessive>\+?)")
SUM_OFF = 0.02
"""How far from one stated probabilities may sum, which covers three of .33 and percentages without decimals."""
_ALONE = re.compile(r"\W*([A-Za-z])\W*")


def numbers(text: str) -> list[str]:
    """Numbers in decimal notation as written: `-3`, `1,200.50`, `.5`, `2e6`. A minus after a digit is a hyphen."""
    found = (match[0] for match in _NUMBER.finditer(text))
    return [number for number in found if len(number) <= _LONGEST_NUMBER and math.isfinite(value(number))]


def value(number: str) -> float:
    """The value of a number that `numbers` found."""
    return float(number.replace(",", "").replace("\u2212", "-"))


def choices(text: str, allowed: Sequence[str]) -> list[str]:
    """The choices an answer settles on, in order.

    Words count wherever they stand by themselves. Single letters count, in this order of trust: announced (`the answer
    is B`), marked (`(B)`, or `B.` at the start of a line), or alone as the whole text; so the article `A` is no choice.
    """
    if all(len(choice) == 1 for choice in allowed):
        known = {choice.upper() for choice in allowed}
        if alone := _ALONE.fullmatch(text[:200]) if len(text) <= 200 else None:
            return [letter] if (letter := alone[1].upper()) in known else []
        for pattern in (_ANNOUNCED, _MARKED):
            letters = [next(group for group in match.groups() if group) for match in pattern.finditer(text)]
            if letters := [letter for letter in letters if letter in known]:
                return letters
        return []
    by_length = sorted(allowed, key=len, reverse=True)
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, by_length))})(?!\w)", re.IGNORECASE)
    return [match[0] for match in words.finditer(text)]


def groups(text: str, pattern: str, ignore_case: bool) -> list[str]:
    """The first group of every match of `pattern`, or the whole match where it has no group."""
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else re.NOFLAG)
    group = 1 if compiled.groups else 0
    return [match[group] or "" for match in compiled.finditer(text)]


def distribution(text: str, allowed: Sequence[str]) -> tuple[float, ...] | str:
    """The probability that is stated for each choice, as the text states them last, or why there is none.

    A choice is followed by its number, with `:`, `=` or `is` between them if anything: `A: 0.7`, `"B" = 20%`. Percent
    signs divide by 100. Every choice needs a number; what sums to within `SUM_OFF` of one is divided by its sum.
    """
    by_length = sorted(allowed, key=len, reverse=True)
    flag = re.NOFLAG if all(len(choice) == 1 for choice in allowed) else re.IGNORECASE
    stated = re.compile(
        rf"(?<!\w)({'|'.join(map(re.escape, by_length))})[\"'*)\]]{{0,3}}\s{{0,3}}(?:[:=]|is\b)?\s{{0,3}}"
        r"([0-9]{1,3}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})(?![0-9.]*[0-9])\s?(%?)",
        flag,
    )
    exact = {choice.casefold(): choice for choice in allowed}
    found = {exact[m[1].casefold()]: float(m[2]) / (100 if m[3] else 1) for m in stated.finditer(text)}
    missing = [choice for choice in allowed if choice not in found]
    if missing:
        return f"no probability is stated for {', '.join(missing)}"
    total = math.fsum(found.values())
    if abs(total - 1) > SUM_OFF:
        return f"the probabilities sum to {total:g}, not to 1"
    return tuple(found[choice] / total for choice in allowed)


def vector(text: str) -> list[float]:
    """The numbers between the last pair of square brackets, or all numbers where there are none."""
    inside = text.rpartition("[")[2].partition("]")
    return [value(number) for number in numbers(inside[0] if inside[1] else text)]


def pattern_problem(pattern: str) -> str | None:
    """Why a regular expression is refused: it does not compile, or an unbounded repeat stands inside another.

    Such nesting, as in `(a+)+`, takes time exponential in the length of a text that almost matches; a cap on the text
    does not help against it. Overlapping alternatives under a repeat, as in `(a|a)*`, are not recognised.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"the pattern does not compile: {error}"
    return "an unbounded repeat inside another" if _nested_repeat(pattern) else None


def _nested_repeat(pattern: str) -> bool:
    """One pass over a pattern that compiles; `open_groups` holds, per open group, whether it repeats without bound."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    open_groups, closed = [False], False
    for token in re.finditer(r"\(\?[:=!<>P#a-zA-Z]*|\(|\)|(?:[*+]|\{\d+,?\d*\}|\{,\d*\})[?+]?|[^()]", bare):
        text = token[0]
        if text.startswith("("):
            open_groups.append(False)
            closed = False
        elif text == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
        elif repeat := _REPEAT.fullmatch(text):
            if closed and not repeat["possessive"]:
                return True
            open_groups[-1] |= bool(repeat["unbounded"]) and not repeat["possessive"]
            closed = False
        else:
            closed = False
    return False
