"""The pure machine: runs a program from where its log stands to its next questions, its output, or a rejection."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agentlab.errors import ProtocolError
from agentlab.organization.cascade import conditions, functions, values
from agentlab.organization.cascade.choose import chosen
from agentlab.organization.cascade.log import asked_again, asked_before, bound, indices, static
from agentlab.organization.cascade.program import Instruction, Program, chosen_reader, fallback, iterations
from agentlab.types import OBSERVED, OUTPUT, REJECT, TASK, VARIABLE, WEIGHT, Message

MOST = 100_000
"""Instructions in a row without a question, after which a program is taken to hang."""

LARGEST_FACTOR = 1e100
"""In nats. Sums of larger ones are no numbers."""


@dataclass(slots=True)
class Machine:
    """One run between two rounds. Nothing of it is kept: the log is the whole state."""

    program: Program
    log: Sequence[Message]
    stream: int
    """The random stream of this run, which only `choose` uses."""
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    """By name: the value, or the message that still holds it."""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """By path: the iteration of each loop that is being run."""
    messages: list[Message] = field(default_factory=list[Message])
    waiting: set[str] = field(default_factory=set[str])
    """Variables whose questions go out in this round."""
    busy: set[str] = field(default_factory=set[str])
    """Agents that are asked in this round."""
    alone: bool = False
    """Whether the question of this round may have to be asked again."""

    def start(self) -> list[Message]:
        """The messages before the first question."""
        self.variables = bound(self.log)
        return self._run(0)

    def resume(self, round: int) -> list[Message]:
        """The messages after the replies of `round`, which are in the log; none if one of them ended the program."""
        asked = asked_before(self.log, round)
        said = [message for message in self.log if message.round == round]
        if not asked or any(REJECT in message.to for message in said):
            return []
        if (again := asked_again(asked, said)) is not None:
            return again
        self.variables = bound(self.log)
        last = asked[-1].ref or ""
        self.counts = indices(last)
        return self._run(self.program.questions[static(last)] + 1)

    def _run(self, place: int) -> list[Message]:
        instructions = self.program.instructions
        for _ in range(MOST):
            if place >= len(instructions):
                if not self.waiting:
                    self._output()
                return self.messages
            instruction = instructions[place]
            if self.waiting and not self._joins(instruction):
                return self.messages
            place = self._step(instruction, place)
            if place < 0:
                return self.messages
        raise ProtocolError(
            f"the program ran {MOST:,} steps without a question, the last at {instructions[place].path!r}; lower "
            f"`most` of its loops"
        )

    def _joins(self, instruction: Instruction) -> bool:
        """Whether a question goes out with those before it: it reads none of their values, and its agent is free."""
        free = instruction.kind == "sample" and instruction.name not in self.waiting and instruction.step.tries == 1
        return free and not self.alone and not instruction.reads & self.waiting and instruction.step.by not in self.busy

    def _step(self, instruction: Instruction, place: int) -> int:
        """Runs one instruction. Returns the place of the next one, or -1 if the program has ended."""
        step = instruction.step
        match instruction.kind:
            case "skip":
                return place + 1 if conditions.holds(step.when, self.value) else instruction.to
            case "enter":
                return self._enter(instruction, place, 1)
            case "repeat":
                if step.until is not None and conditions.holds(step.until, self.value):
                    del self.counts[instruction.path]
                    return place + 1
                head = self.program.instructions[instruction.to]
                return self._enter(head, instruction.to, self.counts[instruction.path] + 1)
            case "sample":
                self._ask(instruction)
                return place + 1
            case "reject":
                holds = conditions.holds(step.reject, self.value)
                return self._reject(instruction, "its condition holds") if holds else place + 1
            case "factor":
                why = self._weigh(instruction)
            case "choose":
                why = self._choose(instruction)
            case "set":
                why = self._set(instruction)
            case "python":
                why = self._call(instruction)
        return place + 1 if why is None else self._reject(instruction, why)

    def value(self, name: str) -> Any:
        """The value of a variable; None if it has none."""
        value = self.variables.get(name)
        if isinstance(value, Message):
            value = self.variables[name] = values.decoded(value)
        return value

    def _enter(self, instruction: Instruction, place: int, iteration: int) -> int:
        """Begins an iteration of a loop, or leaves the loop."""
        step, item, most = instruction.step, cast("Any", iteration), iterations(instruction.step)
        if step.over is not None:
            made = values.made(step.over, self.value)
            if not isinstance(made, list):
                return self._reject(instruction, "there is no list to go over")
            items = cast("list[Any]", made)
            if step.most is None and len(items) > most:
                return self._reject(
                    instruction, f"a list of {len(items):,} items; write `most` to allow more than {most}"
                )
            most = min(most, len(items))
            item = items[iteration - 1] if iteration <= most else None
        if iteration > most:
            self.counts.pop(instruction.path, None)
            return instruction.to
        self.counts[instruction.path] = iteration
        self._bind(instruction, item)
        return place + 1

    def _address(self, instruction: Instruction) -> str:
        """The path with the iteration of each loop: `rounds[3].question`."""
        if not self.counts:
            return instruction.path
        parts, path = list[str](), ""
        for name in instruction.path.split("."):
            path = f"{path}.{name}" if path else name
            parts.append(f"{name}[{self.counts[path]}]" if path in self.counts else name)
        return ".".join(parts)

    def _bind(self, instruction: Instruction, value: Any) -> None:
        self.variables[instruction.name] = value
        self.messages.append(values.message(TASK, VARIABLE, value, self._address(instruction)))

    def _ask(self, instruction: Instruction) -> None:
        step, address = instruction.step, self._address(instruction)
        agent = step.by or ""
        question = values.filled(step.sample or "", self.value)
        self.messages.append(Message(TASK, (agent,), "step", question, address))
        if step.observe is not None:
            observed = values.made(step.observe, self.value)
            self.messages.append(values.message(TASK, OBSERVED, observed, address))
        self.alone = step.tries > 1
        self.waiting.add(instruction.name)
        self.busy.add(agent)

    def _choose(self, instruction: Instruction) -> str | None:
        """Draws by the stream. Returns why there is no value."""
        pool, k = values.made(instruction.step.choose, self.value), instruction.step.k
        value, why = chosen(pool, k, self.stream, self._address(instruction))
        if why is None:
            self._bind(instruction, value)
        return why

    def _set(self, instruction: Instruction) -> str | None:
        """Makes a value from others, of each item of a list where there is one. Returns why there is no value."""
        step = instruction.step
        if step.over is not None:
            items = values.made(step.over, self.value)
            if not isinstance(items, list):
                return "there is no list to go over"
            value: Any = []
            for item in cast("list[Any]", items):
                self.variables[instruction.name] = item
                value.append(values.made(step.set_, self.value))
        else:
            value = values.made(step.set_, self.value)
        if not step.has("as"):
            self._bind(instruction, value)
            return None
        reader = chosen_reader(instruction, self.value)
        return self._settle(instruction, reader(values.as_text(value)), f"the text has no {reader.kind}")

    def _call(self, instruction: Instruction) -> str | None:
        """Calls a function. Returns why there is no value."""
        step = instruction.step
        assert instruction.function is not None
        arguments = cast("dict[str, Any]", values.made(step.with_ or {}, self.value))
        value, why = functions.call(step.python or "", instruction.function, arguments)
        return self._settle(instruction, value, why or "the function returned no value")

    def _settle(self, instruction: Instruction, value: Any, why: str) -> str | None:
        """Binds a value, or what `unparsed` says; `why` if that is to reject."""
        if value is None and instruction.step.unparsed == "reject":
            return why
        self._bind(instruction, fallback(instruction) if value is None else value)
        return None

    def _weigh(self, instruction: Instruction) -> str | None:
        """Adds a log-weight. Returns why the weight is 0 or no number."""
        factor = instruction.step.factor
        linear = isinstance(factor, Mapping)
        template = cast("Mapping[str, Any]", factor)["p"] if linear else factor
        value = values.number(values.made(template, self.value))
        if value is None or (linear and value < 0):
            return "the factor is not a number" if value is None else "the factor is a negative probability"
        if value > LARGEST_FACTOR and not linear:
            return f"the factor is above {LARGEST_FACTOR:g}"
        if linear and value == 0:
            return "the factor is 0"
        weight = math.log(value) if linear else value
        self.messages.append(Message(TASK, (WEIGHT,), "weight", repr(weight), self._address(instruction)))
        return None

    def _reject(self, instruction: Instruction, why: str) -> int:
        address = self._address(instruction)
        self.messages.append(Message(TASK, (REJECT,), "reject", f"{address}: {why}", address))
        return -1

    def _output(self) -> None:
        text = values.as_text(values.made(self.program.result, self.value))
        if text.strip():
            answered = (m.sender for m in reversed(self.log) if VARIABLE in m.to and not m.sender.startswith("@"))
            self.messages.append(Message(next(answered, TASK), (OUTPUT,), "output", text))
