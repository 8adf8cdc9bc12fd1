"""The YAML of a judge that is shown two arms' outputs on one task and draw, in both orders, and names the better."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentlab.judges.choice import ChoicePrompt, ChoiceScoring
from agentlab.judges.rubric import Flaw, Name, Sampling
from agentlab.types import Settings

VALUES = {"A": 1.0, "B": 0.0, "TIE": 0.5}
"""What a verdict is worth to the output that is shown first."""
ORDERS = 2
"""Every judge draw is so many calls: verdict draw `2 i` shows the first arm as A, `2 i + 1` as B."""

DEFAULT_PROMPT = """You are a careful and impartial reviewer. You compare two pieces of work on one task, A and B.
Which of them stands first means nothing. Length, polish and good intentions earn nothing by themselves."""
ASK = "Compare the two outputs above. Where neither is better, say TIE."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComparisonQuestion(_Part):
    """One question about the two outputs, answered by itself."""

    text: str = Field(min_length=1, description="Which of the two …? The judge answers A, B or TIE.")
    count: bool = Field(default=True, description="Whether it counts as evidence of which arm is better.")


class ComparedAnchors(_Part):
    """Texts of known worth on one task: every good one meets every bad one, and every padded one the good one it is."""

    task: str = Field(min_length=1, description="The task that these texts answer.")
    good: tuple[str, ...] = Field(min_length=1, description="Outputs that should win.")
    bad: tuple[str, ...] = Field(min_length=1, description="Outputs that should lose.")
    padded: tuple[str, ...] = Field(
        default=(), description="The good outputs again, in their order, made longer without being better."
    )


class CompareConfig(_Part):
    """A model is shown two arms' outputs in both orders and names the better one."""

    kind: Literal["compare"] = Field(description="Compares two arms' outputs on the same task and draw.")
    about: str = Field(default="", description="What this judge looks at, for readers.")
    prompt: str = Field(default=DEFAULT_PROMPT, description="Who the judge is.")
    criteria: Mapping[Name, ComparisonQuestion] = Field(min_length=1, description="The questions by name.")
    arms: Mapping[str, Annotated[tuple[tuple[str, str], ...], Field(min_length=1)]] = Field(
        default={},
        description="Pairs of levels by factor, such as {team: [[firm, solo]]}, all else equal; every pair of levels "
        "of every factor, if not said.",
    )
    scoring: Literal["text", "structured"] = Field(
        default="text", description="text: tagged lines; structured: JSON under a schema."
    )
    draws: int = Field(default=1, ge=1, description="How many independent times each pair is judged, in both orders.")
    model: str = Field(default="judge", description="Key of `models:` in the scenario.")
    settings: Sampling = Field(default=Sampling(), description="Sampling settings of the judge's calls.")
    normalise: bool = Field(
        default=False,
        description="Whether Markdown, mail headers, salutations, signatures and tags are taken out of what is judged, "
        "so that formatting does not tell the arm.",
    )
    max_chars: int | None = Field(
        default=None, ge=1, description="Most characters of both outputs; more are `truncated`, never clipped."
    )
    anchors: Mapping[str, ComparedAnchors] = Field(
        default_factory=dict[str, ComparedAnchors], description="Texts of known worth, by family of tasks."
    )

    def names(self) -> tuple[str, ...]:
        """Every question, in the order of the file."""
        return tuple(self.criteria)

    def counted(self) -> tuple[str, ...]:
        """The questions whose answers say which arm is better."""
        return tuple(name for name, question in self.criteria.items() if question.count)

    def scale(self, criterion: str) -> tuple[float, float]:
        """A win of the output shown first is 1, a loss 0, a tie one half."""
        return 0.0, 1.0

    def needs(self) -> frozenset[str]:
        """Fields of `Settings` that its model must take."""
        sent = {name for name, value in self.settings.model_dump().items() if value is not None}
        return frozenset(sent | ({"schema"} if self.scoring == "structured" else set()))

    def build(self, name: str) -> ChoiceScoring:
        """The judge of one pair in one order, under the name by which a scenario lists it."""
        lines = {criterion: question.text for criterion, question in self.criteria.items()}
        choice_prompt = ChoicePrompt(lines, VALUES, self.prompt, ASK, self.normalise)
        settings, structured = Settings(**self.settings.model_dump()), self.scoring == "structured"
        return ChoiceScoring(name, ORDERS * self.draws, self.model, choice_prompt, settings, structured, self.max_chars)

    def mistakes(self) -> list[Flaw]:
        """What the types cannot say: nothing that counts, names alike, one pair twice."""
        flaws: list[Flaw] = []
        if not self.counted():
            flaws.append((("criteria",), "no question counts", "leave `count: false` out of at least one"))
        if len({name.casefold() for name in self.criteria}) < len(self.criteria):
            flaws.append((("criteria",), "two names that differ only by case", "names that differ by more"))
        for factor, pairs in self.arms.items():
            for i, pair in enumerate(pairs):
                if pair[0] == pair[1]:
                    flaws.append((("arms", factor, i), f"{pair[0]!r} is compared with itself", "name two levels"))
                elif {*pair} in [{*other} for other in pairs[:i]]:
                    flaws.append((("arms", factor, i), f"{pair[0]} and {pair[1]} are there twice", "name a pair once"))
        return flaws


def declared(config: CompareConfig, factors: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    """Factor and both levels of every pair that is compared, the first level being a."""
    if config.arms:
        return [(factor, a, b) for factor, pairs in config.arms.items() for a, b in pairs]
    pairs = {
        factor: [(a, b) for i, a in enumerate(levels) for b in levels[i + 1 :]] for factor, levels in factors.items()
    }
    return [(factor, a, b) for factor, found in pairs.items() for a, b in found]
