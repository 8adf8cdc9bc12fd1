"""Runs a program in Python from its start over what its log has recorded, up to its next questions or its end."""

import json
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from agentlab import own_code
from agentlab.errors import ProtocolError
from agentlab.organization.cascade import values
from agentlab.organization.cascade.checks import Checker
from agentlab.organization.cascade.choose import chosen
from agentlab.organization.cascade.fields import Step as StepFields
from agentlab.organization.cascade.machine import LARGEST_FACTOR
from agentlab.organization.steps import Choose, Factor, Reject, Sample, Step, Value
from agentlab.types import OBSERVED, OUTPUT, REJECT, TASK, VARIABLE, WEIGHT, Message

QUESTION = "question"
"""Kind of the message that holds the fields of a question, by its address."""
_WAITING = object()
MOST = 10_000
"""Steps in a row without a question, after which a program is taken to hang."""
PURE = (
    "a program must yield the same steps for the same values: draw with `yield Choose(...)`, and use no random "
    "numbers, clocks, files, or sets whose order varies"
)


class QuestionError(ProtocolError):
    """A question that cannot be asked: what is wrong, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(f"{wrong}; write {right}")
        self.wrong, self.right = wrong, right


@dataclass(slots=True)
class Replay:
    """One run of a program. Nothing of it is kept: the log is the whole state."""

    name: str
    """`my_module:program`."""
    generator: Generator[Any, Any, Any]
    cast: tuple[str, ...]
    log: Sequence[Message]
    stream: int
    """The random stream of this step, which only `Choose` uses."""
    messages: list[Message] = field(default_factory=list[Message])
    """What is new."""
    bound: dict[str, Message] = field(default_factory=dict[str, Message])
    """By address: the message with the recorded value or weight."""
    asked: dict[str, Message] = field(default_factory=dict[str, Message])
    """By address: the recorded question."""
    order: list[str] = field(default_factory=list[str])
    """The addresses of what is recorded, in order."""
    seen: int = 0
    """How many steps have been yielded."""
    times: dict[str, int] = field(default_factory=dict[str, int])
    """By name: how often it has been yielded."""

    def run(self) -> list[Message]:
        """The new messages: values, weights, and the next questions, or the output, or a rejection.

        Raises `ProtocolError`, with file and line, for a step that cannot be, an error of the program's own, and a
        program that does not do again what the log says it did.
        """
        for message in self.log:
            if message.ref and (message.sender == TASK or VARIABLE in message.to):
                self._recorded(message.ref, message)
        answer: Any = None
        for _ in range(MOST):
            try:
                step = self.generator.send(answer)
            except StopIteration as stop:
                self._end(stop.value)
                return self.messages
            except Exception as error:
                raise ProtocolError(
                    f"the program {self.name} raised {own_code.told(error)}; fix it: it must go on for any text that a "
                    f"model writes"
                ) from error
            answer = self._taken(step)
            if answer is _WAITING:
                return self.messages
        raise self._wrong(f"{MOST:,} steps in a row without a question; end its loop")

    def _recorded(self, address: str, message: Message) -> None:
        if message.kind == "step":
            known = self.asked
        elif message.kind not in ("input", "task") and (VARIABLE in message.to or WEIGHT in message.to):
            known = self.bound
        else:
            return
        if address not in self.asked and address not in self.bound:
            self.order.append(address)
        known[address] = message

    def _taken(self, step: Any) -> Any:
        """The value of a step, or of a list of questions; `_WAITING` if it is not known yet."""
        if isinstance(step, list | tuple):
            together = cast("Sequence[Any]", step)
            self._several(together)
            answers = [self._single(each) for each in together]
            return _WAITING if _WAITING in answers else answers
        return self._single(step)

    def _several(self, together: Sequence[Any]) -> None:
        if not together or not all(isinstance(each, Sample) for each in together):
            raise self._wrong("a list can only hold Sample steps, at least one")
        agents = [each.by for each in together]
        if twice := next((name for name in agents if agents.count(name) > 1), None):
            raise self._wrong(f"two questions to {twice!r} at the same time; use `times`, or yield one after the other")
        if any(each.tries > 1 for each in together):
            raise self._wrong("a question in a list cannot have `tries`; yield this question by itself")

    def _single(self, step: Any) -> Any:
        if not isinstance(step, Step):
            raise self._wrong(f"{type(step).__name__} is not a step; yield Sample, Choose, Value, Factor, or Reject")
        if not isinstance(cast("Any", step).name, str) or not step.name.isidentifier():
            raise self._wrong(f"the name {step.name!r} cannot be used; a name has letters, digits, and _")
        count = self.times[step.name] = self.times.get(step.name, 0) + 1
        address = step.name if count == 1 else f"{step.name}[{count}]"
        known = self.seen < len(self.order)
        if known and self.order[self.seen] != address:
            raise self._changed(f"the step {address!r}", f"the step {self.order[self.seen]!r}")
        self.seen += 1
        match step:
            case Sample():
                return self._sample(step, address, known)
            case Choose():
                return self._choose(step, address, known)
            case Value():
                return self._value(step, address, known)
            case Factor():
                return self._factor(step, address, known)
            case Reject():
                self.messages.append(Message(TASK, (REJECT,), "reject", f"{address}: {step.why}", address))
                return _WAITING

    def _sample(self, step: Sample, address: str, known: bool) -> Any:
        if not known:
            content = self.checked(step)
            self.messages.append(Message(TASK, (), QUESTION, content, address))
            self.messages.append(Message(TASK, (step.by,), "step", str(step.question), address))
            if step.observe is not None:
                self.messages.append(values.message(TASK, OBSERVED, step.observe, address))
            return _WAITING
        asked = self.asked[address]
        if (asked.content, asked.to) != (str(step.question), (step.by,)):
            raise self._changed(f"the question {step.question!r} to {step.by!r}", repr(asked.content))
        value = self.bound.get(address)
        return _WAITING if value is None else values.decoded(value)

    def checked(self, step: Sample) -> str:
        """The fields of a question as JSON. Raises `ProtocolError` if it cannot be asked."""
        content: dict[str, Any] = {"sample": step.question, "by": step.by, "as": step.reading}
        more = {"observe": None, "times": 1, "tries": 1, "settings": None, "unparsed": "reject"}
        content |= {name: getattr(step, name) for name, usual in more.items() if getattr(step, name) != usual}
        try:
            text = json.dumps(content, allow_nan=False)
            fields = StepFields.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            said = f"the program {self.name} ({self._line()}): step {step.name!r}: {where}: {first['msg']}"
            raise QuestionError(said, "the fields as a step in YAML has them") from None
        except (TypeError, ValueError) as error:
            raise self._wrong(f"step {step.name!r}: {error}") from None
        for where, wrong, right in Checker(self.cast, {}, frozenset()).question(fields, ()):
            named = "".join(f"{name}: " for name in where)
            raise QuestionError(f"the program {self.name} ({self._line()}): step {step.name!r}: {named}{wrong}", right)
        return text

    def _choose(self, step: Choose, address: str, known: bool) -> Any:
        if known:
            return values.decoded(self.bound[address])
        value, why = chosen(step.options, step.k, self.stream, address)
        if why is not None:
            raise self._wrong(f"step {step.name!r}: {why}")
        return self._bound(step.name, value, address)

    def _value(self, step: Value, address: str, known: bool) -> Any:
        if not known:
            return self._bound(step.name, step.value, address)
        recorded, now = self.bound[address], self._message(step.name, step.value, address)
        if (recorded.kind, recorded.content) != (now.kind, now.content):
            raise self._changed(f"the value {now.content} of {address!r}", recorded.content)
        return values.decoded(recorded)

    def _bound(self, name: str, value: Any, address: str) -> Any:
        message = self._message(name, value, address)
        self.messages.append(message)
        return values.decoded(message)

    def _message(self, name: str, value: Any, address: str) -> Message:
        try:
            if not isinstance(value, str):
                json.dumps(value, allow_nan=False)
            return values.message(TASK, VARIABLE, value, address)
        except (TypeError, ValueError, RecursionError) as error:
            raise self._wrong(f"step {name!r}: {error}; a value must be what JSON can hold") from None

    def _factor(self, step: Factor, address: str, known: bool) -> Any:
        if (step.p is None) == (step.log is None):
            raise self._wrong("a factor has either `p` or `log`")
        given: Any = step.log if step.p is None else step.p
        number = None if isinstance(given, bool) or not isinstance(given, int | float) else float(given)
        if number is None or math.isnan(number) or number > LARGEST_FACTOR or (step.p is not None and number < 0):
            raise self._wrong(f"the factor {given!r} is not a usable number")
        weight = number if step.p is None else math.log(number) if number else -math.inf
        if weight == -math.inf:
            self.messages.append(Message(TASK, (REJECT,), "reject", f"{address}: the factor is 0", address))
            return _WAITING
        if known and self.bound[address].content != repr(weight):
            raise self._changed(f"the factor {weight!r}", self.bound[address].content)
        if not known:
            self.messages.append(Message(TASK, (WEIGHT,), "weight", repr(weight), address))
        return None

    def _end(self, result: Any) -> None:
        text = "" if result is None else self._message("return", result, "").content
        text = values.as_text(result) if text else text
        if text.strip():
            answered = (m.sender for m in reversed(self.log) if VARIABLE in m.to and not m.sender.startswith("@"))
            self.messages.append(Message(next(answered, TASK), (OUTPUT,), "output", text))

    def _changed(self, now: str, before: str) -> ProtocolError:
        return self._wrong(f"this time {now}, and before {before}, for the same replies; {PURE}")

    def _wrong(self, why: str) -> ProtocolError:
        return ProtocolError(f"the program {self.name} ({self._line()}): {why}")

    def _line(self) -> str:
        """Where the program stands: the deepest of the generators that it has yielded from."""
        generator: Any = self.generator
        while getattr(generator, "gi_yieldfrom", None) is not None and hasattr(generator.gi_yieldfrom, "gi_code"):
            generator = generator.gi_yieldfrom
        frame = generator.gi_frame
        line = generator.gi_code.co_firstlineno if frame is None else frame.f_lineno
        return f"{generator.gi_code.co_filename}:{line}"
