"""The section `improve` as a user writes it: a loop of sampling, judging, keeping, and training."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from agentlab.scenario.settings_fields import SettingsFields
from agentlab.scenario.values import Fields, Name, Part

MOST_GENERATIONS = 100


def _thresholds(value: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
    if value == ():
        raise ValueError("write a number, or a list with one number for each generation, such as [0.6, 0.7, 0.8]")
    return value


Threshold = Annotated[float | tuple[float, ...] | None, AfterValidator(_thresholds)]
_LIST = " A list has one value for each generation. The last one also holds for later generations."


class SplitFields(Fields):
    role: Literal["learn", "hold_out", "transfer"] = Field(
        description="What the tasks are for: learn, hold_out, or transfer. learn: rollouts on these tasks may become "
        "training rows. The last generation does not play them, because nothing is learned from it, unless `kl` names "
        "this split. hold_out: they never do, and conclusions rest on them. transfer: they never do; other kinds of "
        "tasks, to see whether what was learned helps there."
    )
    draws: int = Field(
        default=1, ge=1, le=1_000_000, description="How many rollouts each generation makes of each of these tasks."
    )
    settings: SettingsFields = Field(
        default_factory=SettingsFields,
        description="Sampling settings of the learning model on these tasks. They override those of its agents.",
    )


class TurnsFields(Fields):
    of: Literal["cast"] | tuple[str, ...] = Field(
        default="cast", description="Agents whose turns become rows. cast: all agents that use the learning model."
    )
    which: Literal["all", "last", "output"] = Field(
        default="all",
        description="all: every turn of these agents; last: the last turn of each agent; output: the turn that wrote "
        "the output.",
    )


class KeepFields(Fields):
    measure: str = Field(
        description="The measure that decides what is kept. Other measures have no effect on the training."
    )
    at_least: Threshold = Field(default=None, description="Keep rollouts with this value or more." + _LIST)
    at_most: Threshold = Field(default=None, description="Keep rollouts with this value or less." + _LIST)
    cap: int | None = Field(default=None, ge=1, description="Keep at most this many rollouts of one task.")
    dedupe: Literal["none", "text", "label"] = Field(
        default="text",
        description="Of the rollouts of a task, keep only one with the same output text, or with the same label from "
        "the judge of the measure.",
    )
    prefer: Literal["random", "shortest", "longest", "best", "diverse"] = Field(
        default="random", description="Which rollouts are kept first, where `dedupe` and `cap` do not keep all."
    )
    memory: bool = Field(
        default=False,
        description="If a generation keeps nothing of a task, the task's rows of the generation before are used again "
        "(TRICE).",
    )
    turns: TurnsFields = Field(default_factory=TurnsFields, description="Which turns of a kept rollout become rows.")

    @model_validator(mode="after")
    def _one_threshold(self) -> "KeepFields":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("write either at_least or at_most, such as `at_least: 1`")
        return self

    def threshold(self, generation: int) -> float:
        """Of the rollouts of this generation, from 0. The last value of a list holds for all later ones."""
        return self.thresholds[min(generation, len(self.thresholds) - 1)]

    @property
    def thresholds(self) -> tuple[float, ...]:
        """One for each generation, or a single one."""
        value = self.at_most if self.at_least is None else self.at_least
        assert value is not None
        return value if isinstance(value, tuple) else (value,)

    def passes(self, value: float, generation: int) -> bool:
        """Whether a rollout with this value is good enough."""
        return value >= self.threshold(generation) if self.at_most is None else value <= self.threshold(generation)


class NegativesFields(Fields):
    below: float | None = Field(
        default=None, description="Rollouts with a lower value are rejected. Default: all that are not good enough."
    )
    above: float | None = Field(
        default=None,
        description="With keep.at_most: rollouts with a higher value are rejected. Default: all that are not good "
        "enough.",
    )
    most: int = Field(default=1, ge=1, description="The maximum number of rejected replies for each kept reply.")


class HintFields(Fields):
    """Rollouts with a hint, on tasks of which nothing was kept (rationalization, as in STaR: Zelikman et al. 2022)."""

    text: str = Field(
        description="What is added to the prompt, such as 'The answer is {{target}}', with placeholders for the task's "
        "target and fields. The row that is learned from has the prompt without it."
    )
    draws: int = Field(default=1, ge=1, le=1_000_000, description="Number of such rollouts for each of these tasks.")


class FirstFields(Fields):
    """Rows on which the first generation is trained, instead of rows from the base's rollouts."""

    rows: str = Field(
        description="A file (.jsonl or .parquet), or a folder of them, relative to the scenario. Each row has "
        "`messages` (the last one is the reply), `prompt` and `completion`, or `prompt`, `chosen` and `rejected`."
    )


class ImproveFields(Fields):
    """A self-training loop."""

    policy: str = Field(default="default", description="The model that learns: an alias under models.")
    generations: int = Field(ge=1, le=MOST_GENERATIONS, description="How many times the model is trained.")
    replicates: int = Field(
        default=1, ge=1, le=1000, description="How many times the whole loop is repeated, from the base."
    )
    splits: Mapping[Name, SplitFields] = Field(
        min_length=1, description="The parts of the tasks, by the name that tasks give as their `split`."
    )
    keep: KeepFields = Field(description="Which rollouts become training rows.")
    restart_from: Literal["base", "previous"] = Field(
        default="base", description="Whether each training starts from the base or from the generation before."
    )
    by: Part = Field(description="How the model learns: kind, and the fields of that kind of trainer.")
    first: FirstFields | None = Field(
        default=None, description="Rows that were made elsewhere. The first generation is trained on them."
    )
    hint: HintFields | None = Field(
        default=None, description="Tasks of which nothing was kept are sampled again, with a hint in the prompt."
    )
    negatives: NegativesFields | None = Field(
        default=None, description="Which rollouts are rejected, for a trainer that learns from preferences."
    )
    watch: tuple[str, str] | None = Field(
        default=None, description="Two measures, the proxy first and then the truth. The analysis says when they part."
    )
    judged: Mapping[Name, tuple[Name, ...]] = Field(
        default_factory=dict[str, tuple[str, ...]],
        description="For expensive judges: the splits on which each of them scores. Other judges score all splits.",
    )
    kl: Name | None = Field(
        default=None,
        description="A split on which the distance of each generation from the base is estimated: the KL divergence. "
        "It needs a model that gives the probability of a given reply.",
    )
