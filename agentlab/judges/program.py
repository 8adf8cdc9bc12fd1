"""A judge that runs the program in a rollout's workspace on held-out cases of the task's product, in the sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from agentlab.interfaces import Judge, JudgeClient
from agentlab.judges.config import Flaw, JudgeConfig
from agentlab.judges.facts import JudgeTraits
from agentlab.organization.board.workspace import clash
from agentlab.products import (
    CASE_SEED,
    FIELD,
    SHIPPED,
    Case,
    Figure,
    Product,
    WrongFormat,
    product,
    product_facts,
    source,
)
from agentlab.seeds import stream
from agentlab.tools.sandbox.detect import lacking, sandbox
from agentlab.tools.sandbox.ended import Ended, Limits
from agentlab.tools.sandbox.run import run
from agentlab.tools.sandbox.turns import turn
from agentlab.types import JudgeInput, Outcome, Task, Verdict

UTILITY, HARM = CRITERIA = ("utility", "harm")
_REASON = 1_000
"""Characters of a program's output that a verdict keeps: its end, where an error stands."""


class ProgramConfig(JudgeConfig):
    """Runs what the agents built on held-out cases of the task's `product`."""

    traits: ClassVar[JudgeTraits] = JudgeTraits(cases=True)

    kind: Literal["program"] = Field(
        description="Runs the program of the workspace on held-out cases of the task's `product`, in the sandbox."
    )
    cases: int = Field(
        default=3, ge=3, le=100, description="Number of held-out cases. All arms and draws have the same ones."
    )
    seconds: float = Field(default=60.0, gt=0, le=3600, description="Time limit of the program on each case.")

    def names(self) -> tuple[str, ...]:
        """What every product measures."""
        return CRITERIA

    def counted(self) -> tuple[str, ...]:
        """Both: a measure names the one it means."""
        return CRITERIA

    def scale(self, criterion: str) -> tuple[float, float]:
        """Products measure from 0 to 1."""
        return 0.0, 1.0

    def misfit(self, task: Task) -> Flaw | None:
        """A task without a product has no held-out cases."""
        if product_facts(task.fields):
            return None
        return ("product",), "no product", f"`product:` and one of {', '.join(SHIPPED)}, or a module of your own"

    def lacking(self) -> str:
        """What this machine needs to run programs, in a sentence; empty if nothing is missing."""
        return lacking()

    def build(self, name: str) -> Judge:
        """The judge, under the name by which a scenario lists it."""
        return Program(name, self)


@dataclass(slots=True)
class Program:
    """Draw i runs the program on case i: `scored` with utility and harm, or the outcome that explains why it is not.

    Outcomes without a score: `absent` (there is no program), `crash` (it failed, or took too much memory), `timeout`,
    and `format` (it wrote something else than the task asked for). A sandbox that fails is an `error`.
    """

    name: str
    config: ProgramConfig
    model: str | None = None
    criteria: tuple[str, ...] = CRITERIA

    @property
    def draws(self) -> int:
        """One for each case."""
        return self.config.cases

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        built, seed = _product(judge_input.task)
        if built.PROGRAM not in judge_input.workspace:
            return _unscored("absent", f"there is no {built.PROGRAM} in the workspace")
        case = built.case(seed, client.draw)
        ended = await _ran(built, judge_input.workspace, case, self.config.seconds)
        if ended.why == "broken":
            return _unscored("error", f"the sandbox failed: {ended.fault}")
        if ended.why == "timeout":
            return _unscored("timeout", f"it was stopped after {self.config.seconds:g} seconds")
        if ended.why != "exit" or ended.code != 0:
            what = f"exit code {ended.code}" if ended.why == "exit" else f"stopped: too much {_TOO_MUCH[ended.why]}"
            return _unscored("crash", f"{what}\n{ended.output[-_REASON:]}".strip())
        try:
            measured = built.measured(case.hidden, ended.files)
        except WrongFormat as wrong:
            return _unscored("format", str(wrong)[:_REASON])
        return [_scored(UTILITY, measured.utility), _scored(HARM, measured.harm)]


_TOO_MUCH = {"memory": "memory", "flood": "output"}


def with_case_seeds(tasks: Mapping[str, Task], seed: int) -> dict[str, Task]:
    """The tasks, with the seeds of their held-out cases where the scenario gives none, from the `seed` of the run.

    Generators are public, and so is the seed of the data that agents see. The seed of a run is random and stays outside
    the sandbox: no program can make the labels of its cases itself. Tasks with the same data have the same cases.
    """

    def seeded(task: Task) -> Task:
        about = product_facts(task.fields)
        if not about or CASE_SEED in about:
            return task
        return replace(task, fields={**task.fields, FIELD: {**about, CASE_SEED: stream("cases", about["seed"], seed)}})

    return {id: seeded(task) for id, task in tasks.items()}


def _product(task: Task) -> tuple[Product, int]:
    """The product and the seed of its cases. Raises ValueError where it is not the one that the run was made with."""
    about = product_facts(task.fields)
    if not about:
        raise ValueError(f"task {task.id!r} has no product, so there are no cases to run its program on")
    built = product(str(about["name"]))
    if source(built) != about["source"]:
        raise ValueError(
            f"the generator of product {about['name']!r} has changed since this run was made, and its cases with it; "
            f"judge it with the module as it was (SHA-256 {str(about['source'])[:12]}), or make a new run"
        )
    return built, int(about[CASE_SEED])


async def _ran(built: Product, workspace: Mapping[str, str], case: Case, seconds: float) -> Ended:
    """The program on one case. It finds the workspace without earlier results, and the files of the case. A file that
    has the name of a folder of these is left out."""
    kept = {path: text for path, text in workspace.items() if path.split("/")[0] != "out"}
    kept = {path: text for path, text in kept.items() if clash(path, case.files) is None}
    given = {path: text.encode() for path, text in {**kept, **case.files}.items()}
    where = await sandbox()
    async with turn():
        return await run(where, ["sh", "-c", f"mkdir -p out && {built.COMMAND}"], given, Limits(seconds=seconds))


def _scored(criterion: str, figure: Figure) -> Verdict:
    value = cast(Any, figure.value)
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        reason = f"the product measured {criterion} as {value!r}, which is not a number from 0 to 1"
        return Verdict(criterion, "error", reason=reason)
    return Verdict(criterion, "scored", float(value), figure.text)


def _unscored(outcome: Outcome, reason: str) -> list[Verdict]:
    return [Verdict(criterion, outcome, reason=reason) for criterion in CRITERIA]
