"""A rollout's turns: what each agent had just read, what it was sent, what it answered, and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentlab.engine.prompt import chat
from agentlab.engine.prompt_hash import answers, hash_of
from agentlab.organization.agents import Organization
from agentlab.organization.markup import Block, Markup
from agentlab.organization.tags import markup_of
from agentlab.types import Call, ChatMessage, Message, Request, Rollout, ToolSpec, Where


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One model call of a turn. `intact` says whether `prompt` has the stored hash; None while that is not known."""

    call: Call
    prompt: tuple[ChatMessage, ...]
    intact: bool | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One agent acting once."""

    agent: str
    round: int
    closing: bool
    """Whether it answers the closing question."""
    read: tuple[Message, ...]
    """What reached it since its last turn."""
    steps: tuple[RecordedCall, ...]
    sent: tuple[Message, ...]
    lost: tuple[Message, ...]
    private: str
    """What of its last answer nobody else read, without the blocks in `unsent`."""
    unsent: tuple[Block, ...]
    """Complete tagged blocks of which nothing was delivered."""
    tries: tuple[Call, ...]
    """Calls at the same places that failed or that a later attempt replaced."""

    @property
    def place(self) -> str:
        return f"{self.round}/{self.agent}"


def turns(
    organization: Organization,
    tools: Mapping[str, Sequence[ToolSpec]],
    rollout: Rollout,
    calls: Sequence[Call],
    final: bool,
    view: bool,
) -> tuple[Turn, ...]:
    """By round, then in roster order. `final` says that the log is complete, so that a wrong hash is a wrong hash.

    `view` says that the protocol also showed what only its code can tell, which is not run here.
    """
    closing = any(message.kind == "closing" for message in rollout.messages)
    answered: dict[str, list[Call]] = {agent.name: [] for agent in organization.agents}
    shown: list[Turn] = []
    for round in sorted({call.round for call in calls}):
        for agent in organization.agents:
            agent_calls = [call for call in calls if (call.round, call.actor) == (round, agent.name)]
            # A closing question that was asked before a raised limit reopened the rollout is no part of its log.
            live = _used(agent_calls) if round <= organization.rounds or closing or not final else []
            if agent_calls and not live:
                shown.append(Turn(agent.name, round, True, (), (), (), (), "", (), tuple(agent_calls)))
            if not live:
                continue
            since = answered[agent.name][-1].round if answered[agent.name] else 0
            steps: list[RecordedCall] = []
            several = not _wants_tools(agent_calls)
            before = [*answered[agent.name]]
            for call in live:
                heard = before if several else answered[agent.name]  # independent replies do not see each other
                prompt = chat(organization, agent, rollout.messages, heard, round)
                same = _same(call, prompt, () if several and len(live) > 1 else tuple(tools.get(agent.name, ())))
                steps.append(RecordedCall(call, prompt, same or (False if final and not view else None)))
                answered[agent.name].append(call)
            shown.append(_turn(organization, rollout.messages, steps, since, [c for c in agent_calls if c not in live]))
    return tuple(shown)


def _used(calls: Sequence[Call]) -> list[Call]:
    """The calls of one turn that its log was made from: the latest success at each place, else the latest failure.

    A turn that uses tools ends with the first answer that wants none; calls behind it belong to an attempt that was
    replaced. A turn in which no call wants a tool may have several independent replies.
    """
    several = not _wants_tools(calls)
    live: list[Call] = []
    for k in sorted({call.k for call in calls}):
        here = [call for call in calls if call.k == k]
        live.append(max((c for c in here if c.error is None), key=_attempt, default=max(here, key=_attempt)))
        if not several and (live[-1].completion is None or not live[-1].completion.tool_calls):
            break
    return live


def _wants_tools(calls: Sequence[Call]) -> bool:
    return any(call.completion is not None and call.completion.tool_calls for call in calls)


def _attempt(call: Call) -> int:
    return call.attempt


def _same(call: Call, prompt: tuple[ChatMessage, ...], tools: tuple[ToolSpec, ...]) -> bool:
    where = Where("", call.actor, call.round, call.k, call.attempt, 0)
    request = Request(prompt, call.settings, tools, where)
    return answers(call.prompt_hash, hash_of(request), request)


def _turn(
    organization: Organization, log: Sequence[Message], steps: Sequence[RecordedCall], since: int, tries: Sequence[Call]
) -> Turn:
    last = steps[-1].call
    agent, round = last.actor, last.round
    now = [message for message in log if message.round == round]
    arrived = {name for name, kind in organization.kinds.items() if kind.fate == "sent"}
    failed = [message for message in now if message.kind not in arrived]
    lost = [m for m in failed if (agent in m.to if m.sender.startswith("@") else m.sender == agent)]
    sent = [m for m in now if m.sender == agent and m.kind in arrived]
    text, delivered = last.completion.text if last.completion else "", [message.content for message in sent]
    private, unsent = apart(text, delivered, markup_of(organization.tags))
    return Turn(
        agent=agent,
        round=round,
        closing=round > organization.rounds,
        read=tuple(m for m in log if agent in m.to and since <= m.round < round),
        steps=tuple(steps),
        sent=tuple(sent),
        lost=tuple(lost),
        private=private,
        unsent=tuple(unsent),
        tries=tuple(tries),
    )


def apart(text: str, delivered: Sequence[str], markup: Markup) -> tuple[str, list[Block]]:
    """What of a reply stayed private, and its complete blocks of which nothing was delivered."""
    if text.strip() in (content.strip() for content in delivered):
        return "", []
    closed = [block for block in markup.parse(text) if block.body is not None]
    arrived = {content.strip() for content in delivered}
    unsent = [block for block in closed if block.body not in arrived]
    return markup.outside(text), unsent
