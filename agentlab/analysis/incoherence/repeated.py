"""What repeated draws of a task are worth together, and how often they change their answer."""

from collections.abc import Mapping, Sequence

import numpy as np

from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.stats.incoherence.ensemble import ensembles, exponent
from agentlab.stats.incoherence.flips import changes
from agentlab.stats.incoherence.halves import TaskDraws

FEWEST = 10
"""Ensembles of the largest size."""
AVERAGED = ("answers", "probabilities", "groups", "points")
ANSWERED = ("answers", "probabilities", "groups")
"""Sorts of predictions that can be averaged, and those of which two are equal or not."""


def curve(arm: Predictions, draws: Sequence[TaskDraws], remarks: Remarks) -> list[Row]:
    """Averages of 1, 2, 4, … draws, at most as many as leave ten ensembles; nothing for tests and scores.

    The mean of judged scores is nobody's output, while shares of answers and mean vectors can be one.
    """
    targets = [task_draws.target for task_draws in draws if task_draws.target is not None]
    if arm.sort not in AVERAGED or len(targets) < len(draws):
        return []
    fewest = min(len(task_draws.values) for task_draws in draws)
    sizes = [size for size in (1, 2, 4, 8, 16, 32, 64) if size * FEWEST <= fewest]
    if len(sizes) < 2:
        reason = (
            f"{arm.measure.name}: no ensembles, because a task has only {fewest} draws; {FEWEST} "
            f"ensembles of two need {2 * FEWEST}"
        )
        remarks.add(reason, arm.arm)
        return []
    averages = ensembles([task_draws.values for task_draws in draws], targets, sizes)
    head: Row = {"measure": arm.measure.name, "condition": arm.arm}
    return [
        {
            **head,
            "size": average.size,
            "error": average.error,
            "bias2": average.bias2,
            "variance": average.variance,
            "exponent": exponent(averages),
            "ensembles": average.ensembles,
        }
        for average in averages
    ]


def changed(
    arms: Mapping[str, Sequence[tuple[str, Predictions]]], questions: Mapping[str, str], remarks: Remarks
) -> list[Row]:
    """A row per name: how often the answers of its arms change. Each arm comes with the context that it stands for.

    `questions` says of tasks which question they are, in contexts of their own; a task that is not in it is its own.
    Tasks of one question need one right answer, else they are several questions and stay apart.
    """
    rows: list[Row] = []
    for name, in_contexts in arms.items():
        first = in_contexts[0][1]
        if first.sort not in ANSWERED:
            continue
        among = _same(first, questions)
        if len(among) < len(questions):
            reason = "tasks that share a context field have different right answers, so their answers are not compared"
            remarks.add(f"{first.measure.name}: {reason}")
        tasks: list[str] = []
        contexts: list[tuple[str, str]] = []
        answers: list[tuple[int, ...] | str] = []
        for context, arm in in_contexts:
            for task, answer in zip(map(str, arm.table["task"]), _answers(arm), strict=True):
                tasks.append(among.get(task, task))
                contexts.append((context, task))
                answers.append(answer)
        result = changes(tasks, contexts, answers)
        shares: Row = {"within": result.within, "between": result.between, "anywhere": result.anywhere}
        head: Row = {"measure": first.measure.name, "condition": name}
        rows.append({**head, **shares, "tasks": result.tasks, "draws": result.draws})
    return rows


def _same(arm: Predictions, questions: Mapping[str, str]) -> dict[str, str]:
    """`questions` without those whose tasks have several right answers."""
    right: dict[str, set[str]] = {}
    for task, question in questions.items():
        right.setdefault(question, set()).add(str(arm.targets.get(task, "")).casefold())
    return {task: question for task, question in questions.items() if len(right[question]) == 1}


def _answers(arm: Predictions) -> list[tuple[int, ...]] | list[str]:
    """Of stated probabilities the most probable class, or those that tie."""
    if arm.sort != "probabilities":
        return [str(said).casefold() for said in arm.table["said"]]
    return [tuple(map(int, np.flatnonzero(row))) for row in arm.choices().answers]
