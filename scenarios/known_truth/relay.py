"""The simulated relay: agents that each add a number, so that every part of an error is known.

For either outcome, on a scale from 0 to 1,

    value = start(task) + bias + sum over turns of sd(agent) z(turn) + sum over pairs of sd(pair) z(turn) z'(turn)
    judge = value + judge_sd z(judge's call)

with z standard normal and of each turn's own random stream, so that the variance of a draw is the sum of all sd^2. Of a
turn's z for `harm` the share `kinship` is that for `worth`: it is their correlation. Every reply tells the sum so far
and an answer drawn from the chances that the task states, mixed with `noise` of equal ones. A score is
`low + (high - low) judge`, rounded at random to a neighbour so that its mean is exact, which adds 1/6 of a squared
point to its variance.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentlab.errors import ModelError
from agentlab.models.simulated import chatter
from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.types import Completion, Request
from known_truth.planted import gaussian, rounded, uniform

Outcome = Literal["worth", "harm"]
OUTCOMES: tuple[Outcome, Outcome] = ("worth", "harm")
Spread = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]

_NUMBER = r"([+-]?\d+(?:\.\d+)?)"
_START = re.compile(rf"Start at worth {_NUMBER}, harm {_NUMBER}")
_CHANCES = re.compile(r"\b([A-Z]) (\d(?:\.\d+)?)(?=[,.;]|\s|$)")
_ADDED = re.compile(
    r"^([\w.-]+) in round (\d+) draws ([+-]\d+\.\d+) for worth, ([+-]\d+\.\d+) for harm\.$", re.MULTILINE
)
_SUM = re.compile(rf"In sum worth {_NUMBER}, harm {_NUMBER}")
_OUTPUT = re.compile(r"<output>\n(.*)\n</output>", re.S)

TurnEffects = Mapping[tuple[str, str], tuple[float, float]]
"""By agent and round: z for worth and for harm."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InteractingAgents(_Part):
    """Two agents whose turns matter together beyond what each adds."""

    agents: tuple[str, str]
    sd: Spread


class Relay(_Part):
    """The numbers of the model, as `options` state them."""

    bias: Mapping[Outcome, Number] = Field(default_factory=dict[Outcome, float])
    sd: Mapping[str, Spread] = Field(default_factory=dict[str, float])
    """By agent: what each of its turns adds, the same to either outcome."""
    together: tuple[InteractingAgents, ...] = ()
    kinship: float = Field(default=0.0, ge=-1, le=1)
    noise: float = Field(default=0.0, ge=0, le=1)
    judge_sd: Spread = 0.0

    def __call__(self, request: Request) -> Completion:
        if request.where.purpose != "agent":
            return self.judge(request)
        prompt = "\n".join(entry.content for entry in request.chat if entry.role != "system")
        where = request.where
        drawn = {(name, round): (float(worth), float(harm)) for name, round, worth, harm in _ADDED.findall(prompt)}
        drawn[where.actor, str(where.round)] = self.turn(where.stream)
        lines = [f"{n} in round {r} draws {w:+.6f} for worth, {h:+.6f} for harm." for (n, r), (w, h) in drawn.items()]
        worth, harm = self.values(prompt, drawn)
        answer = self.answer(prompt, where.stream)
        return Completion("\n".join([*lines, f"In sum worth {worth:.6f}, harm {harm:.6f}.", *answer]))

    def turn(self, stream: int) -> tuple[float, float]:
        """z of one turn for worth and for harm."""
        worth, other = gaussian(stream, "worth"), gaussian(stream, "harm")
        return worth, self.kinship * worth + math.sqrt(1 - self.kinship**2) * other

    def values(self, prompt: str, drawn: TurnEffects) -> tuple[float, float]:
        """Both outcomes after these turns. Raises ModelError where the task states no start."""
        start = _START.search(prompt)
        if start is None:
            raise ModelError("fatal", "the simulated relay: the task must state 'Start at worth 0.5, harm 0.5'")
        totals = list[float]()
        for i, outcome in enumerate(OUTCOMES):
            value = float(start[i + 1]) + self.bias.get(outcome, 0.0)
            value += sum(self.sd.get(name, 0.0) * z[i] for (name, _), z in drawn.items())
            totals.append(value + sum(pair.sd * _product(pair, drawn, i) for pair in self.together))
        return totals[0], totals[1]

    def answer(self, prompt: str, stream: int) -> Sequence[str]:
        """One line with the answer, or none where the task states no chances."""
        stated = prompt.partition("Answer by these chances:")[2].partition("\n")[0]
        chances = {letter: float(chance) for letter, chance in _CHANCES.findall(stated)}
        if not chances:
            return ()
        if not math.isclose(sum(chances.values()), 1, abs_tol=1e-6):
            raise ModelError(
                "fatal",
                f"the simulated relay: the chances of the task sum to {sum(chances.values()):g}, not to 1",
            )
        mixed = [(1 - self.noise) * chance + self.noise / len(chances) for chance in chances.values()]
        point = uniform("answer", stream)
        edges = list(accumulate(mixed))
        return (f"Answer: {next((n for n, e in zip(chances, edges, strict=True) if point < e), [*chances][-1])}",)

    def judge(self, request: Request) -> Completion:
        """Fills in a rubric's form: a criterion named `harm` is scored by harm, every other by worth."""
        last, at = request.chat[-1].content, request.where.stream
        form = chatter.FORM.findall(last)
        if not form:
            raise ModelError("fatal", "the simulated relay judges rubrics with `scoring: text` only")
        output = _OUTPUT.search(last)
        sums = _SUM.findall(output[1]) if output else []
        draws, lines = RandomNumbers(at), list[str]()
        for name, low, high in form:
            value = float(sums[-1][name == "harm"]) if sums else 0.5
            seen = value + self.judge_sd * gaussian("error", at, name, value)
            score = rounded(int(low) + (int(high) - int(low)) * seen, int(low), int(high), at, name, value)
            lines.append(chatter.verdict(name, str(score), draws))
        return Completion("\n".join(lines))


def judged_variance(judge: Relay, points: int) -> float:
    """Of one judge draw, on a scale from 0 to 1 of `points` steps, for values that lie anywhere between two steps."""
    return judge.judge_sd**2 + 1 / (6 * points**2)


def _product(pair: InteractingAgents, drawn: TurnEffects, outcome: int) -> float:
    """Of the pair's latest turns; 0 until both have acted."""
    latest: dict[str, float] = {}
    for name, round in sorted(drawn, key=lambda turn: int(turn[1])):
        latest[name] = drawn[name, round][outcome]
    return math.prod(latest.get(name, 0.0) for name in pair.agents)
