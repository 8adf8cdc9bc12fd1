"""Which rollouts of a generation are kept, and why each other one is not: a pure function of what is recorded."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentlab.scenario.improve_fields import KeepFields
from agentlab.seeds import stream

Reason = Literal[
    "kept", "not delivered", "no score", "not good enough", "cut off", "no turn", "duplicate", "over the cap"
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished rollout on a task that is learned from."""

    rollout: str
    task: str
    draw: int
    status: str
    output: str
    value: float | None
    """Of the measure that decides; None without a score."""
    label: str | None
    """The judge's label of the output, if it gave exactly one."""
    turns: int
    """Turns that would become rows."""
    cut: bool
    """Whether a length limit cut the output, or one of these turns, off."""
    reason: Reason = "kept"
    hinted: bool = False
    """Whether its prompt had a hint."""

    @property
    def recorded_reason(self) -> str:
        """The reason as a run records it."""
        return f"with a hint: {self.reason}" if self.hinted else self.reason


def kept(
    candidates: Sequence[Candidate], fields: KeepFields, generation: int, salt: tuple[Hashable, ...]
) -> list[Candidate]:
    """Every candidate with the reason why it is kept or not, task by task in the order in which they are preferred.

    `salt` decides the order where the order is random.
    """
    reviewed = [replace(candidate, reason=_by_itself(candidate, fields, generation)) for candidate in candidates]
    decided = [candidate for candidate in reviewed if candidate.reason != "kept"]
    good = [candidate for candidate in reviewed if candidate.reason == "kept"]
    for task in dict.fromkeys(candidate.task for candidate in good):
        of_task = sorted(
            (candidate for candidate in good if candidate.task == task), key=lambda candidate: _random(candidate, salt)
        )
        decided += _among(PREFER[fields.prefer](of_task, fields), fields)
    return decided


def _by_itself(candidate: Candidate, fields: KeepFields, generation: int) -> Reason:
    if candidate.status != "delivered":
        return "not delivered"
    if candidate.value is None:
        return "no score"
    if not fields.passes(candidate.value, generation):
        return "not good enough"
    if candidate.cut:  # its end would be taught where there was none
        return "cut off"
    return "kept" if candidate.turns else "no turn"


def _among(ordered: Sequence[Candidate], fields: KeepFields) -> list[Candidate]:
    """Of the good ones of a task, in their order: duplicates, and those over the cap."""
    seen, count, judged = set[Hashable](), 0, list[Candidate]()
    for candidate in ordered:
        same = _same(candidate, fields.dedupe)
        if same in seen:
            judged.append(replace(candidate, reason="duplicate"))
        elif fields.cap is not None and count >= fields.cap:
            judged.append(replace(candidate, reason="over the cap"))
        else:
            count += 1
            judged.append(candidate)
        seen.add(same)
    return judged


def _same(candidate: Candidate, dedupe: str) -> Hashable:
    """Equal for rollouts that are duplicates of each other."""
    if dedupe == "text":
        return normalized(candidate.output)
    return candidate.label if dedupe == "label" and candidate.label is not None else (candidate.rollout,)


def normalized(text: str) -> str:
    """The text without regard to case and white space."""
    return " ".join(text.casefold().split())


def _random(candidate: Candidate, salt: tuple[Hashable, ...]) -> int:
    return stream(*salt, "keep", candidate.task, candidate.draw)


Order = Callable[[Sequence[Candidate], KeepFields], Sequence[Candidate]]
"""Candidates of a task in a random order, in the order in which they are preferred."""


def _as_they_are(of_task: Sequence[Candidate], fields: KeepFields) -> Sequence[Candidate]:
    return of_task


def _by_length(sign: int) -> Order:
    return lambda of_task, fields: sorted(of_task, key=lambda candidate: sign * len(candidate.output))


def _best(of_task: Sequence[Candidate], fields: KeepFields) -> Sequence[Candidate]:
    sign = -1 if fields.at_most is None else 1
    return sorted(of_task, key=lambda candidate: sign * (candidate.value or 0.0))


def _diverse(of_task: Sequence[Candidate], fields: KeepFields) -> Sequence[Candidate]:
    """Each time the one whose words are least like those of any that comes before it."""
    left, ordered = list(of_task), list[Candidate]()
    words = {candidate.rollout: frozenset(normalized(candidate.output).split()) for candidate in of_task}
    likeness = dict.fromkeys(words, 0.0)
    while left:
        least = min(left, key=lambda candidate: likeness[candidate.rollout])
        left.remove(least)
        ordered.append(least)
        for other in left:
            near = _jaccard(words[other.rollout], words[least.rollout])
            likeness[other.rollout] = max(likeness[other.rollout], near)
    return ordered


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of all words that both have; 1 if neither has any."""
    return len(a & b) / len(a | b) if a | b else 1.0


PREFER: Mapping[str, Order] = {
    "random": _as_they_are,
    "shortest": _by_length(1),
    "longest": _by_length(-1),
    "best": _best,
    "diverse": _diverse,
}
