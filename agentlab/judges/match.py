"""A judge without a model: is the answer that a task declares found in the output? One criterion, from 0 to 1."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from agentlab.answers import find_answer as find
from agentlab.answers.find_answer import Found
from agentlab.answers.find_choice import choice_answers
from agentlab.answers.numerals import numbers, plain
from agentlab.answers.pattern import pattern_problem
from agentlab.interfaces import Judge, JudgeClient
from agentlab.judges.config import Flaw, JudgeConfig
from agentlab.judges.facts import JudgeTraits
from agentlab.types import JudgeInput, Task, Verdict

CHOOSING = ("choice", "probabilities")
_OPEN_LIST = re.compile(r"(?:[,/&;]|\b(?:or|and))$", re.IGNORECASE)
"""The end of a text in which another answer was to follow."""


class MatchConfig(JudgeConfig):
    """Compares what an output says with the task's target."""

    traits: ClassVar[JudgeTraits] = JudgeTraits(target=True, repeats="the judge does not use a model")

    kind: Literal["match"] = Field(description="Compares the output with the task's target, without a model.")
    by: Literal["exact", "number", "choice", "regex", "probabilities", "vector"] = Field(
        description="What is compared with the target. exact: the whole output; number: the number that the "
        "output states, "
        "or else the last number in it; choice: the one of `choices` that the output settles on; regex: "
        "the first group of `pattern`, or any match if the pattern has no group; probabilities: the "
        "output states a probability for each of `choices`, and the score is the probability of the "
        "target; vector: the numbers in square brackets, within `tolerance` of the target."
    )
    criterion: str = Field(default="correct", pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", description="Name of the criterion.")
    target: str | None = Field(default=None, description="The task field that contains the target, if not `target`.")
    where: Literal["first", "last", "any"] = Field(
        default="last",
        description="Which of several numbers, choices, or groups counts. A stated one (`Answer: 42`) takes "
        "precedence; `any` accepts any of them.",
    )
    ignore_case: bool = Field(default=True, description="Whether to ignore case.")
    ignore_space: bool = Field(default=True, description="Whether to treat any run of whitespace as one space.")
    tolerance: float = Field(
        default=0.0, ge=0, description="Maximum distance between numbers or vectors that count as equal."
    )
    choices: tuple[str, ...] = Field(default=(), description="The choices: letters, digits in quotes, or words.")
    pattern: str | None = Field(default=None, description="A regular expression of Python's `re`.")
    max_chars: int = Field(
        default=20_000,
        ge=1,
        description="Maximum length of an output that `regex` searches; a longer one gets the outcome `truncated`. "
        "This limits slow expressions.",
    )

    def names(self) -> tuple[str, ...]:
        """The one criterion."""
        return (self.criterion,)

    def counted(self) -> tuple[str, ...]:
        """The one criterion."""
        return (self.criterion,)

    def scale(self, criterion: str) -> tuple[float, float]:
        """0 is wrong, 1 is right."""
        return 0.0, 1.0

    def build(self, name: str) -> Judge:
        """The judge, under the name by which a scenario lists it."""
        return Match(name, self)

    def compares(self) -> bool:
        """Whether there is a target; a pattern without a group only asks whether it is found."""
        return self.by != "regex" or re.compile(self.pattern or "").groups > 0

    def misfit(self, task: Task) -> Flaw | None:
        """A target that is not there, or cannot be compared."""
        if not self.compares() or target_of(self, task) is not None:
            return None
        path = ("target",) if self.target is None else ("fields", self.target)
        value = task.target if self.target is None else task.fields.get(self.target)
        if value is None:
            return path, f"no {'.'.join(path)}", "the right answer"
        wanted = {"number": "one number", "vector": "numbers", **dict.fromkeys(CHOOSING, ", ".join(self.choices))}
        return (
            path,
            f"the target {value!r} with by: {self.by}",
            wanted.get(self.by, "it in quotes, as an output spells it"),
        )

    def mistakes(self) -> list[Flaw]:
        """Options that belong to another `by`, options that are missing, and expressions that could run for hours."""
        flaws: list[Flaw] = []
        if self.by in CHOOSING and len(self.choices) < 2:
            flaws.append((("choices",), f"{len(self.choices)} choices", "two or more, such as [A, B, C]"))
        if self.by == "regex" and self.pattern is None:
            flaws.append((("pattern",), "no pattern", "a regular expression, such as 'answer: (\\d+)'"))
        belongs = {"choices": CHOOSING, "pattern": ("regex",), "tolerance": ("number", "vector")}
        for option, kinds in belongs.items():
            if option in self.model_fields_set and self.by not in kinds:
                flaws.append(((option,), f"{option} with by: {self.by}", f"no {option}, or by: {' or '.join(kinds)}"))
        if self.by == "choice" and self.where == "any":
            flaws.append((("where",), "any of the choices named", "first or last, since one choice is the answer"))
        if self.pattern is not None and (problem := pattern_problem(self.pattern)):
            flaws.append((("pattern",), problem, "an expression that always ends soon"))
        return flaws


@dataclass(slots=True)
class Match:
    """Scores 1 or 0; its `label` is the answer that it read: a number in plain notation, a choice as it is declared.

    An output in which no answer can be read is `unparsed`, or `truncated` where a length limit cut it off: then only an
    answer that it states, and that ends before its last words, is read. A pattern without a group asks whether it is
    there, so that not found is 0. Of stated probabilities the score is what the target is given, and of these as of
    vectors the label is JSON. A task without a target is an `error`; a rollout without output is `absent`.
    """

    name: str
    config: MatchConfig
    draws: int = 1
    model: str | None = None
    criteria: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.criteria = self.config.names()

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        return [self.judge(judge_input)]

    def judge(self, judge_input: JudgeInput) -> Verdict:
        """The verdict, which needs no model and no random stream."""
        config, text = self.config, judge_input.output
        if text is None or not text.strip():
            return Verdict(config.criterion, "absent", reason="there is no output to judge")
        if config.by == "regex" and len(text) > config.max_chars:
            reason = f"{len(text)} characters to search, more than max_chars: {config.max_chars}"
            return Verdict(config.criterion, "truncated", reason=reason)
        target = target_of(config, judge_input.task) if config.compares() else ""
        if target is None:
            named = "target" if config.target is None else f"field {config.target!r}"
            reason = f"task {judge_input.task.id!r} has no {named} that can be compared by {config.by}"
            return Verdict(config.criterion, "error", reason=reason)
        text = text if config.by in ("exact", "regex") else plain(text)
        verdict = _read(config, _before_cut(text, config) if judge_input.cut else text, target, judge_input.cut)
        if judge_input.cut and (verdict.outcome == "unparsed" or (verdict.value == 0 and not config.compares())):
            reason = f"the output was cut off before it stated an answer: {verdict.reason}"
            return replace(verdict, outcome="truncated", value=None, reason=reason)
        return verdict


def target_of(config: MatchConfig, task: Task) -> str | None:
    """The target as text, a vector as JSON; None when the task has none, or none of the right sort."""
    fields: Mapping[str, Any] = task.fields
    value: Any = task.target if config.target is None else fields.get(config.target)
    if config.by == "vector":
        values = find.vector(plain(value) if isinstance(value, str) else json.dumps(value))
        return json.dumps(values) if values else None
    spelled = config.by in ("exact", "regex")
    if not isinstance(value, str | int | float) or (spelled and isinstance(value, float)):
        return None  # a number among the fields has lost its spelling: `0.10` is `0.1`
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    if config.by == "number":
        return text if len(numbers(plain(text))) == 1 else None
    if config.by in CHOOSING:
        return next((choice for choice in config.choices if plain(choice).casefold() == plain(text).casefold()), None)
    return text or None


def _before_cut(text: str, config: MatchConfig) -> str:
    """A cut text without its last word, which may be a part of one; nothing of a list of choices that goes on."""
    kept = text.rstrip()
    kept = kept[: max(kept.rfind(blank) for blank in " \t\n") + 1].rstrip()
    return "" if config.by == "choice" and _OPEN_LIST.search(kept[-8:]) else kept


def _read(config: MatchConfig, text: str, target: str, cut: bool) -> Verdict:
    if config.by == "probabilities":
        return _weighed(config, text, target)
    if config.by == "vector":
        return _near(config, text, json.loads(target), cut)
    candidates = _answers(config, text, cut)
    answers = [answer.text for answer in candidates if not cut or answer.end < len(text)]
    if not answers:
        reason = _unread(config)
        compared = config.compares()
        return Verdict(config.criterion, "unparsed" if compared else "scored", None if compared else 0.0, None, reason)
    hits = [answer for answer in answers if not config.compares() or _equal(config, answer, target)]
    return Verdict(config.criterion, "scored", float(bool(hits)), (hits or answers)[-1][:200])


def _unread(config: MatchConfig) -> str:
    if config.by == "choice":
        return f"it settles on none of {', '.join(config.choices)}"
    return f"no {'match' if config.by == 'regex' else config.by} was found"


def _weighed(config: MatchConfig, text: str, target: str) -> Verdict:
    stated = find.distribution(text, config.choices)
    if isinstance(stated, str):
        return Verdict(config.criterion, "unparsed", reason=stated)
    by_choice = dict(zip(config.choices, stated, strict=True))
    return Verdict(config.criterion, "scored", by_choice[target], json.dumps(by_choice))


def _near(config: MatchConfig, text: str, target: list[float], cut: bool) -> Verdict:
    values = [] if cut and "]" not in text else find.vector(text)
    if len(values) != len(target):
        return Verdict(
            config.criterion, "unparsed", reason=f"{len(values)} numbers, where the target has {len(target)}"
        )
    near = math.dist(values, target) <= config.tolerance + 1e-9 * max(map(abs, target))
    return Verdict(config.criterion, "scored", float(near), json.dumps(values))


def _answers(config: MatchConfig, text: str, cut: bool) -> Sequence[Found]:
    """Those that `where` takes; of a cut text only what it states."""
    match config.by:
        case "exact":
            answers = [Found(text.strip(), len(text))]
        case "number":
            answers = find.number_answers(text, config.where, cut)
        case "choice":
            answers = choice_answers(text, config.choices, config.where, cut)
        case "regex":
            answers = find.groups(text, config.pattern or "", config.ignore_case)
        case "probabilities" | "vector":
            answers = list[Found]()
    return answers if config.where == "any" else answers[:1] if config.where == "first" else answers[-1:]


def _equal(config: MatchConfig, answer: str, target: str) -> bool:
    if config.by == "number":
        a, b = Decimal(answer), Decimal(numbers(plain(target))[0].text)
        rounding = (
            0 if a == a.to_integral_value() and b == b.to_integral_value() else Decimal("1e-9") * max(abs(a), abs(b))
        )
        return abs(a - b) <= Decimal(config.tolerance) + rounding
    return _plain(config, answer) == _plain(config, target)


def _plain(config: MatchConfig, text: str) -> str:
    text = " ".join(text.split()) if config.ignore_space else text.strip()
    return text.casefold() if config.ignore_case or config.by == "choice" else text
