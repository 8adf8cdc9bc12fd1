"""The YAML of a rubric: criteria on one scale, and the anchor texts that show whether its judge can tell them apart."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from agentlab.interfaces import Judge
from agentlab.judges.config import Anchors, AskingConfig, Criterion, Flaw, Name, Scale, alike, counting, repeated
from agentlab.judges.prompt import DEFAULT_PROMPT, PLACEHOLDERS, Line, RubricPrompt, placeholders
from agentlab.judges.scoring import ExpectedScoring, WrittenScoring

_SENT = {
    "text": frozenset[str](),
    "structured": frozenset({"schema"}),
    "logprobs": frozenset({"logprobs", "max_tokens"}),
}


class RubricAnchors(Anchors):
    """Texts of known worth on one task, with those that say nothing."""

    empty: tuple[str, ...] = Field(default=(), description="Outputs that say nothing in fluent words.")


class RubricConfig(AskingConfig):
    """A model scores each criterion on one scale."""

    kind: Literal["rubric"] = Field(description="Scores by a model on the criteria of a rubric.")
    prompt: str = Field(
        default=DEFAULT_PROMPT, description="System prompt: who the judge is. May use {{low}} and {{high}}."
    )
    span: Scale = Field(default=Scale(), alias="scale", description="The scale of every criterion.")
    criteria: Mapping[Name, Criterion] = Field(min_length=1, description="The criteria by name.")
    scoring: Literal["text", "structured", "logprobs"] = Field(
        default="text",
        description="How scores are read. text: tagged lines; structured: JSON that follows a schema; logprobs: the "
        "expected score under the model's token probabilities, with one call per criterion.",
    )
    draws: int = Field(default=1, ge=1, description="How many times each rollout is judged, independently.")
    show: Literal["output", "transcript", "files"] = Field(
        default="output",
        description="What is judged: the output; all messages and the output; or the files and the output.",
    )
    normalise: bool = Field(
        default=False,
        description="Whether to remove Markdown, mail headers, salutations, signatures, and tags before judging, so "
        "that formatting does not reveal the arm.",
    )
    anchors: Mapping[str, RubricAnchors] = Field(
        default_factory=dict[str, RubricAnchors], description="Texts of known quality, by family of tasks."
    )

    def names(self) -> tuple[str, ...]:
        """Every criterion, in the order of the rubric."""
        return tuple(self.criteria)

    def counted(self) -> tuple[str, ...]:
        """The criteria that `criteria: all` means."""
        return counting(self.criteria)

    def scale(self, criterion: str) -> tuple[float, float]:
        """Lowest and highest possible value of a criterion."""
        return float(self.span.low), float(self.span.high)

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        return super().needs() | _SENT[self.scoring]

    def repeats(self, temperature: float | None) -> str:
        """Token probabilities are the same in every draw."""
        if self.scoring == "logprobs":
            return "the judge scores by token probabilities"
        return super().repeats(temperature)

    def build(self, name: str) -> Judge:
        """The judge, under the name by which a scenario lists it."""
        rubric, settings = self.rubric(), self.sent()
        if self.scoring == "logprobs":
            return ExpectedScoring(name, self.draws, self.model, rubric, settings, self.max_chars)
        structured = self.scoring == "structured"
        return WrittenScoring(name, self.draws, self.model, rubric, settings, structured, self.max_chars)

    def rubric(self) -> RubricPrompt:
        """What the judge's prompts are made of."""
        lines = tuple(Line(name, criterion.text, criterion.points) for name, criterion in self.criteria.items())
        return RubricPrompt(
            lines, self.span.low, self.span.high, self.span.labels, self.prompt, self.show, self.normalise
        )

    def mistakes(self) -> list[Flaw]:
        """What the types cannot say: a scale upside down, points off the scale, methods that do not fit together."""
        low, high = self.span.low, self.span.high
        flaws = self.span.flaws()
        labelled: list[tuple[tuple[str | int, ...], Mapping[int, str]]] = [(("scale", "labels"), self.span.labels)]
        labelled += [(("criteria", name, "points"), criterion.points) for name, criterion in self.criteria.items()]
        for path, points in labelled:
            off = [point for point in points if not low <= point <= high]
            flaws += [
                ((*path, point), f"point {point} is off the scale", f"a point from {low} to {high}") for point in off
            ]
        flaws += [
            (("prompt",), f"no placeholder {{{{{name}}}}}", "one of " + ", ".join(f"{{{{{p}}}}}" for p in PLACEHOLDERS))
            for name in dict.fromkeys(placeholders(self.prompt))
            if name not in PLACEHOLDERS
        ]
        flaws += [*alike(self.criteria), *repeated(self.anchors)]
        return flaws + (self._token_mistakes() if self.scoring == "logprobs" else [])

    def _token_mistakes(self) -> list[Flaw]:
        flaws: list[Flaw] = []
        if self.span.low < 0 or self.span.high > 9:
            wrong = f"scoring by log-probabilities on a scale from {self.span.low} to {self.span.high}"
            flaws.append((("scoring",), wrong, "a scale within 0 to 9, whose points are one token each"))
        if self.draws > 1:
            right = "draws: 1, because the probabilities are the same every time"
            flaws.append((("draws",), f"{self.draws} draws of scoring by log-probabilities", right))
        if self.settings.reasoning is not None:
            flaws.append((("settings", "reasoning"), "reasoning before a score of one token", "no reasoning, or text"))
        if self.settings.max_tokens not in (None, 1):
            flaws.append((("settings", "max_tokens"), "more than the one token that is read", "no max_tokens"))
        return flaws
