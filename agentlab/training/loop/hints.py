"""Rollouts with a hint, on tasks of which a generation kept nothing: rationalization (STaR, Zelikman et al. 2022).

They are rows of a kind of their own, so that no mean, table, or figure counts them. What is kept of them is learned
with the prompt as it is without the hint. A turn whose prompt still quotes the hint, such as in another agent's
message, gives no row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from msgspec import structs

from agentlab.experiment.schedule import Item
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.placeholders import paragraphs
from agentlab.seeds import digest
from agentlab.types import Message, Task


@dataclass(frozen=True, slots=True)
class Hint:
    """A task with and without its hint."""

    text: str
    plain: Task

    @property
    def task(self) -> Task:
        """As it is asked with the hint."""
        return replace(self.plain, prompt=paragraphs(self.plain.prompt, self.text))

    def without(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The log as it would be if the task had been asked without the hint."""
        return tuple(
            structs.replace(message, content=self.plain.prompt)
            if message.kind == "task" and message.content == self.task.prompt
            else message
            for message in messages
        )


def hint_of(condition: Condition, task: str) -> Hint:
    """The hint of a task that is learned from."""
    assert condition.loop is not None
    return Hint(condition.loop.hints[task], condition.tasks[task])


def hinted_specs(design: Design, tasks: Mapping[str, frozenset[str]], seed: int, generation: int) -> Iterator[Item]:
    """The rollouts with a hint of these tasks, by the name of their condition, draw by draw."""
    first = [item for item in rollout_specs(design, seed, Selection(draws=1), generation)]
    rank, draws = count(), {condition.name: _draws(condition) for condition in design.conditions}
    for draw in range(1, 1 + max(draws.values())):
        for spec, condition in first:
            if spec.task.id in tasks[condition.name] and draw <= draws[condition.name]:
                hint, coupling = hint_of(condition, spec.task.id), f"{spec.coupling}/hint"
                key = digest(spec.key, "hint", hint.text, draw)
                changes = {"key": key, "task": hint.task, "draw": draw, "coupling": coupling, "rank": next(rank)}
                yield structs.replace(spec, **changes, hinted=True), condition


def _draws(condition: Condition) -> int:
    hint = None if condition.loop is None else condition.loop.fields.hint
    return 0 if hint is None else hint.draws
