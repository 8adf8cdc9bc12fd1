"""A plausible reply to any prompt of agentlab: valid JSON for a schema, verdicts for a judge's form, mails, an output.

Every choice comes from the request's stream, so the same call always gets the same reply. The scores of a judge come
from its stream and the text that it reads: they are noise, and measure nothing.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from agentlab.models.simulated.teamwork import teamwork
from agentlab.models.simulated.tool_use import call, called, offered
from agentlab.types import Completion, Request, TokenLogprob

Schema = Mapping[str, Any]

FORM = re.compile(
    r'<verdict criterion="([^"<>]+)"><reason>[^<]*</reason><score>[^<]*?from (-?\d+) to (-?\d+)</score></verdict>'
)
"""A rubric's line to be filled in: criterion, lowest and highest score."""

CHOICE = re.compile(
    r'<verdict criterion="([^"<>]+)"><reason>[^<]*</reason><score>(\w+(?:, \w+)* or \w+)</score></verdict>'
)
"""A line of a judge of two to be filled in: criterion, and the words to choose from."""

_SCALE = re.compile(r"\bfrom (-?\d+|[A-Z]) to (-?\d+|[A-Z])\b")
_CONTACTS = re.compile(r"^You may write to: (.+)$", re.MULTILINE)
_STARTS = ("Our view is that", "One option is that", "It seems clear that", "The figures suggest that", "We agree that")
_SUBJECTS = ("the plan", "the client", "a smaller mailing", "the current offer", "the budget")
_VERBS = ("saves money", "needs a second look", "should go ahead", "carries some risk", "answers the question")
_DEPTH = 8
"""Below this depth only required properties are filled in, so that a recursive schema ends."""


class RandomNumbers:
    """Numbers from a stream, one after the other."""

    __slots__ = ("_count", "_seed")

    def __init__(self, stream: int) -> None:
        self._seed = (stream & (2**63 - 1)).to_bytes(8)
        self._count = 0

    def below(self, many: int) -> int:
        """A whole number from 0 to many - 1."""
        self._count += 1
        drawn = blake2b(self._seed, digest_size=8, salt=self._count.to_bytes(4)).digest()
        return int.from_bytes(drawn) % max(1, many)

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.below(len(items))]


def reply(request: Request) -> Completion:
    """The reply's text and log-probabilities; the caller counts tokens."""
    draws, settings = RandomNumbers(_stream(request)), request.settings
    last = request.chat[-1].content if request.chat else ""
    if settings.schema is not None:
        return Completion(json.dumps(value(settings.schema, draws)))
    if settings.logprobs is not None:
        return token(scale(last), draws, settings.logprobs)
    if '<verdict criterion="' in last and (form := FORM.findall(last)):
        return Completion(
            "\n".join(verdict(name, str(_between(int(low), int(high), draws)), draws) for name, low, high in form)
        )
    if '<verdict criterion="' in last and (lines := CHOICE.findall(last)):
        chosen = ((name, draws.pick(re.split(", | or ", words))) for name, words in lines)
        return Completion("\n".join(verdict(name, word, draws) for name, word in chosen))
    return _talk(request, draws)


def _stream(request: Request) -> int:
    """The call's stream; for a judge mixed with the text that it reads, as arms share the streams of their judges.

    Its scores are noise, and without the text they would be the same noise in every arm.
    """
    stream = request.where.stream
    if request.where.purpose == "agent":
        return stream
    read = "\0".join(entry.content for entry in request.chat).encode("utf-8", "surrogatepass")
    return stream ^ int.from_bytes(blake2b(read, digest_size=8).digest())


def verdict(name: str, score: str, draws: RandomNumbers) -> str:
    """A filled-in line of a judge's form."""
    return f'<verdict criterion="{name}"><reason>{sentence(draws)}</reason><score>{score}</score></verdict>'


def tokens(text: str) -> int:
    """What a simulated reply is counted as: four tokens for three words."""
    return max(1, (blanks(text) + 1) * 4 // 3)


@lru_cache(maxsize=1024)
def blanks(text: str) -> int:
    """How many there are in a text; cached, since later prompts show the same texts again."""
    return text.count(" ")


def sentence(draws: RandomNumbers) -> str:
    return f"{draws.pick(_STARTS)} {draws.pick(_SUBJECTS)} {draws.pick(_VERBS)}."


def scale(text: str) -> tuple[str, ...]:
    """The one-token answers that the last stated `from L to H` allows; 1 to 7 when none is stated."""
    scales = _SCALE.findall(text[-4000:])
    low, high = scales[-1] if scales else ("1", "7")
    if low.isalpha() and high.isalpha():
        return tuple(chr(code) for code in range(ord(low), ord(high) + 1)) or ("A",)
    if low.isalpha() or high.isalpha() or not 0 <= int(high) - int(low) <= 100:
        return tuple("1234567")
    return tuple(str(number) for number in range(int(low), int(high) + 1))


def token(answers: Sequence[str], draws: RandomNumbers, most: int) -> Completion:
    """One token of `answers` with made-up probabilities that sum to 0.98: the rest is other words."""
    weights = [1 + draws.below(100) for _ in answers]
    return weighed(
        {answer: 0.98 * weight / sum(weights) for answer, weight in zip(answers, weights, strict=True)}, draws, most
    )


def weighed(chances: Mapping[str, float], draws: RandomNumbers, most: int) -> Completion:
    """One token drawn from `chances`, with the likeliest `most` of them listed as alternatives."""
    point, chosen = draws.below(2**53) / 2**53 * sum(chances.values()), next(iter(chances))
    for answer, chance in chances.items():
        point -= chance
        if point < 0:
            chosen = answer
            break
    ranked = sorted(((a, math.log(p)) for a, p in chances.items() if p > 0), key=lambda entry: (-entry[1], entry[0]))
    return Completion(chosen, logprobs=(TokenLogprob(chosen, math.log(chances[chosen]), tuple(ranked[:most])),))


def value(schema: Schema, draws: RandomNumbers, root: Schema | None = None, depth: int = 0) -> Any:
    """A random JSON value that satisfies a schema without `pattern`, `format` and conditions."""
    root = schema if root is None else root
    if "$ref" in schema:
        return value(_at(root, schema["$ref"]), draws, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draws.pick(schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            options = schema[several]
            # Deep down the last option is taken: that is where `null` stands in a generated schema.
            return value(options[-1] if depth > _DEPTH else draws.pick(options), draws, root, depth + 1)
    if "allOf" in schema:
        merged = {key: part[key] for part in schema["allOf"] for key in part}
        return value(merged, draws, root, depth + 1)
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind == "object":
        required = set(schema.get("required", ()))
        fields = {n: s for n, s in schema.get("properties", {}).items() if depth <= _DEPTH or n in required}
        return {name: value(inner, draws, root, depth + 1) for name, inner in fields.items()}
    if kind == "array":
        fewest = schema.get("minItems", 0 if depth > _DEPTH else 1)
        many = _between(fewest, min(schema.get("maxItems", fewest + 2), fewest + 2), draws)
        return [value(schema.get("items", {}), draws, root, depth + 1) for _ in range(many)]
    return _scalar(kind, schema, draws)


def _scalar(kind: str, schema: Schema, draws: RandomNumbers) -> Any:
    if kind == "boolean":
        return draws.below(2) == 1
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        return _number(kind, schema, draws)
    text = sentence(draws)
    shortest = schema.get("minLength", 0)
    while len(text) < shortest:
        text += f" {sentence(draws)}"
    return text[: schema.get("maxLength", max(shortest, 200))]


def _number(kind: str, schema: Schema, draws: RandomNumbers) -> int | float:
    step = schema.get("multipleOf", 1 if kind == "integer" else None)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    low = (0 if high is None else min(0, high - 10)) if low is None else low
    high = low + 10 if high is None else high
    if step:
        first = math.ceil(low / step) + ("exclusiveMinimum" in schema and low % step == 0)
        last = math.floor(high / step) - ("exclusiveMaximum" in schema and high % step == 0)
        number = _between(first, last, draws) * step
        return int(number) if kind == "integer" else number
    return low + (high - low) * (1 + draws.below(998)) / 1000


def _talk(request: Request, draws: RandomNumbers) -> Completion:
    text = sentence(draws)
    system = request.chat[0].content if request.chat and request.chat[0].role == "system" else ""
    if match := _CONTACTS.search(system):
        contacts = [name.strip(" .`\"'") for name in match[1].split(",")]
        if draws.below(10) < 7:
            to, subject = draws.pick(contacts), draws.pick(_SUBJECTS)
            text += f'\n<mail to="{to}" subject="{subject}">{sentence(draws)}</mail>'
    tools, last = offered(request), request.chat[-1].content if request.chat else ""
    if tools or any(tag in system for tag in ("<done ", "<ticket ", "<review ", "<file ")):
        deeds = teamwork(system, last, tools, draws.below, lambda: sentence(draws))
        if deeds and all(deed.tool in tools for deed in deeds):
            return called(request, [call(i, deed.tool, deed.arguments) for i, deed in enumerate(deeds)], text)
        text += "\n" + "\n".join(deed.block for deed in deeds)
    if "<output>" in system and draws.below(10) < 3:
        text += f"\n<output>{sentence(draws)} {sentence(draws)}</output>"
    return Completion(text)


def _between(low: int, high: int, draws: RandomNumbers) -> int:
    return low + draws.below(max(1, high - low + 1))


def _at(root: Schema, reference: str) -> Schema:
    schema: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        schema = schema[part] if part else schema
    return schema
