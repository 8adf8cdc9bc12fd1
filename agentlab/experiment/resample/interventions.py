"""The message that a user wants lost or altered, held against the rollout that is forked."""

from agentlab.engine.cut import Cut, ends
from agentlab.engine.intervention import Change, drop, edit
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.parents import Parent
from agentlab.types import Message


def dropped(parent: Parent, index: int) -> tuple[Cut, Change]:
    """The end of the round of the message, and its loss. Raises `ScenarioError` when it cannot be lost."""
    return _of(parent, index, "--drop"), drop(index)


def edited(parent: Parent, index: int, text: str) -> tuple[Cut, Change]:
    """The end of the round of the message, and what it says instead. Raises `ScenarioError` when it cannot."""
    cut = _of(parent, index, "--edit")
    if parent.messages[index].content == text:
        raise ScenarioError(f"--edit {index}: the message already says that; give another --text")
    return cut, edit(index, text)


def _of(parent: Parent, index: int, option: str) -> Cut:
    """The cut after which somebody may read the message."""
    if not 0 <= index < len(parent.messages):
        last = len(parent.messages) - 1
        raise ScenarioError(f"{option} {index}: no such message; {parent.place} has messages 0 to {last}, as shown")
    message, kinds = parent.messages[index], parent.condition.organization.kinds
    why = ""
    if message.kind == "task":
        why = "it is the task; to change the task, add a level to a factor"
    elif message.kind == "closing":
        why = "it is the closing question, which a fork is asked again if it gets there"
    elif kinds[message.kind].fate != "sent":
        why = f"it reports that something did not arrive ({message.kind})"
    elif Cut(message.round) not in ends(parent.active):
        why = "it is from the last round, after which no agent read anything"
    if why:
        change = [m.index for m in parent.messages if _said(m) and Cut(m.round) in ends(parent.active)]
        known = ", ".join(map(str, change[:24])) or "none"
        raise ScenarioError(f"{option} {index}: {why}; messages that can be changed: {known}")
    return Cut(message.round)


def _said(message: Message) -> bool:
    """Whether an agent wrote it to another."""
    return not message.sender.startswith("@") and any(not name.startswith("@") for name in message.to)
