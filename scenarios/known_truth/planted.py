"""The stated model behind the simulated firm: what a report is worth, and how a judge errs.

For either outcome, on a scale from 0 to 1:

    value = base + task_sd z(task) + draw_sd z(call) + [organization] (structure + slope_sd z'(task)) + sum of lines
          + temperature (T - at) + compute log2(tokens / at) + [asked] closing + [sections] format + information unread
    judge = value + judge_sd z(judge's call) + length log2(words / at) + [clause] coupling (misalignment - at)

with z standard normal; the last term is of utility alone. A score is `low + (high - low) judge`, or of `1 - judge`
where it is of ethics, rounded at random to one of its two neighbours so that its mean is exact. Beyond the ends of the
scale it is clipped, and only then biased: keep every value some four standard deviations from 0 and 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentlab.seeds import stream

Outcome = Literal["utility", "misalignment"]
OUTCOMES: tuple[Outcome, Outcome] = ("utility", "misalignment")
Number = Annotated[float, Field(allow_inf_nan=False)]
Spread = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Chance = Annotated[float, Field(ge=0, le=1)]

_NORMAL = NormalDist()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OutcomeEffect(_Part):
    """What something adds to either outcome."""

    utility: Number = 0.0
    misalignment: Number = 0.0


class Deviation(_Part):
    """Standard deviations of either outcome."""

    utility: Spread = 0.0
    misalignment: Spread = 0.0


class MarkedEffect(OutcomeEffect):
    """An effect of a text: it counts where the prompt holds `marker`."""

    marker: str = Field(min_length=1)


class Slope(OutcomeEffect):
    """An effect in proportion to a quantity, counted from `at`."""

    at: float = Field(gt=0, allow_inf_nan=False)


class Coupling(_Part):
    """How a clause of a rubric, known by `marker`, lets misalignment above `at` raise the score of utility."""

    marker: str = Field(min_length=1)
    by: Number
    at: Number


class Refusal(_Part):
    """Chances that the report is refused, by one agent alone and within an organization."""

    alone: Chance = 0.0
    organization: Chance = 0.0


class Objections(_Part):
    """Chances of what happens to an objection. They change no outcome; they make the fate of objections known."""

    raised: Chance = 0.0
    """By an agent in its first turn, if it has read the request."""
    delivered: Chance = 1.0
    """Of a raised one, to be sent to colleagues; else it goes to somebody who cannot be reached, and bounces."""
    answered: Chance = 0.0
    """Of each one that a mail brings, by its reader."""
    kept: Chance = 0.0
    """Of each one that its writer has heard, in the report."""


class Lengths(_Part):
    """Lengths, in words: of a mail, and of a report by one agent alone and within an organization."""

    mail: int = Field(default=40, ge=1)
    alone: int = Field(default=120, ge=1)
    organization: int = Field(default=120, ge=1)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that the model looks at: what stood in a report's prompt."""

    task: str
    organization: bool = False
    lines: frozenset[str] = frozenset()
    """Names of lines that stand in any prompt of the agents at work."""
    temperature: float | None = None
    tokens: int = 1
    """Output tokens of everybody at work, the report included."""
    asked: bool = False
    sections: bool = False
    unread: float = 0.0
    """Share of the agents at work that have not read the request."""


class Planted(_Part):
    """The numbers of the model, as `options` state them. What is not stated is 0."""

    base: OutcomeEffect = OutcomeEffect(utility=0.5, misalignment=0.5)
    task_sd: Deviation = Deviation()
    slope_sd: Deviation = Deviation()
    sample: str = ""
    """Any word; another word gives another sample of tasks."""
    draw_sd: Deviation = Deviation()
    structure: OutcomeEffect = OutcomeEffect()
    lines: Mapping[Annotated[str, Field(pattern=r"^[\w-]+$")], MarkedEffect] = Field(
        default_factory=dict[str, MarkedEffect]
    )
    temperature: Slope = Slope(at=1.0)
    compute: Slope = Slope(at=1.0)
    closing: MarkedEffect | None = None
    format: MarkedEffect | None = None
    information: OutcomeEffect = OutcomeEffect()
    refusal: Refusal = Refusal()
    objections: Objections = Objections()
    words: Lengths = Field(default_factory=Lengths)
    recipients: int | None = Field(None, ge=1)
    """How many contacts an agent writes to in a turn; all, if not said."""
    criteria: Mapping[Outcome, tuple[str, ...]] = Field(default_factory=dict[Outcome, tuple[str, ...]])
    """For a judge: the criteria that score utility, and those that score ethics, which is 1 - misalignment."""
    judge_sd: Deviation = Deviation()
    length: Slope = Slope(at=1.0)
    coupling: Coupling | None = None

    def mean(self, seen: Circumstances, outcome: Outcome) -> float:
        """The value without the terms of task and draw."""
        value: float = getattr(self.base, outcome)
        value += seen.organization * getattr(self.structure, outcome)
        value += sum(getattr(line, outcome) for name, line in self.lines.items() if name in seen.lines)
        if seen.temperature is not None:
            value += getattr(self.temperature, outcome) * (seen.temperature - self.temperature.at)
        value += getattr(self.compute, outcome) * math.log2(max(1, seen.tokens) / self.compute.at)
        value += getattr(self.closing, outcome) if self.closing and seen.asked else 0.0
        value += getattr(self.format, outcome) if self.format and seen.sections else 0.0
        return value + getattr(self.information, outcome) * seen.unread

    def of_task(self, task: str, organization: bool, outcome: Outcome) -> float:
        """What a task adds, in every arm alike and, for an organization, on top of the structural effect."""
        named = f"{self.sample} {task}"
        value = getattr(self.task_sd, outcome) * normal("task", named, outcome)
        return value + organization * getattr(self.slope_sd, outcome) * normal("slope", named, outcome)

    def value(self, seen: Circumstances, outcome: Outcome, call: int) -> float:
        """The value of a report, by the stream of the call that wrote it."""
        of_draw = getattr(self.draw_sd, outcome) * gaussian("draw", call, outcome)
        return self.mean(seen, outcome) + self.of_task(seen.task, seen.organization, outcome) + of_draw

    def judged(self, report: "Report", rubric: str, call: int) -> dict[Outcome, float]:
        """What a judge makes of a report: both outcomes with its errors, by the stream of its call."""
        values: dict[Outcome, float] = {}
        for outcome in OUTCOMES:
            error = getattr(self.judge_sd, outcome) * gaussian("judge", call, report.values[outcome], outcome)
            longer = getattr(self.length, outcome) * math.log2(max(1, report.words) / self.length.at)
            values[outcome] = report.values[outcome] + error + longer
        if self.coupling and self.coupling.marker in rubric:
            values["utility"] += self.coupling.by * (report.values["misalignment"] - self.coupling.at)
        return values


@dataclass(frozen=True, slots=True)
class Report:
    """What a judge reads off a report."""

    values: Mapping[Outcome, float] = field(default_factory=dict[Outcome, float])
    words: int = 1


def rounded(exact: float, low: int, high: int, *key: object) -> int:
    """One of the two whole numbers beside `exact`, by chance such that the mean is `exact`; clipped to the scale."""
    return min(high, max(low, math.floor(exact + uniform(*key))))


def uniform(*key: object) -> float:
    """A number in [0, 1) that the key decides."""
    return stream(*key) / 2**63


def gaussian(*key: object) -> float:
    """A standard normal number that the key decides."""
    return _NORMAL.inv_cdf((stream(*key) + 0.5) / 2**63)


@lru_cache(4096)
def normal(kind: str, task: str, outcome: str) -> float:
    """The same, kept, since it is asked for by every call on a task."""
    return gaussian(kind, task, outcome)
