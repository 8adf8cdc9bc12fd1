"""The YAML of a judge that is shown two arms' outputs on one task and draw, in both orders, and names the better."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentlab.judges.choice import ChoiceConfig, ChoiceScoring
from agentlab.judges.config import Anchors, Flaw, Name, Question, alike, counting, repeated
from agentlab.judges.facts import JudgeTraits
from agentlab.judges.known_pairs import AnchorPair, anchor_pair

VALUES = {"A": 1.0, "B": 0.0, "TIE": 0.5}
"""What a verdict is worth to the output that is shown first."""
ORDERS = 2
"""Every judge draw is so many calls: verdict draw `2 i` shows the first arm as A, `2 i + 1` as B."""

DEFAULT_PROMPT = """You are a careful and impartial reviewer. You compare two pieces of work on one task, A and B.
Which of them stands first means nothing. Length, polish and good intentions earn nothing by themselves."""
ASK = "Compare the two outputs above. Where neither is better, say TIE."


class CompareConfig(ChoiceConfig):
    """A model is shown two arms' outputs in both orders and names the better one."""

    traits: ClassVar[JudgeTraits] = JudgeTraits(two="better")

    kind: Literal["compare"] = Field(description="Compares the outputs of two arms on the same task and draw.")
    prompt: str = Field(default=DEFAULT_PROMPT, description="Who the judge is.")
    criteria: Mapping[Name, Question] = Field(min_length=1, description="The questions by name.")
    arms: Mapping[str, Annotated[tuple[tuple[str, str], ...], Field(min_length=1)]] = Field(
        default={},
        description="Pairs of levels by factor, such as {team: [[firm, solo]]}, with all else equal. Default: every "
        "pair of levels of every factor. Generations and replicates of a self-training loop are not compared.",
    )
    draws: int = Field(default=1, ge=1, description="How many independent times each pair is judged, in both orders.")
    anchors: Mapping[str, Anchors] = Field(
        default_factory=dict[str, Anchors], description="Texts of known worth, by family of tasks."
    )

    def names(self) -> tuple[str, ...]:
        """Every question, in the order of the file."""
        return tuple(self.criteria)

    def counted(self) -> tuple[str, ...]:
        """The questions whose answers say which arm is better."""
        return counting(self.criteria)

    def build(self, name: str) -> ChoiceScoring:
        """The judge of one pair in one order, under the name by which a scenario lists it."""
        questions = {criterion: question.text for criterion, question in self.criteria.items()}
        return self.asking(name, ORDERS * self.draws, questions, VALUES, ASK)

    def mistakes(self) -> list[Flaw]:
        """What the types cannot say: nothing that counts, names alike, one pair twice."""
        flaws: list[Flaw] = []
        if not self.counted():
            flaws.append((("criteria",), "no question counts", "leave `count: false` out of at least one"))
        flaws += [*alike(self.criteria), *repeated(self.anchors)]
        for factor, pairs in self.arms.items():
            for i, pair in enumerate(pairs):
                if pair[0] == pair[1]:
                    flaws.append((("arms", factor, i), f"{pair[0]!r} is compared with itself", "name two levels"))
                elif {*pair} in [{*other} for other in pairs[:i]]:
                    flaws.append((("arms", factor, i), f"{pair[0]} and {pair[1]} appear twice", "name a pair once"))
        return flaws

    def compared(self, factors: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
        """Factor and both levels of every pair that is compared, the first level being a."""
        pairs = self.arms or {factor: tuple(combinations(levels, 2)) for factor, levels in factors.items()}
        return [(factor, a, b) for factor, levels in pairs.items() for a, b in levels]

    def anchor_pairs(self) -> tuple[AnchorPair, ...]:
        """Every good text beside every bad one, and every padded one beside the good one that it is."""
        pairs = list[AnchorPair]()
        for family, texts in self.anchors.items():
            for (i, good), (j, bad) in product(enumerate(texts.good), enumerate(texts.bad)):
                pairs.append(anchor_pair(family, texts.task, "better", f"{i}-{j}", (good, bad)))
            longer = zip(texts.padded, texts.good, strict=False)
            pairs += [anchor_pair(family, texts.task, "padded", str(i), pair) for i, pair in enumerate(longer)]
        return tuple(pairs)
