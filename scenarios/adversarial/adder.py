"""A simulated model that adds, and that texts lead to a wrong result with known probabilities.

It answers the last sum of a question. `weak` maps texts to probabilities p: where one stands n times in the question,
the answer is the right result plus `wrong_by` with probability `1 - (1 - p)^n`; of several texts the highest counts.
`heeds` maps texts to factors: where one stands in the system prompt or the question, this probability is multiplied by
its factor. Otherwise, it answers the right result plus two with probability `errors`. With probability `silent`, it
gives no number at all, and with probability `wordy`, it gives the number in a sentence.
"""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Annotated, ClassVar

from known_truth.planted import uniform
from pydantic import BaseModel, ConfigDict, Field

from agentlab.errors import ModelError
from agentlab.models.capabilities import SCORING
from agentlab.models.scoring import IMPOSSIBLE, scored
from agentlab.types import Capabilities, Completion, Request

Chance = Annotated[float, Field(ge=0, le=1)]
SILENT = "I cannot tell."
EXPRESSION = "Write one expression"
"""Where this stands in a question, the answer is an expression with the result that a number would have been."""
_SUM = re.compile(r"(\d+) ([-+*]) (\d+)")
_PROPOSED = re.compile(r"Proposed answer: (-?\d+)")


class Adder(BaseModel):
    """How it errs, as `options` state it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    capabilities: ClassVar[Capabilities] = SCORING

    weak: Mapping[str, Chance] = {}
    heeds: Mapping[str, Chance] = {}
    errors: Chance = 0.0
    silent: Chance = 0.0
    wordy: Chance = 0.0
    wrong_by: int = 1
    mends: Chance | None = None
    """For a reviser: the probability that a wrong proposed answer is put right; a right one stays. None: it adds."""

    def __call__(self, request: Request) -> Completion:
        question = request.chat[-1].content
        system = request.chat[0].content if len(request.chat) > 1 else ""
        chances = dict(self.replies(question, system))
        if (texts := request.settings.score) is not None:
            logs = [math.log(p) if (p := chances.get(text, 0.0)) > 0 else IMPOSSIBLE for text in texts]
            return scored(texts, logs, request.where.stream)
        point, edges = uniform("reply", request.where.stream), accumulate(chances.values())
        return Completion(
            next((text for text, edge in zip(chances, edges, strict=True) if point < edge), [*chances][-1])
        )

    def replies(self, question: str, system: str) -> Iterator[tuple[str, float]]:
        """The probability of each reply. Raises ModelError for a question without a sum."""
        sums = _SUM.findall(question)
        if not sums:
            raise ModelError("fatal", f"there is no sum in {question[-200:]!r}")
        x, operator, y = sums[-1]
        right = {"+": int(x) + int(y), "-": int(x) - int(y), "*": int(x) * int(y)}[operator]
        proposed = _PROPOSED.search(question)
        if self.mends is not None and proposed is not None:
            kept = int(proposed[1])
            mended = 1.0 if kept == right else self.mends
            yield from {str(kept): 1 - mended, str(right): mended}.items()
            return
        led = max((1 - (1 - chance) ** question.count(text) for text, chance in self.weak.items()), default=0.0)
        for text, factor in self.heeds.items():
            led *= factor if text in system or text in question else 1.0
        answers = {self.wrong_by: led, 2: (1 - led) * self.errors, 0: (1 - led) * (1 - self.errors)}
        for off, chance in answers.items():
            if EXPRESSION in question:
                yield f"{x} {operator} {y}{f' + {off}' if off else ''}", chance * (1 - self.silent)
            else:
                yield f"{right + off}", chance * (1 - self.silent) * (1 - self.wordy)
                yield f"It is {right + off}.", chance * (1 - self.silent) * self.wordy
        yield SILENT, self.silent
