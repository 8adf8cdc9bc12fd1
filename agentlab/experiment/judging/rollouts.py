"""Scores finished rollouts: every judge, every draw that has no final verdict yet, each by its own recorded calls."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace

from agentlab.engine.client import Client
from agentlab.interfaces import Judge, JudgeClient
from agentlab.judges.once import judge_once
from agentlab.seeds import stream
from agentlab.store import Store
from agentlab.types import (
    Call,
    CallPlace,
    Capabilities,
    ChatMessage,
    JudgeInput,
    Purpose,
    Request,
    Settings,
    Verdict,
    Where,
)

_NOTHING = Capabilities(frozenset())


@dataclass(frozen=True, slots=True)
class JudgeDraw:
    """One draw of a judge, on a finished rollout or on a try that a baseline selects from."""

    judge: str
    draw: int
    purpose: Purpose = "judge"

    @property
    def actor(self) -> str:
        """What tells its calls from others of the rollout, and names its random streams."""
        return f"{'judge' if self.purpose == 'judge' else 'select'}/{self.judge}/{self.draw}"


@dataclass(frozen=True, slots=True)
class JudgingItem:
    """What is before its judges. `root` is the lineage of its streams, which leaves the condition out."""

    rollout: str
    """Key of its row."""
    root: str
    inputs: tuple[JudgeInput, ...]
    """What is shown, by order: draw i is shown the one at i modulo their number."""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class JudgingRecord:
    """What is on record of a rollout's judgment: calls that succeeded, and attempts that must not be used again."""

    recorded: Mapping[CallPlace, Call] = field(default_factory=dict[CallPlace, Call])
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    """The highest attempt that failed, by actor."""
    floor: int = 0
    """An attempt that every call must exceed: the judged text is another one since."""


_NO_PAST = JudgingRecord()


def past_of(store: Store, rollout: str, attempt: int) -> JudgingRecord:
    """What is on record of the judgment of this attempt of a rollout; judges' calls on an earlier one do not count."""
    recorded = {step: call for step, call in store.recorded(rollout).items() if call.attempt >= attempt}
    return JudgingRecord(recorded, store.failed_attempts(rollout, judges=True), attempt - 1)


@dataclass(frozen=True, slots=True)
class JudgeRunner:
    """The judges of a run with what they need. `settings` are those of their models, by alias."""

    judges: Mapping[str, Judge]
    store: Store
    client: Client
    settings: Mapping[str, Settings]

    def pending(self, done: Set[tuple[str, int]]) -> list[tuple[Judge, int]]:
        """Judges and draws (from 0) that are not among those already final."""
        judges = self.judges.values()
        return [(judge, draw) for judge in judges for draw in range(judge.draws) if (judge.name, draw) not in done]

    async def judge(
        self, item: JudgingItem, pending: Sequence[tuple[Judge, int]], past: JudgingRecord = _NO_PAST
    ) -> list[Verdict]:
        """Verdicts of the pending draws, each draw committed by itself."""
        client = replace(self.client, recorded=past.recorded)
        verdicts: list[Verdict] = []
        for judge, draw in pending:
            judge_draw = JudgeDraw(judge.name, draw)
            attempt = 1 + max(past.floor, past.failed.get(judge_draw.actor, 0))
            asking = self._client(judge, client, item, judge_draw, attempt)
            new = await judge_once(judge, item.inputs[draw % len(item.inputs)], item.rollout, asking)
            await self.store.judge(new)
            verdicts += new
        return verdicts

    def _client(
        self, judge: Judge, client: Client, item: JudgingItem, judge_draw: JudgeDraw, attempt: int
    ) -> JudgeClient:
        seed = stream(item.root, judge_draw.actor, "order")
        if judge.model is None:
            return NoModel(judge_draw.draw, seed)
        settings = self.settings[judge.model]
        return RecordingJudgeClient(judge_draw, seed, client, judge.model, settings, item, attempt)


@dataclass(frozen=True, slots=True)
class RecordingJudgeClient:
    """One judge draw's way to its model."""

    asking: JudgeDraw
    seed: int
    client: Client
    alias: str
    defaults: Settings
    item: JudgingItem
    attempt: int
    round: int = 0
    """That of the try which a selector looks at; 0 for the judges of a finished rollout."""
    asked: set[int] = field(default_factory=set[int])
    """Places of the calls made so far: a second call at one place would take the row of the first."""
    made: list[Call] = field(default_factory=list[Call])
    """Its calls that were answered or failed are added here."""

    @property
    def draw(self) -> int:
        return self.asking.draw

    @property
    def capabilities(self) -> Capabilities:
        return self.client.models[self.alias].capabilities

    async def __call__(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        if k in self.asked:
            raise ValueError(f"k = {k} was already asked in this draw; number its calls 0, 1, 2 and so on")
        self.asked.add(k)
        actor, item, asking = self.asking.actor, self.item, self.asking
        at = stream(item.root, actor, self.round, k, self.attempt)
        who = (asking.purpose, asking.judge, asking.draw)
        where = Where(item.rollout, actor, self.round, k, self.attempt, at, item.rank, *who)
        call = await self.client.ask(self.alias, Request(chat, over(self.defaults, settings), (), where))
        self.made.append(call)
        return call


@dataclass(frozen=True, slots=True)
class NoModel:
    """The way of a judge that asks no model."""

    draw: int
    seed: int
    capabilities: Capabilities = _NOTHING

    async def __call__(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        raise RuntimeError("this judge has no `model`, so it cannot ask one")


def over(defaults: Settings, settings: Settings) -> Settings:
    """`settings` where they are set, else `defaults`."""
    given = {f.name: value for f in fields(settings) if (value := getattr(settings, f.name)) is not None}
    return replace(defaults, **given)
