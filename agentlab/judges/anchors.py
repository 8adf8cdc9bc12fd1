"""The anchor texts of a rubric as its judge is shown them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentlab.judges.inputs import text_input
from agentlab.judges.rubric import RubricAnchors, RubricConfig
from agentlab.types import JudgeInput, Task

Role = Literal["good", "bad", "empty", "padded"]
ROLES: tuple[Role, ...] = ("good", "bad", "empty", "padded")


@dataclass(frozen=True, slots=True)
class Anchor:
    """One text of known worth as a judge is shown it. `key` stands where a rollout's key would."""

    key: str
    family: str
    role: Role
    place: int
    """In the list of its role; a padded text is the good one of the same place."""
    judge_input: JudgeInput


def exhibits(config: RubricConfig) -> tuple[Anchor, ...]:
    """The anchor texts of a rubric as judge inputs, family by family, in a fixed order."""
    return tuple(
        Anchor(f"anchor/{family}/{role}/{i}", family, role, i, text_input(Task(f"anchor/{family}", texts.task), text))
        for family, texts in config.anchors.items()
        for role, of_role in _by_role(texts).items()
        for i, text in enumerate(of_role)
    )


def _by_role(texts: RubricAnchors) -> Mapping[Role, tuple[str, ...]]:
    return {"good": texts.good, "bad": texts.bad, "empty": texts.empty, "padded": texts.padded}
