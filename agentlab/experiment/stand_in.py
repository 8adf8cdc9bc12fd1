"""What takes the place of models and tools while a design is estimated: typical replies, and tools that do nothing."""

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from agentlab.engine.spec import RolloutSpec
from agentlab.interfaces import Model, Toolset
from agentlab.models.simulated.tool_use import call, called, offered
from agentlab.models.spec import ModelSpec
from agentlab.models.wrapping import Wrapping
from agentlab.tools import TICKETS, is_of_tickets
from agentlab.types import ChatMessage, Completion, Request, Returned, Scene, Task, ToolSpec, Usage

WORDS = 250
"""Length of a reply where `max_tokens` does not make it shorter."""
USES, RESULT = 2, 100
"""How often an agent with tools uses one in a turn, and words of the result."""
TICKET = 60
"""Words of a ticket."""
_WORKERS = re.compile(r"^The workers are (.+?)\. A ticket", re.MULTILINE)
_CONTACTS = re.compile(r"^You may write to: (.+)$", re.MULTILINE)
_TICKETS = frozenset(TICKETS)


@dataclass(frozen=True, slots=True)
class Typical(Wrapping):
    """Replies like those of `inner`, `sim/chatter`, made as long as the real model is expected to write."""

    spec: ModelSpec
    inner: Model

    @property
    def name(self) -> str:
        """Of the real model."""
        return self.spec.name

    async def complete(self, request: Request) -> Completion:
        """Uses tools first, then does what its protocol asks of it."""
        answer = await self.inner.complete(structs.replace(request, chat=_told(request.chat)))
        most = request.settings.max_tokens or self.spec.max_tokens or 10**9
        if request.settings.schema is None and request.settings.logprobs is None and "<verdict" not in answer.text:
            words = " ".join(["word"] * max(1, min(WORDS, most * 3 // 4)))
            tools = sorted(offered(request) - _TICKETS)
            if tools and request.where.k < USES:
                answer = called(request, [call(0, tools[0], {})], words)
            else:
                answer = _split(request, answer)
                answer = structs.replace(answer, text=_said(request, words, answer.text))
        size = sum(len(entry.content) for entry in request.chat)
        wrote = len(answer.text) + sum(len(wish.arguments) for wish in answer.tool_calls)
        return structs.replace(answer, usage=Usage(-(-size // 4), max(1, min(most, -(-wrote // 4)))))


def _split(request: Request, answer: Completion) -> Completion:
    """Of a lead that puts up tickets: one for each worker, whom the board's manual names in the system prompt."""
    workers = _WORKERS.search(request.chat[0].content) if request.chat else None
    wishes = any(wish.name == "ticket" for wish in answer.tool_calls)
    if workers is None or not (wishes or "\n<ticket " in answer.text):
        return answer
    about = " ".join(["word"] * TICKET)
    ids = [f"T{i}" for i, _ in enumerate(workers[1].split(", "), 1)]
    if wishes:
        return called(request, [call(i, "ticket", {"id": id, "text": about}) for i, id in enumerate(ids)])
    return structs.replace(answer, text="".join(f'\n<ticket id="{id}">{about}</ticket>' for id in ids))


def _told(chat: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """The chat up to what the agent was told last, without what its tools returned: that is what it answers."""
    last = [i for i, entry in enumerate(chat) if entry.role == "user" and not entry.content.startswith("<result tool=")]
    return chat[: last[-1] + 1] if last else chat


def _said(request: Request, words: str, plausible: str) -> str:
    """The words as a mail to up to two contacts, which the protocol's manual names in the system prompt; else before
    the tags of what the simulated model does at a board."""
    names = _CONTACTS.search(request.chat[0].content) if request.chat else None
    if names is None:
        _, tag, tags = plausible.partition("\n<")
        return f"{words}{tag}{tags}"
    contacts, at = names[1].split(", "), request.where.stream
    chosen = dict.fromkeys((contacts[at % len(contacts)], contacts[at // 7 % len(contacts)]))
    return f'<mail to="{", ".join(chosen)}" subject="the task">{words}</mail>'


@dataclass(frozen=True, slots=True)
class _Tool:
    """Looks like a tool and does nothing."""

    spec: ToolSpec

    async def __call__(self, scene: Scene, arguments: Mapping[str, Any]) -> Returned:
        return Returned(" ".join(["word"] * RESULT))


@dataclass(frozen=True, slots=True)
class _Tools:
    tools: tuple[_Tool, ...]

    def open(self, task: Task) -> AbstractAsyncContextManager[Any]:
        """Nothing is to be opened."""
        return nullcontext()


def stand_in(rollout_spec: RolloutSpec) -> RolloutSpec:
    """The same rollout with tools that do nothing, but those for tickets; its program ends although its replies cannot
    be read."""
    organization = rollout_spec.organization
    whole: Any = getattr(organization.protocol, "to_the_end", None)
    organization = replace(organization, protocol=whole()) if whole is not None else organization
    agents = tuple(replace(agent, tools=tuple(map(_idle, agent.tools))) for agent in organization.agents)
    return structs.replace(rollout_spec, organization=replace(organization, agents=agents))


def _idle(toolset: Toolset) -> Toolset:
    return toolset if is_of_tickets(toolset) else _Tools(tuple(_Tool(tool.spec) for tool in toolset.tools))
