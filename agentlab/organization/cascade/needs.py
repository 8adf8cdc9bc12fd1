"""What the questions of a program need of the models that answer them, and what cannot be observed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from agentlab.organization.cascade.program import Instruction
from agentlab.organization.declaration import Flaw
from agentlab.organization.likelihood import Likelihood
from agentlab.types import Settings

FREE = ("text", "lines", "until")
"""Readers whose values are free text, which nobody draws twice."""


def needed(instructions: Iterable[Instruction], likelihood: Likelihood) -> Iterator[tuple[Instruction, Settings, int]]:
    """Each sampled step with the settings that it needs of its agent's model, and its number of replies."""
    for instruction in instructions:
        if instruction.kind == "sample":
            observes = instruction.step.observe is not None
            times = likelihood.draws if observes and likelihood.by == "count" else instruction.step.times
            scores = (observes and likelihood.by == "score") or instruction.reader.by == "likelihood"
            yield instruction, replace(instruction.settings, score=("",) if scores else None), times


def unobservable(instructions: Iterable[Instruction], likelihood: Likelihood) -> Iterator[Flaw]:
    """Observed steps whose value cannot be observed in this way."""
    for instruction in instructions:
        if instruction.kind != "sample" or instruction.step.observe is None:
            continue
        where, reader = (*instruction.place, "observe"), instruction.reader.kind
        step = "" if instruction.place[:1] == ("steps",) else f"step {instruction.path!r}: "
        if likelihood.by != "score" and reader in FREE:
            wrong = f"free text is observed (as: {reader}), and no sampled reply will equal it"
            yield where, step + wrong, "`as:` number or choice, or use `likelihood: score`"
        if likelihood.by == "score" and reader not in ("text", "number", "choice"):
            wrong = f"`likelihood: score` cannot be used with `as: {reader}`: many replies have the same value"
            yield where, step + wrong, "`as:` text, number, or choice, or use `likelihood: {sample: 8}`"
