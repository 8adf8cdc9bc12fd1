"""What a self-training loop adds to a plan: generations, splits, and how many rows a training gets at most."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from agentlab.scenario.design import Design
from agentlab.scenario.improve import Improve
from agentlab.scenario.replicates import few_replicates
from agentlab.text import pluralize


def sizes(design: Design, loop: Improve) -> str:
    """`2 loops x 4 generations (0 to 3)`."""
    loops, last = len(design.conditions), loop.fields.generations
    return f"{pluralize(loops, 'loop')} x {pluralize(last + 1, 'generation')} (0 to {last})"


def splits(design: Design, loop: Improve) -> Iterator[str]:
    """The tasks, draws and generations of each split."""
    tasks = Counter(str(task.split) for task in design.tasks.values())
    times = {str(task.split): loop.times(task) for task in design.tasks.values()}
    for name, split in loop.fields.splits.items():
        role = split.role.replace("_", " ")
        draws = f"{pluralize(split.draws, 'draw')} x {pluralize(times.get(name, 0), 'generation')}"
        yield f"  {name} ({role}): {pluralize(tasks[name], 'task')} x {draws}"


def lines(design: Design, loop: Improve) -> Iterator[str]:
    """The splits, and the size of a training."""
    tasks = Counter(str(task.split) for task in design.tasks.values())
    yield from splits(design, loop)
    most = rollouts_at_most(design, loop)
    trainings = len(design.conditions) * loop.fields.generations
    size = f"{pluralize(trainings, 'training')} ({loop.fields.by.get('kind')}), each on at most"
    yield f"{size} {pluralize(most, 'rollout')}, with a row for each turn that is learned from.{_steps(loop)}"
    if loop.first:
        yield f"The first generation is trained on {pluralize(len(loop.first), 'row')} from elsewhere."
    if loop.fields.hint is not None:
        more = pluralize(len(loop.hints) * loop.fields.hint.draws, "rollout")
        yield f"Hints add at most {more} to each generation but the last; the table below does not count these."
    if loop.fields.by.get("kind") == "exemplars":
        yield "Prompts of trained generations count with as many examples as a training can have."
    if few := few_replicates(loop.fields.replicates):
        yield f"Note: {few}."
    if (split := loop.fields.kl) is not None:
        each = tasks[split] * loop.fields.splits[split].draws
        yield (
            f"Distance from the base: 2 calls for each reply of {pluralize(each, 'rollout')} ({split}) of every "
            f"trained generation; the table below does not count these."
        )


def about_power(design: Design, loops: bool) -> Iterator[str]:
    """What the smallest differences of a loop are about; `loops` says whether whole loops are among them."""
    if design.loop is None:
        return
    yield "Differences are on held-out tasks, between trained weights as given; they say nothing of other trainings."
    if not loops:
        yield "For conclusions about the training, repeat the loop (`improve.replicates`)."
        return
    size = pluralize(design.loop.fields.replicates, "loop")
    yield (
        f"loops: the smallest difference between ways of training, on these tasks, that t over {size} of each arm "
        f"detects at p ≤ 0.05; trainings: the SD between trainings, of an arm's mean or of its gain."
    )


def name(condition: str) -> str:
    """The name of a condition in all its generations."""
    return condition.replace("generation=0", "all generations")


def rollouts_at_most(design: Design, loop: Improve) -> int:
    """The most rollouts that can be kept of one generation."""
    cap, learning = loop.fields.keep.cap, [t for t in design.tasks.values() if loop.split(t).role == "learn"]
    return sum(min(draws, cap or draws) for draws in (loop.split(task).draws for task in learning))


def _steps(loop: Improve) -> str:
    steps: Any = loop.settings.get("steps")
    return "" if steps is None else f" Steps: {steps}."
