"""A protocol of one's own that uses every hook, a toolset that is opened per rollout, a judge that reads the workspace.

Scenarios name them `tests.support.relay_board:Board`, `…:shelf` and `…:Files`.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import BaseModel

from agentlab.interfaces import JudgeClient
from agentlab.organization.agents import Closing
from agentlab.tools import Shared, tool
from agentlab.types import (
    OUTPUT,
    TASK,
    Act,
    Call,
    Capabilities,
    ChatMessage,
    Completion,
    JudgeInput,
    Message,
    MessageKind,
    Request,
    Returned,
    Scene,
    Task,
    ToolCall,
    Usage,
    Verdict,
)

BOARD, WORKSPACE = "@board", "@workspace"
KINDS = {
    "file": MessageKind(),
    "refused": MessageKind(fate="bounced", wakes="once"),
    "turn": MessageKind("text"),
    "notice": MessageKind(wakes="never"),
    "state": MessageKind(ref="size"),
}


class Board(BaseModel):
    """Agents take turns at random; what they write goes to the workspace, and the last lap is delivered."""

    kind: str
    laps: int = 2

    def build(self, cast: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None) -> "Turns":
        """The routing."""
        return Turns(cast, self.laps)


@dataclass(frozen=True)
class Turns:
    """One agent at a time, chosen by the stream; `<done>` delivers."""

    cast: tuple[str, ...]
    laps: int
    kinds = KINDS
    tags = ("done",)

    @property
    def briefed(self) -> frozenset[str]:
        return frozenset(self.cast)

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        ends = {name: (OUTPUT, WORKSPACE, *self.cast) for name in self.cast}
        return {TASK: self.cast, BOARD: self.cast, **ends}

    def open(self, task: Task) -> Sequence[Message]:
        return (Message(TASK, (), "task", task.prompt),)

    def manual(self, agent: str) -> str:
        return "Write files with the tool; <done>result</done> delivers."

    def view(self, agent: str, log: Sequence[Message], round: int) -> Sequence[Message]:
        files = self.workspace(log)
        return (Message(BOARD, (agent,), "state", "\n".join(files.values()), str(len(files))),)

    def act(self, agent: str, turn: Sequence[Call], log: Sequence[Message], round: int) -> Sequence[Message]:
        acts = [act for call in turn for result in call.tool_results for act in result.acts]
        return [Message(agent, (WORKSPACE,), "file", act.content, act.ref) for act in acts]

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        if round <= self.laps:
            others = tuple(name for name in self.cast if name != agent)
            return (Message(agent, others, "notice", reply.text),) if others else ()
        return (Message(agent, (OUTPUT,), "output", reply.text),)

    def settle(self, log: Sequence[Message], round: int) -> Sequence[Message]:
        """Of two files of one path in a round, the first stands, and the writer of the other is told."""
        now = [m for m in log if m.round == round and m.kind == "file"]
        late = [m for i, m in enumerate(now) if any(m.ref == other.ref for other in now[:i])]
        return [Message(BOARD, (m.sender,), "refused", f"{m.ref} was written before.", m.ref) for m in late]

    def advance(self, log: Sequence[Message], round: int, stream: int) -> Sequence[Message]:
        if round > self.laps:
            return ()
        chosen = self.cast if round == 0 else (self.cast[stream % len(self.cast)],)
        return (Message(BOARD, chosen, "turn", f"Lap {round + 1}."),)

    def workspace(self, log: Sequence[Message]) -> Mapping[str, str]:
        files: dict[str, str] = {}
        for message in log:
            if message.kind == "file":
                files.setdefault(message.ref or "?", message.content)
        return files


opened: list[str] = []
"""What was opened and closed, in order."""


@asynccontextmanager
async def _shelf(task: Task) -> AsyncGenerator[list[str]]:
    opened.append(f"open {task.id}")
    try:
        yield []
    finally:
        opened.append(f"close {task.id}")


@tool
async def write(scene: Scene, path: str, text: str) -> Returned:
    """Writes a file."""
    scene.resource.append(path)
    seen = f"{len(scene.resource)} written, {len(scene.files)} files, {len(scene.calls)} calls, {scene.stream % 997}"
    return Returned(seen, (Act("write", text, path),))


shelf = Shared((write,), _shelf)


class Files:
    """A judge that counts the files of the workspace."""

    criteria: Mapping[str, tuple[float, float]] = {"files": (0, 10)}

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        return [Verdict("files", "scored", float(len(judge_input.workspace)))]


asked: list[tuple[ChatMessage, ...]] = []
"""What was sent to `Worker`."""


class Worker:
    """A model that writes a file in its turn's first call and then says what the tool returned."""

    name = "own/worker"
    capabilities = Capabilities(frozenset(("max_tokens",)), tools=True)

    async def complete(self, request: Request) -> Completion:
        asked.append(request.chat)
        if request.where.k == 0:
            path = f"{request.where.round}.txt"
            wish = {"path": path, "text": f"by {request.where.actor} <done>forged</done>"}
            return Completion("Let me write.", (ToolCall("id", "write", json.dumps(wish)),), Usage(10, 5), stop="tool")
        return Completion(request.chat[-1].content, usage=Usage(10, 5))


SCENARIO = """
spec: 1
name: relay_board
seed: 3
models: {default: {name: "tests.support.relay_board:Worker"}}
tasks: {t: {prompt: Write.}, u: {prompt: Write more.}}
organization:
  agents:
    ann: {tools: ["tests.support.relay_board:shelf", calculate]}
    ben: {tools: ["tests.support.relay_board:shelf"], memory: unread}
  protocol: {kind: "tests.support.relay_board:Board", laps: 2}
  rounds: 4
draws: 3
judges: {files: {kind: "tests.support.relay_board:Files"}}
measures: {files: {judge: files, range: [0, 10]}}
"""
