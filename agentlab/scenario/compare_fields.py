"""The sections `compare` and `looks` as a user writes them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from agentlab.scenario.values import Fields, Name

Margin = Annotated[float, Field(gt=0)]


def _fractions(value: int | tuple[float, ...]) -> int | tuple[float, ...]:
    if isinstance(value, int):
        return value
    if value[-1] != 1 or value[0] <= 0 or any(b <= a for a, b in pairwise(value)):
        raise ValueError("write increasing shares of the planned pairs that end with 1, such as [0.5, 1]")
    return value


class ContrastFields(Fields):
    """One contrast: besides these fields, one factor with the two levels, `team: [firm, solo]`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, tuple[str, str]]  # pyright: ignore[reportIncompatibleVariableOverride]

    within: Mapping[Name, str] = Field(
        default={},
        description="Levels of other factors. For factors not named, there is one contrast for each "
        "combination of their levels. In a self-training loop, arms are compared in the last generation, unless "
        "another is named here, and replicates are taken together.",
    )
    measures: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default="all", description="The measures to compare, by name, or all."
    )
    margin: Margin | Mapping[Name, Margin] | None = Field(
        default=None,
        description="The largest difference that is too small to matter, in the measure's units: one for all "
        "measures, or one per measure. Required to show that arms are equivalent.",
    )

    @property
    def margins(self) -> Mapping[str, float]:
        """Those that are given by measure."""
        return self.margin if isinstance(self.margin, Mapping) else {}

    def margin_of(self, measure: str) -> float | None:
        """That of one measure."""
        return self.margin.get(measure) if isinstance(self.margin, Mapping) else self.margin

    @property
    def factors(self) -> Mapping[str, Sequence[str]]:
        """The levels by factor."""
        return self.__pydantic_extra__


class CompareFields(Fields):
    primary: Mapping[Name, ContrastFields] = Field(
        default={},
        description="The main contrasts of the experiment, by name. Their p values are adjusted by Holm's method.",
    )
    exploratory: Literal["all"] | Mapping[Name, ContrastFields] = Field(
        default="all",
        description="Further contrasts, without adjustment: all other pairs of levels, or contrasts by name.",
    )


class LooksFields(Fields):
    planned: Annotated[
        Annotated[int, Field(ge=1, le=50)] | Annotated[tuple[float, ...], Field(min_length=1, max_length=50)],
        AfterValidator(_fractions),
    ] = Field(
        description="The number of evenly spaced analyses, or the shares of the planned pairs at which to analyze, "
        "such as [0.5, 1]."
    )
    spend: Literal["obrien_fleming", "pocock"] = Field(
        default="obrien_fleming",
        description="obrien_fleming: spends little alpha early and most at the end; pocock: spends about the same at "
        "each analysis.",
    )

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the planned pairs, at which an interim analysis is due; rising to 1."""
        planned = self.planned
        return planned if isinstance(planned, tuple) else tuple((k + 1) / planned for k in range(planned))
