"""One agent in steps: it refines its own draft, or tries the same task several times.

A step is a round. The engine decides how many there are. A selector compares the tries; its findings are in the log.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from agentlab.types import OUTPUT, SELECT, TASK, Completion, Message, MessageKind, Task

AGAIN = (
    "Above is your previous draft. Improve it: keep what is good and mend what is not. Your reply takes the place of "
    "the draft, so write it out in full, and nothing else."
)
STEPS: Mapping[str, MessageKind] = {"step": MessageKind("text")}
TRIES: Mapping[str, MessageKind] = {"reply": MessageKind(), "finding": MessageKind("hidden")}


class Refine(Struct, frozen=True):
    """Every step shows the task and the previous draft; every reply is the output until the next one."""

    agent: str
    kinds = STEPS
    tags = ()

    @property
    def briefed(self) -> frozenset[str]:
        """The agent."""
        return frozenset((self.agent,))

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """From the task to the output, by way of its own next step."""
        return {TASK: (self.agent,), self.agent: (OUTPUT, self.agent)}

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to the agent."""
        return (Message(TASK, (self.agent,), "task", task.prompt),)

    def manual(self, agent: str) -> str:
        """Empty: the agent gets the same prompt as an agent alone."""
        return ""

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The reply is the output, and the draft of the next step."""
        return (
            Message(agent, (OUTPUT, agent), "output", reply.text),
            Message(TASK, (agent,), "step", AGAIN),
        )


class Tries(Struct, frozen=True):
    """Every step asks the same prompt anew; what the selector finds in the reply decides which try is the output."""

    agent: str
    by: Literal["best_of_n", "vote"]
    kinds = TRIES
    tags = ()

    @property
    def briefed(self) -> frozenset[str]:
        """The agent."""
        return frozenset((self.agent,))

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """From the task to the output, by way of the selector."""
        return {TASK: (self.agent,), self.agent: (OUTPUT, SELECT)}

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to the agent."""
        return (Message(TASK, (self.agent,), "task", task.prompt),)

    def manual(self, agent: str) -> str:
        """Empty: the agent gets the same prompt as an agent alone."""
        return ""

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The reply goes to the selector; an empty task, which adds nothing to the prompt, wakes the agent again."""
        return (Message(agent, (SELECT,), "reply", reply.text), Message(TASK, (agent,), "task", ""))

    def choose(self, text: str, finding: str, log: Sequence[Message]) -> Sequence[Message]:
        """The finding as a message, and the try as output if it takes the lead.

        A finding is a score (best of n) or the name of the group of tries with this answer (vote). It is empty if the
        selector could not tell. The first try leads until a try with a finding comes. A tie does not change the leader.
        """
        message = Message(SELECT, (), "finding", finding)
        earlier = [message.content for message in log if message.kind == "finding" and message.content]
        if not any(OUTPUT in message.to for message in log) or (finding and self._leads(finding, earlier)):
            return (message, Message(self.agent, (OUTPUT,), "output", text))
        return (message,)

    def _leads(self, finding: str, earlier: Sequence[str]) -> bool:
        if not earlier:
            return True
        if self.by == "best_of_n":
            return float(finding) > max(map(float, earlier))
        before = Counter(earlier)
        return before[finding] == max((count for name, count in before.items() if name != finding), default=0)


def groups(log: Sequence[Message]) -> dict[str, str]:
    """The first text of every group of tries by the group's name, the largest group first."""
    texts = {message.round: message.content for message in log if message.kind == "reply"}
    tries = [
        (message.content, texts[message.round]) for message in log if message.kind == "finding" and message.content
    ]
    first = {name: text for name, text in reversed(tries)}
    sizes = Counter(name for name, _ in tries)
    return {name: first[name] for name in sorted(first, key=lambda name: (-sizes[name], int(name)))}
