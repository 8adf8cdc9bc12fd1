"""What a program in Python yields: questions, random choices, values, weights, and rejections.

A program is a generator function `program(task, **fields)`. A scenario names it as the `kind` of its protocol. It gets
the value of each step from its `yield`, and returns the output.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Name = str
"""Letters, digits, and _; a column of `run.variables`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Asks an agent. Gives the value of its reply, or a list of values if `times` is above 1.

    The fields are those of a `sample` step in YAML. Yield a list of these to ask several agents at the same time; it
    gives the list of their values.
    """

    name: Name
    question: str
    """Sent as it is; placeholders are not replaced."""
    by: str
    """The agent."""
    reading: Any = "text"
    """How the reply becomes a value, as under `as`: text, lines, number, {"choice": [...]}, and so on."""
    observe: Any = None
    """The observed value: the rollout is conditioned on a reply with this value."""
    times: int = 1
    tries: int = 1
    settings: Mapping[str, Any] | None = None
    """Sampling settings in place of the agent's, such as {"temperature": 0}."""
    unparsed: Any = "reject"
    """What happens if there is no value: reject, missing (the value is None), or {"value": x}."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Draws from a list, or from a mapping of options to weights, by the rollout's seed. Gives one option, or a list.

    `k` is how many to draw, without replacement.
    """

    name: Name
    options: Sequence[Any] | Mapping[str, float]
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """Records a value as a variable, and gives it back. JSON must be able to hold it."""

    name: Name
    value: Any


@dataclass(frozen=True, slots=True)
class Factor:
    """Multiplies the rollout's weight by `p`, or adds `log` to its log-weight. A `p` of 0 rejects. Gives None."""

    p: float | None = None
    log: float | None = None
    name: Name = "factor"


@dataclass(frozen=True, slots=True)
class Reject:
    """Ends the rollout as rejected, for this reason."""

    why: str = "the program rejects"
    name: Name = "reject"


Step = Sample | Choose | Value | Factor | Reject
