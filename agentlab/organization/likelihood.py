"""How a program weighs what it observes."""

from typing import Literal

from msgspec import Struct


class Likelihood(Struct, frozen=True):
    """`draw`: the step is sampled, and any other value rejects. `score`: the observed value's own probability, from
    the model's log-probabilities. `count`: the share of `draws` samples that agree, an unbiased estimate of it."""

    by: Literal["draw", "score", "count"] = "draw"
    draws: int = 1
    """Samples for each observed step; used by `count` alone."""


DRAW = Likelihood()
