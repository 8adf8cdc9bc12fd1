"""One agent in steps whose work is the files of a workspace: the baseline of a team at a board."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentlab.organization.board import manual, route, workspace
from agentlab.organization.protocols.board import Board
from agentlab.organization.protocols.solo import Tries
from agentlab.types import OUTPUT, SELECT, TASK, WORKSPACE, Call, Completion, Message, MessageKind, Task

AGAIN = (
    "Above is the report on your previous draft. The files are as you left them. Improve the work: keep what is good "
    "and mend what is not. A file that you do not write stays as it is. Your new report takes the place of the old one."
)
_REPORT = "What you write outside of these tags is your report, which is the output."
KINDS: Mapping[str, MessageKind] = {
    "board": MessageKind(),
    "file": MessageKind("hidden", ref="path"),
    "removed": MessageKind("hidden", ref="path"),
    "bounce": MessageKind(fate="bounced", wakes="once"),
    "unparsed": MessageKind(fate="unparsed", wakes="once"),
    "truncated": MessageKind(fate="truncated"),
    "step": MessageKind("text"),
    "reply": MessageKind(),
    "finding": MessageKind("hidden"),
    "tried_file": MessageKind("hidden", ref="path"),
    "tried_removed": MessageKind("hidden", ref="path"),
}
_TRIED = {"file": "tried_file", "removed": "tried_removed"}
_MADE = {tried: made for made, tried in _TRIED.items()}


@dataclass(frozen=True, slots=True)
class Steps:
    """With `refine`, each step begins with the files of the step before. With tries, each begins with the task's files,
    and the workspace holds the files of the try that is the output."""

    agent: str
    by: Literal["refine", "best_of_n", "vote"]
    board: Board
    """The team's, for the agent alone."""
    kinds = KINDS
    tags = ("file",)

    @property
    def briefed(self) -> frozenset[str]:
        """The agent."""
        return self.board.briefed

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """From the task to the files and the output, by way of its own next step or of the selector."""
        return {TASK: (self.agent, WORKSPACE), self.agent: (OUTPUT, WORKSPACE, self.agent if self._refines else SELECT)}

    @property
    def _refines(self) -> bool:
        return self.by == "refine"

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to the agent, its files into the workspace."""
        return (Message(TASK, (self.agent,), "task", task.prompt), *workspace.given(task))

    def manual(self, agent: str) -> str:
        """How to write files."""
        return "\n".join((manual.FILE, *manual.fixed(self.board.rules), _REPORT))

    def view(self, agent: str, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The files that the step begins with."""
        return self.board.view(agent, log, round)

    def act(self, agent: str, turn: Sequence[Call], log: Sequence[Message], round: int) -> Sequence[Message]:
        """The files that tools wrote or removed."""
        return tuple(map(self._kept, self.board.act(agent, turn, log, round)))

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The files of the reply, and what it says beside them."""
        written = route.written(self.board.rules, agent, reply, self.board.seen(log))
        if not self._refines:
            again = Message(TASK, (agent,), "task", "")
            return (*map(self._kept, written), Message(agent, (SELECT,), "reply", reply.text), again)
        report = route.FILES.outside(reply.text) or _named(written)
        return (
            *written,
            Message(agent, (OUTPUT, agent), "output", report),
            Message(TASK, (agent,), "step", AGAIN),
        )

    def _kept(self, message: Message) -> Message:
        """A message of a try: its files do not count until it is chosen, and the next try reads none of its bounces."""
        if self._refines:
            return message
        kind = _TRIED.get(message.kind, message.kind)
        return Message(self.agent, (WORKSPACE,) if kind in _MADE else (), kind, message.content, message.ref)

    def choose(self, text: str, finding: str, log: Sequence[Message]) -> Sequence[Message]:
        """As for tries without files. The files of a try that takes the lead replace those of the try before."""
        round = log[-1].round
        made = Tries(self.agent, "vote" if self.by == "vote" else "best_of_n").choose(text, finding, log)
        if not any(OUTPUT in message.to for message in made):
            return made
        tried = [m for m in log if m.round == round and m.kind in _MADE]
        files = workspace.files(
            (Message(m.sender, m.to, _MADE[m.kind], m.content, m.ref) for m in tried),
            workspace.files(self.board.seen(log)),
        )
        report = route.FILES.outside(text) or _named(tried)
        output = Message(self.agent, (OUTPUT,), "output", report)
        return (made[0], *self._changes(workspace.files(log), files), output)

    def _changes(self, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Message]:
        for path in (path for path in before if path not in after):
            yield Message(self.agent, (WORKSPACE,), "removed", "", path)
        for path, text in after.items():
            if before.get(path) != text:
                yield Message(self.agent, (WORKSPACE,), "file", text, path)

    def begins(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The files that a step begins with."""
        return workspace.files(self.board.seen(log))

    def workspace(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The files that count so far."""
        return workspace.files(log)


def _named(written: Sequence[Message]) -> str:
    """A report for a reply that is nothing but files."""
    paths = dict.fromkeys(m.ref for m in written if m.ref and m.kind in (*_TRIED, *_MADE))
    return f"Files: {', '.join(paths)}" if paths else ""
