"""The `inference:` section of a scenario: how a rollout is made of a population of particles."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agentlab.organization.likelihood import DRAW, Likelihood
from agentlab.scenario.values import Fields

MOST_PARTICLES = 10_000
OUTPUT_TEXT = "output"
"""What `vote` names to compare the outputs themselves instead of a variable."""


class SampleFields(Fields):
    sample: int = Field(
        ge=1,
        le=1000,
        description="Draws of each observed step. The share of draws with the observed value is its likelihood.",
    )


class VoteFields(Fields):
    vote: str = Field(
        min_length=1,
        description="The variable whose values are compared, or `output` for the text of the output. The value with "
        "the most weight wins.",
    )
    ties: Literal["first", "draw", "none"] = Field(
        default="first",
        description="If values tie. first: the value found first; draw: a random one; none: no output.",
    )


def _single(value: object) -> object:
    if isinstance(value, list) or value == "all":
        raise ValueError(
            "write first, draw, best, or {vote: VARIABLE}: one population gives one output. For more, raise draws"
        )
    return value


Take = Annotated[Literal["first", "draw", "best"] | VoteFields, BeforeValidator(_single)]
Scored = Literal["score"] | SampleFields


class FactorFields(Fields):
    judge: str = Field(description="A judge that no measure uses. It scores the messages so far after each round.")
    scale: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="A particle weighs exp(scale x score), where the score goes from 0 to 1. Larger values steer more.",
    )
    every: int = Field(default=1, ge=1, le=10_000, description="The judge is asked once in this many rounds.")


class SuccessFields(Fields):
    judge: str = Field(description="A judge that no measure uses. It scores the output of an attempt.")
    at_least: float = Field(
        default=1.0, ge=0, le=1, description="The score, from 0 to 1, at which an attempt is a success."
    )


class LevelFields(Fields):
    judge: str = Field(description="A judge that no measure uses. It scores the messages so far after each round.")
    at: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        min_length=1, description="The scores to reach one after another, from low to high. The last one is the event."
    )


_PARTICLES = "Particles of each rollout."
_LIKELIHOOD = "How observed steps are weighed: score (log-probabilities), or {sample: n} (the share of n draws)."
_FACTOR = "A judge that steers the particles by scoring their messages."


class ForwardFields(Fields):
    """Independent particles. An observed step is drawn, and another value rejects the particle."""

    kind: Literal["forward"] = Field(description="Independent particles.")
    particles: int = Field(default=1, ge=1, le=MOST_PARTICLES, description=_PARTICLES)
    take: Take = Field(default="first", description="The particle that becomes the output of the rollout.")


class RejectionFields(Fields):
    """Attempts until some are accepted."""

    kind: Literal["rejection"] = Field(description="Attempts until enough of them are accepted.")
    accept: int = Field(default=1, ge=1, le=MOST_PARTICLES, description="Stop at this many accepted attempts.")
    most: int = Field(default=20, ge=1, le=100_000, description="Stop at this many attempts.")
    at_once: int = Field(default=1, ge=1, le=2000, description="Attempts made at the same time.")
    success: SuccessFields | None = Field(
        default=None, description="The judge that accepts. Default: every attempt that is not rejected is accepted."
    )
    take: Take = Field(default="first", description="The accepted attempt that becomes the output of the rollout.")


class WeightingFields(Fields):
    """Independent particles, each with the weight of what it observed."""

    kind: Literal["weighting"] = Field(description="Independent particles with weights.")
    particles: int = Field(ge=1, le=MOST_PARTICLES, description=_PARTICLES)
    likelihood: Scored = Field(default="score", description=_LIKELIHOOD)
    factor: FactorFields | None = Field(default=None, description=_FACTOR)
    take: Take = Field(default="draw", description="The particle that becomes the output of the rollout.")


class SmcFields(Fields):
    """Sequential Monte Carlo: particles are resampled when their weights become uneven."""

    kind: Literal["smc"] = Field(description="Particles with weights, resampled while they run.")
    particles: int = Field(ge=2, le=MOST_PARTICLES, description=_PARTICLES)
    likelihood: Scored = Field(default="score", description=_LIKELIHOOD)
    factor: FactorFields | None = Field(default=None, description=_FACTOR)
    resample: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Resample when the effective sample size falls below this share of the particles.",
    )
    by: Literal["systematic", "multinomial", "residual"] = Field(
        default="systematic", description="How particles are resampled."
    )
    take: Take = Field(default="draw", description="The particle that becomes the output of the rollout.")


class BeamFields(Fields):
    """A search: each particle is continued in several ways, and only the heaviest ones are kept."""

    kind: Literal["beam"] = Field(description="A search that keeps the heaviest particles.")
    beams: int = Field(default=5, ge=1, le=1000, description="Particles that are kept after each weighing.")
    expand: int = Field(default=3, ge=1, le=100, description="Continuations of each particle.")
    likelihood: Scored = Field(default="score", description=_LIKELIHOOD)
    factor: FactorFields | None = Field(default=None, description=_FACTOR)
    take: Take = Field(default="best", description="The particle that becomes the output of the rollout.")


class SplittingFields(Fields):
    """Multilevel splitting with fixed effort, for rare events."""

    kind: Literal["splitting"] = Field(description="Multilevel splitting, for events too rare to wait for.")
    particles: int = Field(ge=2, le=MOST_PARTICLES, description="Particles of each level.")
    level: LevelFields = Field(description="The judge, and the scores on the way to the event.")
    take: Take = Field(default="draw", description="The particle that becomes the output of the rollout.")


InferenceFields = ForwardFields | RejectionFields | WeightingFields | SmcFields | BeamFields | SplittingFields
KINDS: Mapping[str, type[InferenceFields]] = {
    "forward": ForwardFields,
    "rejection": RejectionFields,
    "weighting": WeightingFields,
    "smc": SmcFields,
    "beam": BeamFields,
    "splitting": SplittingFields,
}


def is_plain(fields: InferenceFields | None) -> bool:
    """Whether a rollout is one attempt, so that it has no population."""
    return fields is None or (isinstance(fields, ForwardFields) and fields.particles == 1)


def likelihood_of(fields: InferenceFields) -> Likelihood:
    """How the method weighs what a program observes."""
    scored: Any = getattr(fields, "likelihood", None)
    if scored is None:
        return DRAW
    return Likelihood("score") if scored == "score" else Likelihood("count", scored.sample)


def judge_of(fields: InferenceFields) -> tuple[str, str] | None:
    """The judge that the method asks, with the field that names it; None when it asks none."""
    for name in ("factor", "success", "level"):
        part: Any = getattr(fields, name, None)
        if part is not None:
            return name, part.judge
    return None


def attempts(fields: InferenceFields | None) -> int:
    """The most particles of one rollout that are played from the start, or about as much work; 1 without one."""
    match fields:
        case RejectionFields():
            return fields.most
        case SplittingFields():
            return fields.particles * len(fields.level.at)
        case _:
            return at_once(fields)


def at_once(fields: InferenceFields | None) -> int:
    """The most particles of one rollout that are live at a time; 1 without a population."""
    match fields:
        case RejectionFields():
            return min(fields.at_once, fields.most)
        case BeamFields():
            return fields.beams * fields.expand
        case None:
            return 1
        case _:
            return fields.particles
