"""What judges are shown, made in one place, so that every rollout and every text is shown in the same way."""

from collections.abc import Mapping

from agentlab.types import JudgeInput, Rollout, Task

REFUSED = ("declined", "vetoed")
"""Statuses whose output and files are before no judge: a refusal is worth what the scenario says of the status."""


def judge_input(task: Task, rollout: Rollout, workspace: Mapping[str, str] | None = None) -> JudgeInput:
    """A rollout as judges see it; `task` is without addenda, so that nothing tells the arm. `workspace` has files."""
    files = {} if rollout.status in REFUSED else workspace or {}
    return JudgeInput(task, judged_output(rollout), rollout.messages, files, cut=rollout.cut)


def judged_output(rollout: Rollout) -> str | None:
    """The output that is before judges."""
    return None if rollout.status in REFUSED else rollout.output


def text_input(task: Task, text: str | None, rival: str | None = None) -> JudgeInput:
    """A text that nobody's messages belong to, or two of them for a judge of two."""
    return JudgeInput(task, text, rival=rival)


def both_orders(task: Task, a: str | None, b: str | None) -> tuple[JudgeInput, JudgeInput]:
    """Two texts with `a` shown first, then with `b`."""
    return text_input(task, a, rival=b), text_input(task, b, rival=a)
