"""Finds numbers that answer, groups of a pattern, probabilities. Every scan but a user's own is linear."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from agentlab.answers.numerals import Number, numbers, plain

SUM_OFF = 0.02
"""How far from one stated probabilities may sum, which covers three of .33 and percentages without decimals."""
_LINE = 300
"""Characters of a line in which a stated number is looked for."""
WORD = (
    r"(?:(?<![^\W_])(?<!/)(?:answer|antwort|r[eé]ponse|respuesta|resposta|risposta|ответ|"
    r"ans\.?(?=[\s:=])|my\ (?:choice|pick|selection|vote|verdict)|"
    r"(?:correct|right|best|final|chosen)\ (?:choice|option|letter|solution|result|value))|"
    r"答案|答え|정답|الجواب|الإجابة)(?:\ (?:choice|option|letter))?"
    r"(?:\ (?:to|for|of)\ [^.:\n]{1,40}?|,[^.:,\n]{1,30},)?"
)
"""What announces an answer, for a verbose pattern that ignores case; so are the others."""
MARK = r"[\s*_`\"'“”‘’«»$#)\]]"
LINK = (
    r"(?:[:=：>|]|-+>|→|(?<=\s)[-—](?=\s)|是|为|选择?|は|['’]s\b|"
    r"\b(?:is|was|are|(?:must|should|would|will|may|might|could|has\ to|seems\ to|appears\ to)\ be|"
    r"ist|lautet|est|es|è|é)\b)"
)
OPEN = (
    r"(?:[\s*_`\"'“”‘’«»$(\[{<:]|-(?=\s)|\\[(\[,!]|\\(?:boxed|fbox|text(?:bf|it|rm)?|math(?:rm|bf|it|sf))\ ?\{|\\\$|"
    r"(?:option|choice|letter|number|answer|the|therefore|thus|clearly|simply|definitely|indeed|most|likely|probably)"
    r"(?=[\s:*]))"
)
"""What may stand between the announcement and the answer."""
BOXED = re.compile(r"\\f?box(?:ed)? ?\{((?:[^{}]|\{(?:[^{}]|\{[^{}]{0,60}+\}){0,60}+\}){0,120}+)\}")
_ANNOUNCED = re.compile(rf"{WORD}{MARK}{{0,8}}(?P<link>{LINK}|\n)", re.IGNORECASE | re.VERBOSE)
_HASHES = re.compile(r"^[ \t]{0,8}####[ \t]{1,8}([^\n]{1,60})$", re.MULTILINE)
_UNIT = re.compile(r"[ \t]?(?:[^\W\d]{1,12}|[%°€$£¥₹]{1,3})?[ \t*_`.]{0,4}")
_DIRECT = re.compile(
    rf"(?:{OPEN}|[€£¥₹≈~=+]|(?:about|approximately|roughly|around|exactly|just|only|equal\ to|us|usd|eur|gbp)(?=[\s$])|"
    r"(?<![^\W_])[a-z]\ ?=){0,24}",
    re.IGNORECASE | re.VERBOSE,
)
_APART = re.compile(r"[\s,;]+")
_SUM = re.compile(r"[^A-Za-z(=≈\n]{0,60}[=≈]")
_OPERATOR = re.compile(r"[-+*/×÷·−^]")


@dataclass(frozen=True, slots=True)
class Found:
    """An answer in a text."""

    text: str
    """A choice as it is declared, a number in plain notation."""
    end: int


def number_answers(text: str, where: str, stated: bool = False) -> list[Found]:
    """The numbers of a `plain` text that may be the answer, in order; with `stated` none but those it states.

    What is stated comes before all else: `Answer: 42`, `the answer is $42`, `#### 42`, `\\boxed{42}`; of several the
    last one, or the first if that is `where`. A line after `Answer:` without a number is an answer that cannot be read:
    then only numbers behind it count. Where nothing is stated, and for `any`, all numbers of the text count.
    """
    if where == "any" and not stated:
        return _located(numbers(text))
    statements = sorted((*_announced(text), *_boxed(text), *_hashed(text)), key=lambda statement: statement[0])
    for _, read in statements if where == "first" else reversed(statements):
        if (answer := read()) is not None:
            return answer
    return [] if stated else _located(numbers(text))


Statement = tuple[int, Callable[[], list[Found] | None]]
"""Its place, and the number that it states: empty if it cannot be read, None if it is no statement after all."""


def _announced(text: str) -> Iterator[Statement]:
    announced = list(_ANNOUNCED.finditer(text))
    ends = (*(match.start() for match in announced[1:]), len(text))
    for match, end in zip(announced, ends, strict=False):
        yield match.end(), partial(_number_after, text, match.end(), end, match["link"] in ":：")


def _number_after(text: str, start: int, end: int, colon: bool) -> list[Found] | None:
    """Of the line that begins at `start`, or of the next one if there is nothing on it."""
    tail = text[start : min(end, start + _LINE)]
    said = tail.lstrip(" \t*_`\n")
    line = tail[: len(tail) - len(said)] + said.split("\n", 1)[0]
    there = numbers(line)
    if there and _DIRECT.fullmatch(line, 0, there[0].start):
        return _located([_worked_out(line, there)], start)
    if not colon or not said.strip():
        return None
    return _located(there[-1:], start) if there else _located(numbers(text[start + len(line) :]), start + len(line))


def _worked_out(line: str, there: Sequence[Number]) -> Number:
    """The first of these numbers; the last result where it begins a sum: `30 * 3 = 90`."""
    result = there[0]
    while (equals := _SUM.match(line, result.end)) and _OPERATOR.search(equals[0]):
        following = next((number for number in there if number.start >= equals.end()), None)
        if following is None:
            break
        result = following
    return result


def _boxed(text: str) -> Iterator[Statement]:
    for match in BOXED.finditer(text):
        yield match.start(), partial(_in_box, match)


def _in_box(boxed: re.Match[str]) -> list[Found] | None:
    inside = numbers(boxed[1])
    return [Found(inside[-1].text, boxed.end())] if inside else None


def _hashed(text: str) -> Iterator[Statement]:
    for match in _HASHES.finditer(text):
        yield match.start(), partial(_after_hashes, match)


def _after_hashes(hashed: re.Match[str]) -> list[Found] | None:
    """`#### 42` is an answer, `#### 2. The sum` a heading."""
    there = numbers(hashed[1])
    alone = len(there) == 1 and _DIRECT.fullmatch(hashed[1], 0, there[0].start)
    return _located(there, hashed.start(1)) if alone and _UNIT.fullmatch(hashed[1], there[0].end) else None


def _located(there: Sequence[Number], offset: int = 0) -> list[Found]:
    return [Found(number.text, number.end + offset) for number in there]


def groups(text: str, pattern: str, ignore_case: bool) -> list[Found]:
    """The first group of every match of `pattern`, or the whole match where it has no group."""
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else re.NOFLAG)
    group = 1 if compiled.groups else 0
    return [Found(match[group] or "", match.end()) for match in compiled.finditer(text)]


def distribution(text: str, allowed: Sequence[str]) -> tuple[float, ...] | str:
    """The probability that a `plain` text states for each choice, as it states them last, or why there is none.

    A choice is followed by its number, with `:`, `=` or `is` between them if anything: `A: 0.7`, `"B" = 20%`; a small
    letter needs one of these. Percent signs divide by 100. Every choice needs a number; what sums to within `SUM_OFF`
    of one is divided by its sum.
    """
    exact = {plain(choice).casefold(): choice for choice in allowed}
    by_length = sorted((plain(choice) for choice in allowed), key=len, reverse=True)
    stated = re.compile(
        rf"(?<!\w)({'|'.join(map(re.escape, by_length))})[\"'*)\]`$]{{0,3}}\s{{0,3}}([:=：]|is\b)?[\s*`$]{{0,3}}"
        r"([0-9]{1,3}(?:[.,][0-9]{1,12})?|\.[0-9]{1,12})(?![0-9.]*[0-9])\s?(\\?[%％])?",
        re.IGNORECASE,
    )
    probabilities: dict[str, float] = {}
    for match in stated.finditer(text):
        if match[2] or not (len(match[1]) == 1 and match[1].islower()):
            probabilities[exact[match[1].casefold()]] = float(match[3].replace(",", ".")) / (100 if match[4] else 1)
    missing = [choice for choice in allowed if choice not in probabilities]
    if missing:
        return f"no probability is stated for {', '.join(missing)}"
    total = math.fsum(probabilities.values())
    if abs(total - 1) > SUM_OFF:
        return f"the probabilities sum to {total:g}, not to 1"
    return tuple(probabilities[choice] / total for choice in allowed)


def vector(text: str) -> list[float]:
    """The numbers between the last pair of square brackets of a `plain` text, or all numbers where there are none.

    A comma or a blank ends a number: `[1,200]` holds two.
    """
    inside = text.rpartition("[")[2].partition("]")
    parts = _APART.split(inside[0] if inside[1] else text)
    return [number.value for part in parts for number in numbers(part)]
