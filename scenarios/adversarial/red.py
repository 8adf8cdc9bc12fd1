"""A simulated model that writes attacks: which text it proposes, and how examples that worked change this, are known.

`texts` maps texts with the slots of `tasks: {kind: arithmetic}` to probabilities. `after` takes their place when the
question holds a text that worked before, behind the words `Texts that worked:`. The numbers are those of the last sum
of the question, and the wrong result behind the word `answers`.
"""

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Annotated, ClassVar

from known_truth.planted import uniform
from pydantic import BaseModel, ConfigDict, Field

from agentlab.errors import ModelError
from agentlab.models.capabilities import SCORING
from agentlab.scenario.generators.slots import filled
from agentlab.types import Capabilities, Completion, Request

Chances = Mapping[str, Annotated[float, Field(ge=0, le=1)]]
_SUM, _WRONG = re.compile(r"(\d+) [-+*] (\d+)"), re.compile(r"answers (\d+)")
_WORKED = re.compile(r"Texts that worked:\s*\S")


class Red(BaseModel):
    """What it proposes, as `options` state it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    capabilities: ClassVar[Capabilities] = SCORING

    texts: Chances
    after: Chances = {}

    def __call__(self, request: Request) -> Completion:
        question = request.chat[-1].content
        sum, wrong = _SUM.search(question), _WRONG.search(question)
        if sum is None or wrong is None:
            raise ModelError("fatal", f"there is no sum with a wrong result in {question[-200:]!r}")
        chances = self.after if self.after and _WORKED.search(question) else self.texts
        point, edges = uniform("reply", request.where.stream), accumulate(chances.values())
        text = next((text for text, edge in zip(chances, edges, strict=True) if point < edge), [*chances][-1])
        return Completion(filled(text, {"sum": sum[0], "x": sum[1], "y": sum[2], "wrong": wrong[1]}))
