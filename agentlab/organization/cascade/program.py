"""A program as a list of instructions, compiled from its steps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from agentlab.organization.cascade import conditions, functions, values
from agentlab.organization.cascade.fields import As, Fallback, Step
from agentlab.organization.cascade.reading import Reader
from agentlab.organization.cascade.values import names
from agentlab.types import Settings

InstructionKind = Literal["sample", "choose", "set", "python", "factor", "reject", "skip", "enter", "repeat"]
ITEMS = 100
"""Most iterations of a loop over a list, where the step names no `most`."""
TURNS = 10_000
"""Most rounds that an organization may have."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. A step with `when` begins with `skip`; a loop is `enter`, its body, and `repeat`."""

    kind: InstructionKind
    path: str
    """Where the step stands: the names of the loops and groups around it and its own, joined by dots."""
    step: Step
    place: tuple[str, ...] = ()
    """Where the step stands in the scenario, below `protocol`."""
    reads: frozenset[str] = frozenset()
    """The variables that it reads."""
    to: int = -1
    """Of `skip` and `enter`: the instruction after the step or loop. Of `repeat`: its `enter`."""
    reader: Reader = field(default_factory=Reader)
    settings: Settings = field(default_factory=Settings)
    function: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        """The variable that it gives a value."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Program:
    """The instructions and the template of the output."""

    instructions: tuple[Instruction, ...]
    result: str
    bound: int
    """The most rounds that it can take; at least 1."""
    inputs: tuple[str, ...]
    """Fields of the task that it may read, `target` included."""
    questions: Mapping[str, int] = field(default_factory=dict[str, int])
    """The place of each sampled step, by its path."""


def compiled(steps: Mapping[str, Step], result: str) -> Program:
    """The program of steps that have passed all checks."""
    instructions: list[Instruction] = []
    _compile(steps, "", ("steps",), instructions)
    questions = {instruction.path: i for i, instruction in enumerate(instructions) if instruction.kind == "sample"}
    read = {name for instruction in instructions for name in instruction.reads} | set(names(result))
    return Program(tuple(instructions), result, max(1, turns(steps)), tuple(sorted(read - {"task"})), questions)


def _compile(steps: Mapping[str, Step], above: str, where: tuple[str, ...], instructions: list[Instruction]) -> None:
    for name, step in steps.items():
        path, start, place = f"{above}{name}", len(instructions), (*where, name)
        if step.when is not None:
            instructions.append(Instruction("skip", path, step, place, frozenset(conditions.read_by(step.when))))
        if step.verb == "loop":
            head, reads = len(instructions), frozenset((*names(step.over), *conditions.read_by(step.until)))
            instructions.append(Instruction("enter", path, step, place, reads))
            _compile(step.inner, f"{path}.", (*place, "loop"), instructions)
            instructions.append(Instruction("repeat", path, step, place, to=head))
            instructions[head] = replace(instructions[head], to=len(instructions))
        elif step.verb == "do":
            _compile(step.inner, f"{path}.", (*place, "do"), instructions)
        else:
            instructions.append(_single(path, step, place))
        if step.when is not None:
            instructions[start] = replace(instructions[start], to=len(instructions))


def _single(path: str, step: Step, place: tuple[str, ...]) -> Instruction:
    """An instruction of a step that holds no other."""
    verb = step.verb
    assert verb not in ("loop", "do")
    function = functions.find(step.python) if step.python is not None else None
    settings = step.settings.settings() if step.settings is not None else Settings()
    read = frozenset(name for _, names_read in read_by_field(step) for name in names_read)
    return Instruction(verb, path, step, place, read, -1, step.reader(), settings, function)


def read_by_field(step: Step) -> Iterator[tuple[str, list[str]]]:
    """The variables that each field of a step reads, but those of `when` and of inner steps."""
    for field_name, template in (
        ("sample", step.sample),
        ("choose", step.choose),
        ("set", step.set_),
        ("with", step.with_),
        ("factor", step.factor),
        ("observe", step.observe),
        ("over", step.over),
    ):
        yield field_name, list(names(template))
    if isinstance(step.as_, As):
        yield "as", list(names(step.as_.choice))
    yield "reject", list(conditions.read_by(step.reject))


def turns(steps: Mapping[str, Step]) -> int:
    """The most rounds that steps can take."""
    return min(TURNS, sum(map(_turns, steps.values())))


def _turns(step: Step) -> int:
    if step.verb == "sample":
        return step.tries
    return turns(step.inner) * iterations(step) if step.verb in ("loop", "do") else 0


def iterations(step: Step) -> int:
    """The most iterations of a loop; 1 for a group."""
    if step.verb != "loop":
        return 1
    most = step.most or ITEMS
    over: Any = step.over
    items = cast("list[Any]", over) if isinstance(over, list) else None
    return most if items is None else min(len(items), most)


def fallback(instruction: Instruction) -> Any:
    """The value in place of one that cannot be read."""
    unparsed = instruction.step.unparsed
    return unparsed.value if isinstance(unparsed, Fallback) else None


def chosen_reader(instruction: Instruction, lookup: values.Lookup) -> Reader:
    """The reader, with choices that are variables replaced by their values."""
    reader = instruction.reader
    if reader.kind != "choice":
        return reader
    made = values.made(reader.of, lookup)
    listed = cast("Sequence[Any]", made) if isinstance(made, list | tuple) else [made]
    return replace(reader, of=tuple(map(values.as_text, listed)))
