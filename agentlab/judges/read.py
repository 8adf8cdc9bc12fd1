"""Reads scores out of what a judge answered: total, linear in the text, and without any default."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentlab.protocols.blocks import parse
from agentlab.types import TokenLogprob

_WHOLE = re.compile(r"[+-]?[0-9]{1,6}")
_WORD_MARKS = " \t\r\n\u2581\u0120"
"""Blanks, and the signs that two families of tokenizers print for a leading blank."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A score on the scale, with its reason."""

    score: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why no score could be read; `missing` when the criterion was not answered at all."""

    text: str
    missing: bool = False


MISSING = Problem("no verdict was given", missing=True)


def from_text(text: str, names: Sequence[str], low: int, high: int) -> dict[str, Mark | Problem]:
    """Reads `<verdict criterion="…"><reason>…</reason><score>…</score></verdict>` for each of `names`.

    Two verdicts on one criterion with different scores are a problem; verdicts on other criteria are passed over.
    """
    known = {name.casefold(): name for name in names}
    found: dict[str, Mark | Problem] = dict.fromkeys(names, MISSING)
    for block in parse(text):
        name = known.get(block.attributes.get("criterion", "").casefold()) if block.tag == "verdict" else None
        if name is not None:
            mark = _from_body(block.body, low, high)
            found[name] = _merge(found[name], mark)
    return found


def from_json(text: str, names: Sequence[str], low: int, high: int) -> dict[str, Mark | Problem]:
    """Reads a JSON object `{criterion: {reason, score}}`; text that is no such object answers nothing."""
    try:
        tree: Any = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    answers: dict[str, Any] = cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}
    return {name: _from_answer(answers[name], low, high) if name in answers else MISSING for name in names}


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


def _from_body(body: str | None, low: int, high: int) -> Mark | Problem:
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
    if not _WHOLE.fullmatch(score):
        return Problem(_off(score, low, high))
    return _mark(int(score), reason, low, high)


def _from_answer(answer: Any, low: int, high: int) -> Mark | Problem:
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else {}
    score, reason = fields.get("score"), fields.get("reason")
    if score is None:
        return Problem("`score` is missing", missing=True)
    if isinstance(score, bool) or not isinstance(score, int | float) or score != score // 1:
        return Problem(_off(str(score), low, high))
    return _mark(int(score), reason if isinstance(reason, str) else None, low, high)


def _mark(score: int, reason: str | None, low: int, high: int) -> Mark | Problem:
    return Mark(score, reason) if low <= score <= high else Problem(_off(str(score), low, high))


def _off(found: str, low: int, high: int) -> str:
    return f"score {found[:60]!r} is not a whole number from {low} to {high}"


def _merge(old: Mark | Problem, new: Mark | Problem) -> Mark | Problem:
    if isinstance(old, Mark) and isinstance(new, Mark):
        return old if old.score == new.score else Problem(f"it was scored twice, {old.score} and {new.score}")
    if isinstance(old, Problem) and not old.missing:
        return old
    return old if isinstance(old, Mark) and isinstance(new, Problem) and new.missing else new
