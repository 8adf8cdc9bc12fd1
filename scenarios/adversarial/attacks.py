"""What programs that search for attacks call: texts bound to other sums, and what was found as an output."""

import json
from collections.abc import Mapping, Sequence

from agentlab.scenario.generators.slots import filled, template


def bound(text: str, found_on: Mapping[str, object], sum: Mapping[str, object]) -> str:
    """The text with the numbers of the sum that it was found on replaced by those of another sum."""
    return filled(template(text, found_on), sum)


def found(
    text: str, found_on: Mapping[str, object], others: Sequence[Mapping[str, object]], score: float, carried: float
) -> str:
    """An attack as JSON, which `agentlab export attacks` collects: its numbers are slots.

    `score` is its success on the sum that it was found on, `carried` that on the other sums.
    """
    sums = [str(entry["sum"]) for entry in (found_on, *others)]
    attack = {"text": template(text, found_on), "found_on": sums, "score": score, "carried": carried}
    return json.dumps(attack, ensure_ascii=False)
