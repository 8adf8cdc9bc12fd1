"""The YAML of a judge that says whether two outputs on one task come to the same answer, whatever their wording."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from agentlab.judges.choice import ChoiceConfig, ChoiceScoring
from agentlab.judges.config import Part
from agentlab.judges.facts import JudgeTraits
from agentlab.judges.known_pairs import AnchorPair, anchor_pair

SAME = "same"
"""Its one criterion: 1 for the same answer, 0 for another one."""
VALUES = {"yes": 1.0, "no": 0.0}

DEFAULT_PROMPT = """You decide whether two answers to one task, A and B, are the same answer. They are the same when
whoever asked would act alike on either. Wording, order, length, tone and layout make no difference."""
QUESTION = "Do the two come to the same answer?"
ASK = "Compare the two outputs above."


class EquivalentAnchors(Part):
    """Pairs of texts on one task of which it is known whether they are the same answer."""

    task: str = Field(min_length=1, description="The task that these texts answer.")
    same: tuple[tuple[str, str], ...] = Field(min_length=1, description="Pairs that are the same answer.")
    different: tuple[tuple[str, str], ...] = Field(min_length=1, description="Pairs that are different answers.")


class EquivalenceConfig(ChoiceConfig):
    """A model says whether two outputs come to the same answer."""

    traits: ClassVar[JudgeTraits] = JudgeTraits(two="same")

    kind: Literal["equivalence"] = Field(description="Sorts the outputs of one task and condition into groups.")
    prompt: str = Field(
        default=DEFAULT_PROMPT, description="System prompt: who the judge is, and what counts as the same answer."
    )
    question: str = Field(default=QUESTION, min_length=1, description="The question, answered with yes or no.")
    anchors: Mapping[str, EquivalentAnchors] = Field(
        default_factory=dict[str, EquivalentAnchors],
        description="Pairs known to be the same answer or different answers, by family of tasks.",
    )

    def names(self) -> tuple[str, ...]:
        """Its one criterion."""
        return (SAME,)

    def counted(self) -> tuple[str, ...]:
        """Its one criterion."""
        return (SAME,)

    def build(self, name: str) -> ChoiceScoring:
        """The judge of two outputs, under the name by which a scenario lists it."""
        return self.asking(name, 1, {SAME: self.question}, VALUES, ASK)

    def compared(self, factors: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
        """No arms: it sorts the outputs of each arm by themselves."""
        return []

    def anchor_pairs(self) -> tuple[AnchorPair, ...]:
        """Those that are the same answer, then those that are not."""
        pairs = list[AnchorPair]()
        for family, known in self.anchors.items():
            pairs += [anchor_pair(family, known.task, "same", str(i), pair) for i, pair in enumerate(known.same)]
            pairs += [
                anchor_pair(family, known.task, "different", str(i), pair) for i, pair in enumerate(known.different)
            ]
        return tuple(pairs)
