"""What an agent saw: a pure fold over the log that gives the same bytes whenever it is made again.

`chat` defines it. A `Fold` gives the same result turn by turn, without reading the log again.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

from msgspec import Struct

from agentlab.engine.prompt_hash import SIZE, entry_hash
from agentlab.engine.shown import entries as shown
from agentlab.engine.shown import left_out, size
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.tags import markup_of
from agentlab.types import Call, ChatMessage, Message


def chat(
    organization: Organization, agent: Agent, log: Sequence[Message], calls: Sequence[Call], round: int
) -> tuple[ChatMessage, ...]:
    """The chat that `agent` is sent in `round`.

    `log` holds messages of earlier rounds (later ones are not looked at), `calls` this agent's own calls so far, in
    order; those of `round` itself are the earlier steps of a turn that uses tools. Calls of others do not matter.
    """
    system = organization.systems[agent.name]
    entries = [ChatMessage("system", system)] if system else []
    heard = [message for message in log if agent.name in message.to]
    turns = list(dict.fromkeys(call.round for call in calls))
    if round not in turns:
        turns.append(round)
    first = _first_kept(agent, turns)
    brief = _brief(organization, agent, log)
    for i, turn in enumerate(turns):
        if i < first:
            continue
        since = turns[i - 1] if i else 0
        parts = [brief] if i == first and brief else []
        read = [message for message in heard if since <= message.round < turn]
        parts += render(organization, [*read, *viewed(organization, agent, log, turn)])
        entries.append(ChatMessage("user", "\n\n".join(parts)))
        turn_calls = [call for call in calls if call.round == turn]
        hidden = left_out([*map(size, turn_calls)], organization.turn.shown)
        entries += (entry for j, call in enumerate(turn_calls) for entry in shown(agent, call, j >= hidden))
    return tuple(entries)


def viewed(organization: Organization, agent: Agent, log: Sequence[Message], round: int) -> Sequence[Message]:
    """What the protocol shows the agent in this round beside its mail."""
    view = organization.hooks.view
    return view(agent.name, [message for message in log if message.round < round], round) if view else ()


def render(organization: Organization, messages: Iterable[Message]) -> list[str]:
    """Messages as their reader sees them, by their declared kinds. Tags of the protocol in quoted text are escaped."""
    markup, kinds = markup_of(organization.tags), organization.kinds
    shown: list[str] = []
    for m in messages:
        kind = kinds[m.kind]
        if kind.shown == "text":
            shown.append(markup.escape(m.content))
        elif kind.shown == "tag":
            head = _head(organization.tags, m.kind, m.sender, kind.ref, m.ref)
            shown.append(f"<{head}>\n{markup.escape(m.content)}\n</{m.kind}>")
    return shown


@lru_cache(maxsize=1024)
def _head(tags: tuple[str, ...], kind: str, sender: str, name: str | None, ref: str | None) -> str:
    """What the tag of a message says; agents write under the same few subjects again and again."""
    markup = markup_of(tags)
    attribute = f' {name}="{markup.attribute(ref)}"' if name and ref else ""
    return f'{kind} from="{markup.attribute(sender)}"{attribute}'


def _first_kept(agent: Agent, turns: list[int]) -> int:
    if agent.memory == "all":
        return 0
    return len(turns) - 1 if agent.memory == "unread" else max(0, len(turns) - 1 - agent.memory)


def _brief(organization: Organization, agent: Agent, log: Sequence[Message]) -> str:
    if agent.name not in organization.protocol.briefed:
        return ""
    escape = markup_of(organization.tags).escape
    return next((escape(message.content) for message in log if message.kind == "task"), "")


@lru_cache(maxsize=512)
def _system(text: str) -> tuple[ChatMessage, bytes]:
    """The entry and its hash, made once for all rollouts."""
    entry = ChatMessage("system", text)
    return entry, entry_hash(entry)


class Fold(Struct):
    """The chat of one agent as it grows, so that a turn costs what was added since the last one; equal to `chat`.

    The entries are those that a later turn may still be shown: an agent without memory leaves its past behind.
    """

    entries: list[ChatMessage] = []
    """Without the system prompt. The first is a turn's mail, after the task where it is shown."""
    hashes: bytearray = bytearray()
    """Of the entries, `SIZE` bytes each."""
    headed: bool = False
    """Whether the first entry has the task before it. It lacks it while the task is not known."""
    heads: list[tuple[int, tuple[str, ...]]] = []
    """Where turns begin in `entries`, and what had been read then; of an agent that remembers all, the first alone."""
    round: int = -1
    """The round of the last turn."""
    read: int = 0
    """Messages of the log that have been looked at."""
    said: int = 0
    """Calls of the agent that are in `entries`."""
    brief: str = ""
    """The task, for an agent that is shown it."""
    turn: list[tuple[int, Call]] = []
    """Of the last turn: its calls, each with the place of its reply in `entries`."""
    hidden: int = 0
    """How many calls of the last turn have their results shown as one line."""

    def copy(self) -> "Fold":
        """Another chat that grows from here."""
        entries, hashes, heads, turn = self.entries.copy(), self.hashes.copy(), self.heads.copy(), self.turn.copy()
        rest = (self.round, self.read, self.said, self.brief, turn, self.hidden)
        return Fold(entries, hashes, self.headed, heads, *rest)

    def chat(
        self, organization: Organization, agent: Agent, log: Sequence[Message], calls: Sequence[Call], round: int
    ) -> tuple[tuple[ChatMessage, ...], bytes]:
        """The chat that `agent` is sent in `round`, and the hashes of its entries.

        Log and calls hold what they held before, and what was added.
        """
        if not self.brief:
            self.brief = _brief(organization, agent, log)
        self.remember(organization, agent, log, calls)
        self._turn(organization, agent, log, round)
        if self.brief and not self.headed:
            _, parts = self.heads[0]
            self._replace(0, ChatMessage("user", "\n\n".join((self.brief, *parts))))
            self.headed = True
        if not (system := organization.systems[agent.name]):
            return tuple(self.entries), bytes(self.hashes)
        entry, hashed = _system(system)
        return (entry, *self.entries), hashed + self.hashes

    def remember(self, organization: Organization, agent: Agent, log: Sequence[Message], calls: Sequence[Call]) -> None:
        """Adds the calls made so far, and the mail that was read before each."""
        for call in islice(calls, self.said, None):
            self._turn(organization, agent, log, call.round)
            self.turn.append((len(self.entries), call))
            for entry in shown(agent, call, True):
                self._add(entry)
            if call.tool_results:
                self._leave_out(organization, agent)
        self.said = len(calls)

    def _leave_out(self, organization: Organization, agent: Agent) -> None:
        """Replaces older results of the turn by one line each, if all together are more than a prompt shows."""
        before = self.hidden
        self.hidden = left_out([size(call) for _, call in self.turn], organization.turn.shown)
        for at, call in self.turn[before : self.hidden]:
            for i, entry in enumerate(shown(agent, call, False), at):
                self._replace(i, entry)

    def _turn(self, organization: Organization, agent: Agent, log: Sequence[Message], round: int) -> None:
        """Begins the turn of `round` with what arrived since the turn before, unless it has begun."""
        if round == self.round:
            return
        heard: list[Message] = []
        while self.read < len(log) and (message := log[self.read]).round < round:
            self.read += 1
            if agent.name in message.to:
                heard.append(message)
        parts = render(organization, [*heard, *viewed(organization, agent, log, round)])
        if agent.memory != "all":
            self._forget(0 if agent.memory == "unread" else agent.memory)
        if agent.memory != "all" or not self.heads:
            self.heads.append((len(self.entries), tuple(parts)))
        head = [self.brief] if self.brief and not self.entries else []
        self.headed = self.headed or bool(head)
        self._add(ChatMessage("user", "\n\n".join(head + parts)))
        self.round, self.turn, self.hidden = round, [], 0

    def _add(self, entry: ChatMessage) -> None:
        self.entries.append(entry)
        self.hashes += entry_hash(entry)

    def _replace(self, at: int, entry: ChatMessage) -> None:
        self.entries[at] = entry
        self.hashes[at * SIZE : (at + 1) * SIZE] = entry_hash(entry)

    def _forget(self, kept: int) -> None:
        """Drops all but the last `kept` turns."""
        dropped = len(self.heads) - kept
        if dropped > 0:
            start = self.heads[dropped][0] if kept else len(self.entries)
            del self.entries[:start]
            del self.hashes[: start * SIZE]
            self.headed = False
            self.heads = [(at - start, parts) for at, parts in self.heads[dropped:]]
