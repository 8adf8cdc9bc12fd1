"""The YAML of a rubric: criteria on one scale, and the anchor texts that show whether its judge can tell them apart."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentlab.interfaces import Judge
from agentlab.judges.prompt import DEFAULT_PROMPT, PLACEHOLDERS, Line, RubricPrompt, placeholders
from agentlab.judges.scoring import ExpectedScoring, WrittenScoring
from agentlab.types import Settings

Flaw = tuple[tuple[str | int, ...], str, str]
"""Path in the document, what was found, what would be right."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Points = Mapping[int, str]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scale(_Part):
    """The points a score may have: the whole numbers from `low` to `high`."""

    low: int = Field(default=1, description="Lowest score, a whole number.")
    high: int = Field(default=5, description="Highest score, a whole number.")
    labels: Points = Field(default_factory=dict[int, str], description="What single points mean for every criterion.")


class Criterion(_Part):
    """One line of a rubric, scored by itself."""

    text: str = Field(min_length=1, description="The question the judge answers with a score.")
    points: Points = Field(default_factory=dict[int, str], description="What single points mean for this criterion.")
    count: bool = Field(default=True, description="Whether a measure with `criteria: all` counts it.")


class Sampling(_Part):
    """Settings of the judge's calls; what is unset is left to `models:`."""

    temperature: float | None = Field(default=None, ge=0, description="Sampling temperature.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Nucleus sampling: probability mass kept.")
    top_k: int | None = Field(default=None, ge=1, description="Tokens sampled from.")
    max_tokens: int | None = Field(default=None, ge=1, description="Most tokens of one reply.")
    reasoning: str | int | None = Field(default=None, description="Reasoning effort or its budget in tokens.")


class Anchors(_Part):
    """Texts of known worth on one task, by which every run measures its judge."""

    task: str = Field(min_length=1, description="The task that these texts answer.")
    good: tuple[str, ...] = Field(min_length=1, description="Outputs that deserve a high score.")
    bad: tuple[str, ...] = Field(min_length=1, description="Outputs that deserve a low score.")
    empty: tuple[str, ...] = Field(default=(), description="Outputs that say nothing in fluent words.")
    padded: tuple[str, ...] = Field(default=(), description="The good outputs again, made longer without being better.")


class RubricConfig(_Part):
    """A model scores each criterion on one scale."""

    kind: Literal["rubric"] = Field(description="Scores by a model on the criteria of a rubric.")
    about: str = Field(default="", description="What this judge looks at, for readers.")
    prompt: str = Field(default=DEFAULT_PROMPT, description="Who the judge is. May use {{low}} and {{high}}.")
    span: Scale = Field(default=Scale(), alias="scale", description="The points of every criterion.")
    criteria: Mapping[Name, Criterion] = Field(min_length=1, description="The criteria by name.")
    scoring: Literal["text", "structured", "logprobs"] = Field(
        default="text",
        description="text: tagged lines; structured: JSON under a schema; logprobs: the expected score under the "
        "model's own token probabilities, one call per criterion.",
    )
    draws: int = Field(default=1, ge=1, description="How many independent times each rollout is judged.")
    model: str = Field(default="judge", description="Key of `models:` in the scenario.")
    settings: Sampling = Field(default=Sampling(), description="Sampling settings of the judge's calls.")
    show: Literal["output", "transcript"] = Field(
        default="output", description="What is judged: the output, or every message together with the output."
    )
    normalise: bool = Field(
        default=False,
        description="Whether Markdown, mail headers, salutations, signatures and tags are taken out of what is judged, "
        "so that formatting does not tell the arm.",
    )
    max_chars: int | None = Field(
        default=None, ge=1, description="Longest text to judge; a longer one is `truncated`, never clipped."
    )
    anchors: Mapping[str, Anchors] = Field(
        default_factory=dict[str, Anchors], description="Texts of known worth, by family of tasks."
    )

    def names(self) -> tuple[str, ...]:
        """Every criterion, in the order of the rubric."""
        return tuple(self.criteria)

    def counted(self) -> tuple[str, ...]:
        """The criteria that `criteria: all` means."""
        return tuple(name for name, criterion in self.criteria.items() if criterion.count)

    def scale(self, criterion: str) -> tuple[float, float]:
        """Lowest and highest possible value of a criterion."""
        return float(self.span.low), float(self.span.high)

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        sent = {name for name, value in self.settings.model_dump().items() if value is not None}
        extra = {"text": set[str](), "structured": {"schema"}, "logprobs": {"logprobs", "max_tokens"}}
        return frozenset(sent | extra[self.scoring])

    def build(self, name: str) -> Judge:
        """The judge, under the name by which a scenario lists it."""
        settings, sheet = Settings(**self.settings.model_dump()), self.sheet()
        if self.scoring == "logprobs":
            return ExpectedScoring(name, self.draws, self.model, sheet, settings, self.max_chars)
        structured = self.scoring == "structured"
        return WrittenScoring(name, self.draws, self.model, sheet, settings, structured, self.max_chars)

    def sheet(self) -> RubricPrompt:
        """What the judge's prompts are made of."""
        lines = tuple(Line(name, criterion.text, criterion.points) for name, criterion in self.criteria.items())
        return RubricPrompt(
            lines, self.span.low, self.span.high, self.span.labels, self.prompt, self.show, self.normalise
        )

    def mistakes(self) -> list[Flaw]:
        """What the types cannot say: a scale upside down, points off the scale, methods that do not fit together."""
        low, high = self.span.low, self.span.high
        flaws: list[Flaw] = []
        if not 0 < high - low <= 100:
            flaws.append((("scale", "high"), f"a scale from {low} to {high}", "2 to 101 points, the lowest first"))
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
        if len({name.casefold() for name in self.criteria}) < len(self.criteria):
            flaws.append((("criteria",), "two names that differ only by case", "names that differ by more"))
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
