"""Puts two outputs at a time before the judges of two: declared arms on one task and draw, always in both orders."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from agentlab.engine.spec import lineage
from agentlab.errors import Stopped
from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem, JudgingRecord, past_of
from agentlab.experiment.runner import Progress
from agentlab.interfaces import Judge
from agentlab.judges import KINDS
from agentlab.judges.compare import ORDERS, CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.known_pairs import AnchorPair, report
from agentlab.pairing import pairing_key
from agentlab.seeds import digest
from agentlab.store import UNFINISHED, Store, read
from agentlab.types import JudgeInput, Rollout, Task, Verdict


@dataclass(frozen=True, slots=True)
class Side:
    """A finished rollout, as far as it is paired with another."""

    key: str
    task: str
    draw: int
    condition: str
    levels: Mapping[str, str] = field(hash=False)
    attempt: int = 1
    generation: int = 0


@dataclass(frozen=True, slots=True)
class RolloutPair:
    """Two rollouts on the same task and draw whose conditions differ in one factor's level, `a` and `b`."""

    factor: str
    a: str
    b: str
    one: Side
    other: Side

    @property
    def key(self) -> str:
        """Of its row. It names no model, so that `replay/RUN` finds what was said of the same pair elsewhere."""
        one, other = self.one, self.other
        again = f"/{one.generation}" if one.generation else ""
        return f"pair/{one.condition}/{other.condition}/{one.task}/{one.draw}{again}"

    @property
    def attempt(self) -> int:
        """Rises when either rollout is played further."""
        return self.one.attempt + self.other.attempt - 1

    @property
    def within(self) -> str:
        """The levels of the other factors, empty without them."""
        return ",".join(f"{name}={level}" for name, level in self.one.levels.items() if name != self.factor)


@dataclass(frozen=True, slots=True)
class Work:
    """What judges of two need of a run: they and their documents, its tasks, and when to stop."""

    bench: JudgeRunner
    """Its judges are those of two."""
    documents: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Task]
    factors: Mapping[str, Sequence[str]]
    seed: int
    coupling: str
    progress: Progress
    stopped: Callable[[], bool]
    """Whether nothing more is to be begun."""
    concurrency: int
    only: frozenset[str] | None = None
    """Rollouts that are looked at; None means all."""

    def configs(self) -> dict[str, CompareConfig | EquivalenceConfig]:
        """The configuration of each judge."""
        return {name: configured(self.documents[name]) for name in self.bench.judges}

    def root(self, side: Side, what: str, *conditions: str) -> str:
        """The root of the random streams of a question about rollouts: as theirs, without conditions if coupled."""
        coupling = conditions if self.coupling == "none" else ()
        return digest(what, lineage(self.seed, side.task, side.draw, side.generation), *coupling)


def configured(document: Mapping[str, Any]) -> CompareConfig | EquivalenceConfig:
    """The configuration of a judge of two, from its document."""
    config = KINDS[document["kind"]].model_validate(document)
    assert isinstance(config, CompareConfig | EquivalenceConfig)
    return config


def pairs(sides: Iterable[Side], arms: Sequence[tuple[str, str, str]]) -> list[RolloutPair]:
    """Every pair of the declared arms (factor, a, b) that is there, draw by draw."""
    known = {_cell(side, side.levels): side for side in sides}
    found = [
        RolloutPair(factor, a, b, side, other)
        for side in known.values()
        for factor, a, b in arms
        if side.levels.get(factor) == a and (other := known.get(_cell(side, {**side.levels, factor: b}))) is not None
    ]
    return sorted(found, key=lambda pair: (pair.one.generation, pair.one.draw))


def _cell(side: Side, levels: Mapping[str, str]) -> tuple[Any, ...]:
    return (*pairing_key(side), frozenset(levels.items()))


def sides(store: Store, only: frozenset[str] | None = None) -> list[Side]:
    """The finished rollouts of a run."""
    with closing(read(store.folder)) as connection:
        rows = connection.execute("SELECT name, levels FROM conditions").fetchall()
    levels: dict[str, dict[str, str]] = {name: msgspec.json.decode(text) for name, text in rows}
    return [
        Side(row.key, row.task, row.draw, row.condition, levels.get(row.condition, {}), row.attempt, row.generation)
        for row in store.rollouts()
        if store.known[row.key].status not in UNFINISHED and (only is None or row.key in only)
    ]


async def judge_pairs(work: Work) -> None:
    """Asks every judge that compares about every declared pair it has not yet judged, in both orders."""
    every = sides(work.bench.store, work.only)
    wanted: dict[str, tuple[RolloutPair, list[Judge]]] = {}
    for name, config in work.configs().items():
        for pair in pairs(every, config.compared(work.factors)):
            wanted.setdefault(pair.key, (pair, []))[1].append(work.bench.judges[name])
    final = work.bench.store.judged()
    todo = [(pair, left) for pair, judges in wanted.values() if (left := _pending(work, pair, judges, final))]
    await spread(work, [partial(_judge, work, pair, left) for pair, left in todo])


async def spread(work: Work, jobs: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Does the jobs in their order, so many at once as the command allows, until it is to stop."""
    window = asyncio.Semaphore(work.concurrency)

    async def do(job: Callable[[], Awaitable[None]]) -> None:
        work.progress.running += 1
        try:
            await job()
        except Stopped:
            pass
        finally:
            work.progress.running -= 1
            window.release()

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            await window.acquire()
            if work.stopped():
                break
            group.create_task(do(job))


def _pending(
    work: Work, pair: RolloutPair, judges: Sequence[Judge], final: Mapping[int, set[tuple[str, int]]]
) -> list[tuple[Judge, int]]:
    """Judges and verdict draws that are not final; all of them when either rollout was played further since."""
    known = work.bench.store.known.get(pair.key)
    done = set[tuple[str, int]]()
    if known is not None and known.attempt == pair.attempt:
        done = final.get(known.id, done)
    return [(judge, draw) for judge in judges for draw in range(judge.draws) if (judge.name, draw) not in done]


async def _judge(work: Work, pair: RolloutPair, pending: Sequence[tuple[Judge, int]]) -> None:
    one, other = pair.one, pair.other
    row = Rollout(pair.key, "", one.task, "", one.draw, work.seed, "delivered", None, "imported", kind="pair")
    row = replace(row, attempt=pair.attempt, generation=one.generation, about={"a": one.key, "b": other.key})
    past = await entered(work.bench.store, row)
    texts = [work.bench.store.rollout(side.key).output for side in (one, other)]
    root = work.root(one, "pair", one.condition, other.condition)
    for judge, draw in pending:
        first, second = texts if draw % ORDERS == 0 else reversed(texts)
        case = JudgingItem(pair.key, root, JudgeInput(work.tasks[one.task], first, rival=second))
        verdicts = await work.bench.judge(case, [(judge, draw)], past)
        work.progress.failed += any(verdict.outcome == "error" for verdict in verdicts)


async def entered(store: Store, row: Rollout) -> JudgingRecord:
    """Gives a question about rollouts its row, anew if one of them was played further; what is on record of it.

    One task at a time may ask for one row: another would find it before it is committed.
    """
    known = store.known.get(row.key)
    if known is None or known.attempt != row.attempt:
        await store.finish(row)
    return past_of(store, row.key, row.attempt) if known is not None else JudgingRecord()


async def judge_known(work: Work) -> dict[str, Any]:
    """By judge of two: its report on pairs of known answer as a mapping, with the sentence under `text`.

    What an earlier command judged is not judged again; a stopped command reports on the judges it got through.
    """
    reports: dict[str, Any] = {}
    for name, config in work.configs().items():
        known, verdicts = config.anchor_pairs(), list[Verdict]()
        for anchor_pair in known:
            try:
                verdicts += await _duel(work, name, anchor_pair)
            except Stopped:
                return reports
        found = report(config.counted(), known, verdicts)
        reports[name] = {**asdict(found), "text": str(found)}
    return reports


async def _duel(work: Work, name: str, anchor_pair: AnchorPair) -> list[Verdict]:
    """The verdicts on one known pair, in as many orders as the judge is asked in."""
    store, judge = work.bench.store, work.bench.judges[name]
    row = Rollout(
        f"{name}/{anchor_pair.key}",
        "",
        anchor_pair.judge_input.task.id,
        "",
        0,
        work.seed,
        "delivered",
        None,
        "imported",
        kind="anchor",
        about={"judge": name, "anchor": anchor_pair.key},
    )
    past = await entered(store, row)
    known = {verdict.draw for verdict in store.verdicts(row.key) if verdict.outcome != "error"}
    for draw in range(min(ORDERS, judge.draws)):
        if draw not in known:
            judge_input = anchor_pair.judge_input
            judge_input = (
                judge_input if draw == 0 else replace(judge_input, output=judge_input.rival, rival=judge_input.output)
            )
            await work.bench.judge(
                JudgingItem(row.key, lineage(work.seed, row.key, 0), judge_input), [(judge, draw)], past
            )
    return [replace(verdict, rollout=anchor_pair.key) for verdict in store.verdicts(row.key)]
