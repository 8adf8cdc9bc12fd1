"""A program counted to its end: for estimates, with a model whose replies cannot be read.

Every branch is taken, a loop runs as often as it may, and nothing is rejected.
"""

from collections.abc import Sequence
from typing import Any

from agentlab.organization.cascade import values
from agentlab.organization.cascade.machine import Machine
from agentlab.organization.cascade.program import Instruction
from agentlab.organization.cascade.replies import Asked
from agentlab.types import VARIABLE, Completion, Message


class WholeMachine(Machine):
    """Runs the program on, whatever its values are."""

    def _step(self, instruction: Instruction, place: int) -> int:
        match instruction.kind:
            case "skip" | "reject" | "factor":
                return place + 1
            case "repeat":
                return self._again(self.program.instructions[instruction.to], instruction.to)
            case "enter":
                return self._again(instruction, place)
            case _:
                after = super()._step(instruction, place)
        if after >= 0:
            return after
        self.messages.pop()  # the rejection
        self._bind(instruction, None)
        return place + 1

    def _again(self, head: Instruction, place: int) -> int:
        """The next iteration of a loop; a single one where there is no list to go over."""
        iteration = self.counts.get(head.path, 0) + 1
        after = self._enter(head, place, iteration)
        if after >= 0:
            return after
        self.messages.pop()
        if self.counts.pop(head.path, None):
            return head.to
        self.counts[head.path] = 1
        self._bind(head, "")
        return place + 1


def some_value(asked: Asked, replies: Sequence[Completion]) -> Message:
    """The value that was observed, else what can be read of the replies, else one that fits."""
    if asked.observed is not None:
        value = values.decoded(asked.observed)
    elif asked.instruction.step.times > 1:
        value = [_read(asked.instruction, reply.text) for reply in replies]
    else:
        value = _read(asked.instruction, replies[0].text)
    return values.message(asked.agent, VARIABLE, value, asked.address)


def _read(instruction: Instruction, text: str) -> Any:
    reader = instruction.reader
    value = reader(text)
    if value is not None:
        return value
    return reader.of[0] if reader.kind == "choice" and reader.of else 1 if reader.kind == "number" else text
