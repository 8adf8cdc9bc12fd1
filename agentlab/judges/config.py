"""What the YAML of every judge says, and what the rest must know of a judge beside its criteria."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, StringConstraints

from agentlab.interfaces import Judge
from agentlab.judges.facts import JudgeTraits
from agentlab.strict import STRICT
from agentlab.types import Settings, Task

Flaw = tuple[tuple[str | int, ...], str, str]
"""Path in the document, what was found, what would be right."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Points = Mapping[int, str]


class Part(BaseModel):
    """A part of a judge's YAML; unknown fields are mistakes."""

    model_config = STRICT


class Scale(Part):
    """The points a score may have: the whole numbers from `low` to `high`."""

    low: int = Field(default=1, description="Lowest score, a whole number.")
    high: int = Field(default=5, description="Highest score, a whole number.")
    labels: Points = Field(
        default_factory=dict[int, str], description="What points on the scale mean, for every criterion."
    )

    def flaws(self) -> list[Flaw]:
        """A scale upside down, or too long to be scored."""
        if 0 < self.high - self.low <= 100:
            return []
        return [(("scale", "high"), f"a scale from {self.low} to {self.high}", "2 to 101 points, the lowest first")]


class Question(Part):
    """One criterion, answered by itself."""

    text: str = Field(min_length=1, description="The question that the judge answers.")
    count: bool = Field(default=True, description="Whether it counts as one of `all` criteria.")


class Criterion(Question):
    """One line of a rubric, scored by itself."""

    points: Points = Field(
        default_factory=dict[int, str], description="What points on the scale mean, for this criterion."
    )


class Sampling(Part):
    """Settings of the judge's calls; what is unset is left to `models:`."""

    temperature: float | None = Field(default=None, ge=0, description="Sampling temperature.")
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Nucleus sampling: the share of probability kept."
    )
    top_k: int | None = Field(default=None, ge=1, description="Sample from the k most likely tokens.")
    max_tokens: int | None = Field(default=None, ge=1, description="Maximum number of tokens in one reply.")
    reasoning: str | int | None = Field(default=None, description="Reasoning effort, or a reasoning budget in tokens.")


class Anchors(Part):
    """Texts of known worth on one task, by which every run measures its judge."""

    task: str = Field(min_length=1, description="The task that these texts answer.")
    good: tuple[str, ...] = Field(min_length=1, description="Outputs that deserve a high score, or to win.")
    bad: tuple[str, ...] = Field(min_length=1, description="Outputs that deserve a low score, or to lose.")
    padded: tuple[str, ...] = Field(
        default=(), description="The good outputs again, in the same order, made longer without being better."
    )


Misfit = Callable[[Task], Flaw | None]
"""Why a judge can score no output to a task, by the path in the task; None where it can."""


class JudgeConfig(Part):
    """The base of every judge's YAML; a kind adds its fields."""

    traits: ClassVar[JudgeTraits] = JudgeTraits()

    about: str = Field(default="", description="A note for readers on what this judge looks at.")

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Every criterion, in order."""

    @abstractmethod
    def counted(self) -> tuple[str, ...]:
        """The criteria that `criteria: all` means."""

    @abstractmethod
    def scale(self, criterion: str) -> tuple[float, float]:
        """Lowest and highest possible value of a criterion."""

    @abstractmethod
    def build(self, name: str) -> Judge:
        """The judge, under the name by which a scenario lists it."""

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        return frozenset()

    def mistakes(self) -> list[Flaw]:
        """What the types cannot say."""
        return []

    def repeats(self, temperature: float | None) -> str:
        """Why every draw repeats the first; empty where draws can differ. `temperature` is its model's."""
        return self.traits.repeats

    def misfit(self, task: Task) -> Flaw | None:
        """See `Misfit`."""
        return None

    def lacking(self) -> str:
        """What this machine needs for it, in a sentence; empty if nothing is missing."""
        return ""


class AskingConfig(JudgeConfig):
    """The base of the YAML of a judge that asks a model."""

    model: str = Field(default="judge", description="The model: a key of `models:` in the scenario.")
    settings: Sampling = Field(default=Sampling(), description="Sampling settings for the judge's calls.")
    max_chars: int | None = Field(
        default=None,
        ge=1,
        description="Maximum number of characters to judge. Longer texts get the outcome "
        "`truncated`; they are never clipped.",
    )

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        return frozenset(name for name, value in self.settings.model_dump().items() if value is not None)

    def sent(self) -> Settings:
        """The settings of its calls."""
        return Settings(**self.settings.model_dump())

    def repeats(self, temperature: float | None) -> str:
        """Why every draw repeats the first; empty where draws can differ. `temperature` is its model's."""
        asked = temperature if self.settings.temperature is None else self.settings.temperature
        return "the judge runs at temperature 0" if asked == 0 else ""


def counting(criteria: Mapping[str, Question]) -> tuple[str, ...]:
    """The criteria that count."""
    return tuple(name for name, criterion in criteria.items() if criterion.count)


def repeated(anchors: Mapping[str, Anchors]) -> list[Flaw]:
    """Texts that stand twice among the good and bad ones of a family: the second time they say nothing new."""
    flaws: list[Flaw] = []
    for family, texts in anchors.items():
        seen: set[str] = set()
        for role, of_role in (("good", texts.good), ("bad", texts.bad)):
            for i, text in enumerate(of_role):
                if text in seen:
                    flaws.append((("anchors", family, role, i), "a text that stands there already", "another text"))
                seen.add(text)
    return flaws


def alike(names: Collection[str]) -> list[Flaw]:
    """Criteria whose names differ only by case, which a model's answer does not tell apart."""
    if len({name.casefold() for name in names}) == len(names):
        return []
    return [(("criteria",), "two names that differ only in case", "names that differ in more than case")]
