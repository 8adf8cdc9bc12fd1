"""Programs in Python: generator functions of one's own, whose steps are recorded and replayed."""

import inspect
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Self

import msgspec
from msgspec import structs

from agentlab.errors import ProtocolError
from agentlab.organization.cascade import functions
from agentlab.organization.cascade.fields import Step
from agentlab.organization.cascade.log import asked_again, asked_before, static
from agentlab.organization.cascade.needs import needed, unobservable
from agentlab.organization.cascade.program import Instruction
from agentlab.organization.cascade.replay import PURE, QUESTION, QuestionError, Replay
from agentlab.organization.cascade.replies import asked, read, sampling
from agentlab.organization.cascade.timed import TimeLimit, timed
from agentlab.organization.cascade.whole import some_value
from agentlab.organization.declaration import Flaw, Sampling
from agentlab.organization.likelihood import DRAW, Likelihood
from agentlab.organization.protocols.cascade import KINDS as CASCADE_KINDS
from agentlab.types import OUTPUT, REJECT, TASK, VARIABLE, Completion, Message, MessageKind, Settings, Task

MADE_UP = Completion("word")
TRIED_TASKS, TRIED_ROUNDS = 3, 200
"""Tasks and rounds for which a program is tried out with made-up replies before it runs."""
KINDS: Mapping[str, MessageKind] = {**CASCADE_KINDS, QUESTION: MessageKind("hidden", wakes="never")}


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """Asks the questions that a generator function yields, and gives it the values of the replies.

    Before each question the function runs anew from its start over the recorded values.
    """

    name: str
    """`my_module:program`."""
    function: Any = field(repr=False)
    cast: tuple[str, ...]
    rounds: int
    """The most rounds that it may take."""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Its arguments after the task."""
    likelihood: Likelihood = DRAW
    """How an observed step is weighed against its value."""
    whole: bool = False
    """Whether it is played for an estimate."""
    kinds = KINDS
    tags = ()
    memory = "unread"
    briefed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, function: Any, cast: tuple[str, ...], rounds: int, fields: Mapping[str, Any]) -> Self:
        """The program that a scenario names. Raises `ValueError` if it is no generator function, or refuses its
        fields."""
        if not inspect.isgeneratorfunction(function):
            raise ValueError(f"{name} is a function without `yield`; a program yields steps, such as Sample(...)")
        try:
            inspect.signature(function).bind(None, **fields)
        except TypeError as error:
            raise ValueError(f"{name} refuses its fields: {error}; a program is `def program(task, ...)`") from None
        return cls(name, function, cast, rounds, fields)

    def weighing(self, likelihood: Likelihood) -> Self:
        """The same program, with observed steps weighed in this way."""
        return replace(self, likelihood=likelihood)

    def to_the_end(self) -> Self:
        """The same program for estimates: replies that cannot be read get a value that fits."""
        return replace(self, whole=True)

    @property
    def described(self) -> Mapping[str, str]:
        """Its name and fields, which distinguish two programs."""
        return {"kind": self.name, **{name: json.dumps(value) for name, value in self.fields.items()}}

    @property
    def ordered(self) -> tuple[str, ...]:
        """The order of keys counts in all its fields."""
        return tuple(self.fields)

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """It may ask every agent; replies reach the output through the program."""
        return {TASK: self.cast, **dict.fromkeys(self.cast, (OUTPUT,))}

    @property
    def readers(self) -> frozenset[str]:
        """Every agent, since any question may hold the text of the task."""
        return frozenset(self.cast)

    def open(self, task: Task) -> Sequence[Message]:
        """The task, as the program gets it."""
        whole = json.dumps(asdict(task), ensure_ascii=False)
        return (
            Message(TASK, (VARIABLE,), "task", task.prompt, "task"),
            Message(TASK, (VARIABLE,), "input", whole, "task"),
        )

    def manual(self, agent: str) -> str:
        """Empty: a question says all that an agent has to know."""
        return ""

    def sampling(self, agent: str, log: Sequence[Message], round: int) -> Sampling:
        """The settings of the agent's question in this round, and how many replies it takes."""
        made = sampling(asked(partial(_recorded, log), agent, log, round), self.likelihood)
        return replace(made, settings=replace(made.settings, score=None)) if self.whole else made

    def collect(
        self, agent: str, replies: Sequence[Completion], log: Sequence[Message], round: int
    ) -> Sequence[Message]:
        """The message that gives the step its value, made of the replies."""
        question = asked(partial(_recorded, log), agent, log, round)
        return [some_value(question, replies)] if self.whole else read(question, replies, self.likelihood)

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The message that gives the step its value, made of one reply."""
        return self.collect(agent, (reply,), log, round)

    def advance(self, log: Sequence[Message], round: int, stream: int) -> Sequence[Message]:
        """What the program does up to its next questions."""
        said = [message for message in log if message.round == round]
        questions = asked_before(log, round)
        if any(REJECT in message.to for message in said) or (round and not questions):
            return []
        if round and (again := asked_again(questions, said)) is not None:
            return again
        try:
            made = self._replayed(log, stream)
        except ProtocolError:
            if self.whole and round:  # it could not go on with values that were made up
                return []
            raise
        if any(message.to in ((OUTPUT,), (REJECT,)) for message in made) and not self.whole:
            self._same(made, self._replayed(log, stream))
        return made

    def _replayed(self, log: Sequence[Message], stream: int) -> list[Message]:
        task = next(message for message in log if message.kind == "input" and message.ref == "task")
        generator = self._generator(msgspec.json.decode(task.content, type=Task))
        replay = Replay(self.name, generator, self.cast, log, stream)
        try:
            return timed(functions.SECONDS, replay.run)
        except TimeLimit:
            raise ProtocolError(
                f"the program {self.name} took more than {functions.SECONDS:g} seconds between its start and its next "
                f"question, not counting the time of its agents; make it faster"
            ) from None

    def _generator(self, task: Task) -> Generator[Any, Any, Any]:
        return self.function(task, **deepcopy(dict(self.fields)))

    def _same(self, messages: Sequence[Message], other: Sequence[Message]) -> None:
        """Raises `ProtocolError` if the program ends otherwise when it runs a second time."""
        if messages != other:
            line = inspect.unwrap(self.function).__code__
            raise ProtocolError(
                f"the program {self.name} ({line.co_filename}:{line.co_firstlineno}) ended differently for the same "
                f"replies: {messages[-1].content!r} and {other[-1].content if other else ''!r}; {PURE}"
            )

    def steps(self, tasks: Iterable[Task]) -> tuple[list[Instruction], list[Flaw]]:
        """The questions that it asks when all replies are made up, each name once; and what is wrong.

        Only errors before the first question and questions that cannot be asked count. Other errors may come from
        replies that no agent would give.
        """
        instructions: dict[str, Instruction] = {}
        for task in islice(tasks, TRIED_TASKS):
            log = [structs.replace(message, index=i) for i, message in enumerate(self.open(task))]
            for round in range(min(self.rounds, TRIED_ROUNDS)):
                try:
                    made = self._replayed(log, 0)
                except QuestionError as error:
                    return [*instructions.values()], [(("kind",), error.wrong, error.right)]
                except ProtocolError as error:
                    if round == 0:
                        return [*instructions.values()], [(("kind",), str(error), "a program that runs")]
                    break
                log += [structs.replace(message, round=round) for message in made]
                questions = [message for message in made if message.kind == "step"]
                for message in questions:
                    address = message.ref or ""
                    instructions.setdefault(static(address), _recorded(log, address))
                    question = asked(partial(_recorded, log), message.to[0], log, round + 1)
                    log.append(structs.replace(some_value(question, [MADE_UP]), round=round + 1))
                if not questions:
                    break
        return [*instructions.values()], []

    def wanted(self, tasks: Iterable[Task]) -> Iterator[tuple[Instruction, Settings, int]]:
        """Each question that is known before it runs, with the settings that it needs, and its number of replies."""
        return needed(self.steps(tasks)[0], self.likelihood)

    def unobservable(self, tasks: Iterable[Task]) -> Iterator[Flaw]:
        """What is known to be wrong before it runs, such as what cannot be observed in the way that it weighs it."""
        questions, flaws = self.steps(tasks)
        yield from flaws
        yield from unobservable(questions, self.likelihood)


def _recorded(log: Sequence[Message], address: str) -> Instruction:
    """The question of an address, as the log has it."""
    fields = next(m for m in reversed(log) if m.kind == QUESTION and m.ref == address)
    return _instruction(static(address), Step.model_validate_json(fields.content))


def _instruction(address: str, step: Step) -> Instruction:
    """A question of a program as an instruction."""
    settings = step.settings.settings() if step.settings is not None else Settings()
    return Instruction("sample", address, step, ("kind",), reader=step.reader(), settings=settings)
