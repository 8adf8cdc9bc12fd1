"""What judges are shown, made in one place, so that every rollout and every text is shown in the same way."""

from collections.abc import Mapping

from agentlab.types import JudgeInput, Rollout, Task


def judge_input(task: Task, rollout: Rollout, workspace: Mapping[str, str] | None = None) -> JudgeInput:
    """A rollout as judges see it; `task` is without addenda, so that nothing tells the arm. `workspace` has files."""
    return JudgeInput(task, rollout.output, rollout.messages, workspace or {})


def text_input(task: Task, text: str | None, rival: str | None = None) -> JudgeInput:
    """A text that nobody's messages belong to, or two of them for a judge of two."""
    return JudgeInput(task, text, rival=rival)


def both_orders(task: Task, a: str | None, b: str | None) -> tuple[JudgeInput, JudgeInput]:
    """Two texts with `a` shown first, then with `b`."""
    return text_input(task, a, rival=b), text_input(task, b, rival=a)
