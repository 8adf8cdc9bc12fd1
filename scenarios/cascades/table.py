"""Simulated agents whose every answer has a known probability, given what they are asked.

`tables` maps each agent to its rows: `{AGENT: {TEXT: {REPLY: probability}}}`. The first row whose TEXT stands in the
last message of the chat decides; `*` stands in any. A given reply is scored exactly, so that every way to condition a
program on an observation can be held against the true posterior.
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Annotated, ClassVar

from known_truth.planted import uniform
from pydantic import BaseModel, ConfigDict, Field, field_validator

from agentlab.errors import ModelError
from agentlab.models.capabilities import SCORING
from agentlab.models.scoring import IMPOSSIBLE, scored
from agentlab.types import Capabilities, Completion, Request

Chance = Annotated[float, Field(ge=0, le=1)]
Rows = Mapping[str, Mapping[str, Chance]]


class Table(BaseModel):
    """The rows of each agent, as `options` state them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    capabilities: ClassVar[Capabilities] = SCORING

    tables: Mapping[str, Rows]

    @field_validator("tables")
    @classmethod
    def _sums(cls, tables: Mapping[str, Rows]) -> Mapping[str, Rows]:
        for agent, rows in tables.items():
            for text, chances in rows.items():
                if not math.isclose(math.fsum(chances.values()), 1, abs_tol=1e-9):
                    raise ValueError(f"the probabilities of {agent!r} for {text!r} do not sum to 1")
        return tables

    def __call__(self, request: Request) -> Completion:
        where, said = request.where, request.chat[-1].content
        chances = self.row(where.actor, said)
        if request.settings.score is not None:
            texts = request.settings.score
            logs = [math.log(p) if (p := chances.get(text, 0.0)) > 0 else IMPOSSIBLE for text in texts]
            return scored(texts, logs, where.stream)
        point, edges = uniform("reply", where.stream), accumulate(chances.values())
        return Completion(
            next((text for text, edge in zip(chances, edges, strict=True) if point < edge), [*chances][-1])
        )

    def row(self, agent: str, said: str) -> Mapping[str, float]:
        """The probability of each reply. Raises ModelError where no row fits."""
        rows = self.tables.get(agent, {})
        for text, chances in rows.items():
            if text == "*" or text in said:
                return chances
        raise ModelError("fatal", f"the simulated agent {agent!r} has no row for {said[-200:]!r}")
