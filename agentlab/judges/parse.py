"""Reads scores out of what a judge answered: total, linear in the text, and without any default."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from agentlab.organization.tags import parse
from agentlab.types import TokenLogprob

_FENCE = re.compile(r"```[\w+-]{0,20}[ \t]{0,20}\n(.*?)```", re.DOTALL)
_WHOLE = re.compile(r"[+-]?[0-9]{1,6}")
_WORD_MARKS = " \t\r\n\u2581\u0120"
"""Blanks, and the signs that two families of tokenizers print for a leading blank."""


class WholeNumbers(Struct, frozen=True):
    """Scores that are whole numbers from `low` to `high`."""

    low: int
    high: int

    def read(self, score: Any) -> int | None:
        """The number that a text or a JSON value states; None when it states none of them."""
        if isinstance(score, str):
            number = int(score) if _WHOLE.fullmatch(score) else None
        else:
            whole = isinstance(score, int | float) and not isinstance(score, bool) and score == score // 1
            number = int(score) if whole else None
        return number if number is not None and self.low <= number <= self.high else None

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


class WordScores(Struct, frozen=True):
    """Scores that are one of a few words, whatever their capitals; what is read is the word's place."""

    words: tuple[str, ...]

    def read(self, score: Any) -> int | None:
        """The place of the word, from 0; None when it is none of them."""
        known = {word.casefold(): i for i, word in enumerate(self.words)}
        return known.get(score.strip(" .").casefold()) if isinstance(score, str) else None

    def __str__(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"


Scale = WholeNumbers | WordScores


class ParsedScore(Struct, frozen=True):
    """A score on the scale (a word as its place), with its reason."""

    score: int
    reason: str | None


class Problem(Struct, frozen=True):
    """Why no score could be read; `missing` when the criterion was not answered at all."""

    text: str
    missing: bool = False


MISSING = Problem("no verdict was given", missing=True)


def from_text(text: str, names: Sequence[str], low: int, high: int) -> dict[str, ParsedScore | Problem]:
    """`texts` with whole numbers for scores."""
    return texts(text, names, WholeNumbers(low, high))


def texts(text: str, names: Sequence[str], scale: Scale) -> dict[str, ParsedScore | Problem]:
    """Reads `<verdict criterion="…"><reason>…</reason><score>…</score></verdict>` for each of `names`.

    Two verdicts on one criterion with different scores are a problem; verdicts on other criteria are passed over.
    """
    known = {name.casefold(): name for name in names}
    scores: dict[str, ParsedScore | Problem] = dict.fromkeys(names, MISSING)
    for block in parse(text):
        name = known.get(block.attributes.get("criterion", "").casefold()) if block.tag == "verdict" else None
        if name is not None:
            mark = _from_body(block.body, scale)
            scores[name] = _merge(scores[name], mark)
    return scores


def objects(text: str, names: Sequence[str], scale: Scale) -> dict[str, ParsedScore | Problem]:
    """Reads a JSON object `{criterion: {reason, score}}`, bare or in code fences; other text answers nothing.

    Two fenced objects with different scores on one criterion are a problem.
    """
    scores: dict[str, ParsedScore | Problem] = dict.fromkeys(names, MISSING)
    whole = _object(text)
    for answers in [whole] if whole is not None else [_object(fence[1]) or {} for fence in _FENCE.finditer(text)]:
        for name in names:
            if name in answers:
                scores[name] = _merge(scores[name], _from_answer(answers[name], scale))
    return scores


def from_tokens(tokens: Sequence[TokenLogprob], low: int, high: int) -> tuple[dict[int, float], float]:
    """Probabilities of the points of a one-digit scale at the first token, and their sum before it was made one.

    `p(d) = sum of exp(logprob) over the tokens that read d with blanks stripped`; the mass is `sum_d p(d)`, and the
    result is `p / mass` (empty with mass 0). Tokens outside the returned alternatives count as probability 0.
    """
    weights = dict.fromkeys(range(low, high + 1), 0.0)
    if tokens:
        first = tokens[0]
        alternatives = {first.token: first.logprob} | dict(first.top)
        for token, logprob in alternatives.items():
            digit = token.strip(_WORD_MARKS)
            if len(digit) == 1 and digit in "0123456789" and int(digit) in weights and not math.isnan(logprob):
                weights[int(digit)] += math.exp(min(logprob, 0.0))
    mass = sum(weights.values())
    return ({d: w / mass for d, w in weights.items()} if mass > 0 else {}), min(mass, 1.0)


def _object(text: str) -> dict[str, Any] | None:
    try:
        tree: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", tree) if isinstance(tree, dict) else None


def _from_body(body: str | None, scale: Scale) -> ParsedScore | Problem:
    if body is None:
        return Problem("</verdict> is missing", missing=True)
    reason, score = None, None
    for block in parse(body):
        if block.tag == "reason" and reason is None:
            reason = block.body
        elif block.tag == "score" and score is None:
            score = block.body
    if score is None:
        return Problem("<score>…</score> is missing", missing=True)
    return _mark(score, reason, scale)


def _from_answer(answer: Any, scale: Scale) -> ParsedScore | Problem:
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else {}
    score, reason = fields.get("score"), fields.get("reason")
    if score is None:
        return Problem("`score` is missing", missing=True)
    if isinstance(scale, WholeNumbers) and isinstance(score, str):
        return Problem(f"score {score[:60]!r} is a text and not {scale}")
    return _mark(score, reason if isinstance(reason, str) else None, scale)


def _mark(score: Any, reason: str | None, scale: Scale) -> ParsedScore | Problem:
    value = scale.read(score)
    return Problem(f"score {str(score)[:60]!r} is not {scale}") if value is None else ParsedScore(value, reason)


def _merge(old: ParsedScore | Problem, new: ParsedScore | Problem) -> ParsedScore | Problem:
    if isinstance(old, ParsedScore) and isinstance(new, ParsedScore):
        return old if old.score == new.score else Problem(f"it was scored twice, {old.score} and {new.score}")
    if isinstance(old, Problem) and not old.missing:
        return old
    return old if isinstance(old, ParsedScore) and isinstance(new, Problem) and new.missing else new
