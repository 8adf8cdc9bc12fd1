"""The YAML of a judge that says whether two outputs on one task come to the same answer, whatever their wording."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agentlab.judges.choice import ChoicePrompt, ChoiceScoring
from agentlab.judges.rubric import Flaw, Sampling
from agentlab.types import Settings

SAME = "same"
"""Its one criterion: 1 for the same answer, 0 for another one."""
VALUES = {"yes": 1.0, "no": 0.0}

DEFAULT_PROMPT = """You decide whether two answers to one task, A and B, are the same answer. They are the same when
whoever asked would act alike on either. Wording, order, length, tone and layout make no difference."""
QUESTION = "Do the two come to the same answer?"
ASK = "Compare the two outputs above."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EquivalentAnchors(_Part):
    """Pairs of texts on one task of which it is known whether they are the same answer."""

    task: str = Field(min_length=1, description="The task that these texts answer.")
    same: tuple[tuple[str, str], ...] = Field(min_length=1, description="Pairs that are the same answer.")
    different: tuple[tuple[str, str], ...] = Field(min_length=1, description="Pairs that are different answers.")


class EquivalenceConfig(_Part):
    """A model says whether two outputs come to the same answer."""

    kind: Literal["equivalence"] = Field(description="Sorts the outputs of one task and condition into groups.")
    about: str = Field(default="", description="What counts as the same, for readers.")
    prompt: str = Field(default=DEFAULT_PROMPT, description="Who the judge is, and what is the same answer.")
    question: str = Field(default=QUESTION, min_length=1, description="What it is asked; it answers yes or no.")
    scoring: Literal["text", "structured"] = Field(
        default="text", description="text: a tagged line; structured: JSON under a schema."
    )
    model: str = Field(default="judge", description="Key of `models:` in the scenario.")
    settings: Sampling = Field(default=Sampling(), description="Sampling settings of the judge's calls.")
    normalise: bool = Field(default=False, description="Whether formatting is taken out of what is compared.")
    max_chars: int | None = Field(
        default=None, ge=1, description="Most characters of both outputs; more are `truncated`, never clipped."
    )
    anchors: Mapping[str, EquivalentAnchors] = Field(
        default_factory=dict[str, EquivalentAnchors],
        description="Pairs that are known to be the same or not, by family of tasks.",
    )

    def names(self) -> tuple[str, ...]:
        """Its one criterion."""
        return (SAME,)

    def counted(self) -> tuple[str, ...]:
        """Its one criterion."""
        return (SAME,)

    def scale(self, criterion: str) -> tuple[float, float]:
        """1 for the same answer, 0 for another."""
        return 0.0, 1.0

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        sent = {name for name, value in self.settings.model_dump().items() if value is not None}
        return frozenset(sent | ({"schema"} if self.scoring == "structured" else set()))

    def build(self, name: str) -> ChoiceScoring:
        """The judge of two outputs, under the name by which a scenario lists it."""
        choice_prompt = ChoicePrompt({SAME: self.question}, VALUES, self.prompt, ASK, self.normalise)
        settings, structured = Settings(**self.settings.model_dump()), self.scoring == "structured"
        return ChoiceScoring(name, 1, self.model, choice_prompt, settings, structured, self.max_chars)

    def mistakes(self) -> list[Flaw]:
        """Nothing that the types do not say."""
        return []
