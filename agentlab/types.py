"""The data types that all packages use: frozen, without behavior, without I/O.

What is made for every call or rollout is a `Struct`, which is made in a fifth of the time of a dataclass: a run makes a
dozen for each call. To change one, use `msgspec.structs.replace`; `dataclasses.replace` takes dataclasses alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec import Struct

TASK, OUTPUT, EVERYONE, POST, SELECT, VETO = "@task", "@output", "@everyone", "@post", "@select", "@veto"
BOARD, WORKSPACE = "@board", "@workspace"
VARIABLE, WEIGHT, REJECT, OBSERVED = "@variable", "@weight", "@reject", "@observed"
"""Members of every organization that are not agents: the client, the output, all contacts of an agent, the sender of
delivery failures, the selector among tries of one agent, the recipient of vetoes, the keeper of tickets, the workspace
for files, and of programs: values of variables, log-weights, rejections, and observed values."""

PRODUCT = "product/"
"""Begins the actor of calls that an agent's programs make; the agent's name follows."""

CallPlace = tuple[str, int, int]
"""Place of a call in its rollout: actor, round, k."""
Role = Literal["system", "user", "assistant", "tool"]
Stop = Literal["end", "length", "refusal", "tool"]
"""Why a reply ended: by itself, cut off by a limit or during reasoning, refused by policy, or to use a tool. A call
with any other reason has failed."""
Fate = Literal["sent", "bounced", "unparsed", "truncated"]
Status = Literal[
    "delivered", "incomplete", "declined", "vetoed", "rejected", "pruned", "limit", "cancelled", "infrastructure"
]
"""How a rollout ended. `rejected`: its program observed something else. `pruned`: a particle that was not kept."""
OutputVia = Literal["protocol", "closing", "none", "imported"]
RolloutKind = Literal["rollout", "fork", "particle", "redraw", "anchor", "pair", "group", "probe", "distance", "hint"]
"""What a row of rollouts is. An `anchor` is a text of known quality, a `pair` two outputs that are compared, a `group`
two outputs that may be the same answer, and a `probe` an output that was changed to test a judge. Judges are asked
about these, but they are not rollouts. A `distance` is the replies of a rollout, scored under trained weights and under
those of the base. A `hint` is a rollout whose prompt has a hint, made only to learn from. A `redraw` is one try of a
turn that is drawn until its messages have a property."""
Purpose = Literal["agent", "judge", "selector", "product", "distance"]
"""The purpose of a call: an agent's turn, a judge's verdict, a choice among the tries of a baseline, a program's
question, or the probability of a reply that is on record."""
Outcome = Literal["scored", "refused", "unparsed", "truncated", "absent", "crash", "timeout", "format", "error"]
"""What a judge made of a rollout. `crash`, `timeout` and `format` are what became of a program that it ran."""


class ToolCall(Struct, frozen=True):
    """A model's request to use a tool; `arguments` is the JSON text that it wrote, unchecked."""

    id: str
    name: str
    arguments: str


class Act(Struct, frozen=True):
    """Something that a tool did and that affects others; a protocol's `act` turns it into messages."""

    kind: str
    content: str = ""
    ref: str | None = None


class ToolResult(Struct, frozen=True):
    """What a tool returned to the call with this id; `error` marks a result that reports a failure."""

    id: str
    content: str
    error: bool = False
    seconds: float = 0.0
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How a tool is offered to a model; `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class ChatMessage(Struct, frozen=True):
    """One entry of a chat as a provider sees it."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    opaque: Any = None
    """Data from the provider that must be sent back unchanged (signed thinking blocks); JSON-able."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Sampling settings of a call; None means unset, and an unset setting is not sent."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    reasoning: str | int | None = None
    """An effort name (`low`, `high`, …) or a budget in tokens, as the provider accepts it."""
    logprobs: int | None = None
    """How many alternatives to return for each sampled token."""
    schema: Mapping[str, Any] | None = None
    """A JSON Schema that the reply must satisfy."""
    score: tuple[str, ...] | None = None
    """Texts to be scored instead of a reply to be sampled. The completion has one entry of `logprobs` for each of them:
    its natural-log probability as the whole reply, at temperature 1. Its text is one of them, drawn in proportion."""


class Where(Struct, frozen=True):
    """The identity of a call. `stream` is its random stream: 63 bits, equal between arms, not part of the identity."""

    rollout: str
    actor: str
    round: int
    k: int
    attempt: int
    stream: int
    rank: int = 0
    """Place of the rollout in the order of work: among waiting calls, the lowest is sent first."""
    purpose: Purpose = "agent"
    judge: str | None = None
    """Of a judge or selector: its name; `actor` then tells its draws apart."""
    judge_draw: int | None = None
    """Of a judge or selector: which of its draws this is, from 0."""


class Request(Struct, frozen=True):
    """One question to one model."""

    chat: tuple[ChatMessage, ...]
    settings: Settings
    tools: tuple[ToolSpec, ...]
    where: Where


class Usage(Struct, frozen=True):
    """Tokens of one call. `reasoning` is part of `output`; `cache_read` and `cache_write` are part of `input`."""

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )

    def __mul__(self, n: int) -> "Usage":
        return Usage(self.input * n, self.output * n, self.reasoning * n, self.cache_read * n, self.cache_write * n)


class TokenLogprob(Struct, frozen=True):
    """A sampled token, its natural-log probability, and the alternatives at its position."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Completion(Struct, frozen=True, omit_defaults=True):
    """What a model answered. A content-policy refusal has `stop == "refusal"`: with `text` the model spoke it."""

    text: str
    """The text of the reply. Once a call is recorded, inline thoughts are in `reasoning`."""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    """None if the provider sent no token counts; usage and cost are then unknown."""
    stop: Stop = "end"
    reasoning: str | None = None
    """The model's thoughts; only readers of the run see them."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    served_model: str | None = None
    request_id: str | None = None
    opaque: Any = None
    """Sent back unchanged as `ChatMessage.opaque` of this reply; JSON-able."""
    seconds: float | None = None
    """Seconds of the request that was answered, without queueing and waits between tries; None if nothing waited."""
    tries: int = 1
    """Number of requests until one was answered."""
    notice: str | None = None
    """The provider's own message about a refusal; agents and judges never see it."""


class MessageKind(Struct, frozen=True):
    """A protocol's declaration of one kind of message. A run records it, so that readers do not need the protocol."""

    shown: Literal["tag", "text", "hidden"] = "tag"
    """How the reader sees it: in a tag with the kind's name and the sender, as bare text, or not at all."""
    ref: str | None = None
    """The attribute of the tag that shows a message's `ref`, such as `subject`; None to leave it out."""
    fate: Fate = "sent"
    """`sent` for messages that arrive. The other values are for those that did not: they count against the agent that
    wrote them, which reads the report (or is its sender, if no agent is told)."""
    wakes: Literal["always", "once", "never"] = "always"
    """Whether an agent acts on it. `once`: not twice in a row on such messages alone. `never`: the message waits until
    the agent acts for another reason."""
    addressed: bool = False
    """Whether the author chose the readers, so that dropping one of them later counts."""


class Message(Struct, frozen=True):
    """One delivered or dropped message. A protocol leaves `round` and `index` unset; the engine fills them in."""

    sender: str
    to: tuple[str, ...]
    kind: str
    """A name in its protocol's `kinds`."""
    content: str
    ref: str | None = None
    """For example, the subject of a mail; for a message that did not arrive, the recipient that was named."""
    round: int = -1
    index: int = -1


class Call(Struct, frozen=True):
    """One model call as it was made. A failed call has `error` and no completion."""

    actor: str
    round: int
    k: int
    attempt: int
    model: str
    settings: Settings
    prompt_hash: str
    completion: Completion | None
    tool_results: tuple[ToolResult, ...] = ()
    started: float = 0.0
    """Seconds since the epoch, UTC."""
    seconds: float = 0.0
    """Seconds of the request that ended it, without queueing and waits between tries."""
    cost: float | None = None
    """US dollars; None when the price is unknown."""
    error: str | None = None
    seeded: bool = False
    """Whether the provider was sent the call's random stream as a seed."""
    tries: int = 1
    """Number of requests. The last one ended the call; the others failed for temporary reasons."""
    purpose: Purpose = "agent"
    judge: str | None = None
    """Of a judge or selector: its name."""
    judge_draw: int | None = None
    """Of a judge or selector: which of its draws this is, from 0."""


class ProgramModel(Struct, frozen=True):
    """The model that a program in a sandbox may ask, and what the program may spend."""

    ask: Callable[[tuple[ChatMessage, ...], Settings, int], Awaitable[Call]]
    """`ask(chat, settings, k)` makes the call or finds it on record. A call that failed has `error`."""
    takes: frozenset[str]
    """Settings that the model takes."""
    tokens: int
    """Prompts and replies together; once they are spent no further call is made."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a tool can see of the turn in which it is used."""

    agent: str
    round: int
    log: tuple[Message, ...]
    """Messages of earlier rounds: the same for all agents of a round."""
    calls: tuple[Call, ...] = ()
    """Calls of this turn so far. The last one requests the tool and has the results of its earlier requests."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The workspace as the round began, by path; empty where the protocol has none."""
    stream: int = 0
    """A 63-bit random stream for this use, equal between arms."""
    resource: Any = None
    """What the toolset opened for this rollout."""
    model: ProgramModel | None = None
    """Of a tool that runs programs: the model that they may ask."""


class Returned(Struct, frozen=True):
    """What a tool returns if it also did something that affects others."""

    content: str
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One problem, given to every arm."""

    id: str
    prompt: str
    target: str | None = None
    """Kept as written: `0.10` is not `0.1`."""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    split: str | None = None


class Rollout(Struct, frozen=True):
    """One condition on one task, one draw, run to its end."""

    key: str
    scenario: str
    task: str
    condition: str
    draw: int
    seed: int
    status: Status
    output: str | None
    output_via: OutputVia
    messages: tuple[Message, ...] = ()
    calls: tuple[Call, ...] = ()
    kind: RolloutKind = "rollout"
    attempt: int = 1
    generation: int = 0
    weight: float | None = None
    """Of a particle: its log-weight when its population ended, in nats; None for every other kind."""
    population: str | None = None
    """Of a particle: the rollout whose population it belongs to."""
    chosen: str | None = None
    """Of a rollout with a population: the particle whose log and output it has."""
    parent: str | None = None
    """Of a fork: the rollout that it was forked from."""
    at: str | None = None
    """A fork's cut. `round` keeps that round and everything before it; `round/agent` drops that turn and all after
    it."""
    fork: int = 0
    """The index of a fork among those of its cut, from 1; 0 for a rollout that is not a fork."""
    change: str = ""
    """What a fork changes: `swap analyst=provider/name`, `drop 12`, `edit 12 0a1b2c3d`."""
    error: str | None = None
    cut: bool = False
    """Whether a length limit cut the output off."""
    of: str | None = None
    """Of a baseline: the rollout it is compared with."""
    budget: float | None = None
    """Of a baseline: what that rollout used, in the matched unit."""
    spent: float | None = None
    """Of a baseline: what its own counted steps used, in the same unit."""
    steps: int | None = None
    """Of a baseline: how many of its rounds count."""
    about: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """For kinds that judges are asked about: the parts of the question, such as the rollouts of a pair."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One score of one criterion. A judge leaves `rollout`, `judge` and `draw` empty; the run fills them in."""

    criterion: str
    outcome: Outcome
    value: float | None = None
    """On the criterion's own scale; None unless `outcome` is `scored`. There is no default score."""
    label: str | None = None
    reason: str | None = None
    call: int | None = None
    """Place `k` of the judge's model call that decided it; None if no model was called."""
    mass: float | None = None
    """Total probability of the scale's digits; None unless scored by log-probabilities."""
    rollout: str = ""
    judge: str = ""
    draw: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """How verdicts become a number: the mean of criteria on `range`, then the mean of judge draws."""

    name: str
    judge: str
    scales: Mapping[str, tuple[float, float]]
    """Lowest and highest score of each counted criterion."""
    range: tuple[float, float]
    """The values of the lowest and the highest score. A decreasing range reverses the direction."""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    """The value of a status (`declined`) or an outcome (`unparsed`), if the scenario gives one."""
    target: float | None = None
    """The ideal value, from which bias is measured. It also defines which direction is better."""
    cases: int = 0
    """Of a judge whose draws are held-out cases: how many there are, all of which must have a value; else 0."""


@dataclass(frozen=True, slots=True)
class JudgeInput:
    """What a judge sees. It contains no arm, key or draw."""

    task: Task
    output: str | None
    messages: tuple[Message, ...] = ()
    workspace: Mapping[str, str] = field(default_factory=dict[str, str])
    rival: str | None = None
    """The other output, for a judge that compares two."""
    cut: bool = False
    """Whether a length limit cut the output off."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model supports, known without importing its SDK.

    `settings` names the fields of `Settings` it accepts. `seed` says whether a random stream can be sent.
    """

    settings: frozenset[str]
    seed: bool = False
    tools: bool = False
    max_logprobs: int = 0
    """Maximum number of alternatives per token; 0 if `logprobs` is not supported."""
    system: bool = True
    """Whether a chat may have a system message; if not, its text goes at the start of the first user message."""
    opens_thought: bool = False
    """Whether the chat template opens the reasoning, so that text without a closing tag is all reasoning."""
