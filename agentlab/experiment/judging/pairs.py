"""Puts two outputs at a time before the judges of two: declared arms on one task and draw, always in both orders."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from agentlab.engine.spec import lineage
from agentlab.experiment.judging.anchors import open_questions
from agentlab.experiment.judging.questions import JudgingQuestion, ask, failures, pending
from agentlab.experiment.judging.rollouts import JudgeRunner
from agentlab.experiment.work import Job, Work
from agentlab.interfaces import Judge
from agentlab.judges import KINDS
from agentlab.judges.anchor_report import of_pairs
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.inputs import both_orders, judged_output
from agentlab.judges.known_pairs import AnchorPair
from agentlab.pairing import pairing_key
from agentlab.seeds import digest
from agentlab.store import UNFINISHED, Store
from agentlab.types import Verdict


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
    def arms(self) -> str:
        """What is compared."""
        return f"{self.factor}: {self.a} - {self.b}"

    @property
    def within(self) -> str:
        """The levels of the other factors, empty without them."""
        return ",".join(f"{name}={level}" for name, level in self.one.levels.items() if name != self.factor)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The judges of two at work, and what they look at."""

    work: Work
    judges: JudgeRunner
    """Its judges are those of two."""
    documents: Mapping[str, Mapping[str, Any]]
    factors: Mapping[str, Sequence[str]]
    couplings: Mapping[str, str]
    """By condition."""
    only: frozenset[str] | None = None
    """Rollouts that are looked at; None means all."""

    def configs(self) -> dict[str, CompareConfig | EquivalenceConfig]:
        """The configuration of each judge."""
        return {name: configured(self.documents[name]) for name in self.judges.judges}

    def root(self, side: Side, what: str, *conditions: str) -> str:
        """The root of the random streams of a question about rollouts of these conditions: coupled as they are."""
        coupled = filter(None, (self.couplings[condition] for condition in conditions))
        return digest(what, lineage(self.work.seed, side.task, side.draw, side.generation), *coupled)


def configured(document: Mapping[str, Any]) -> CompareConfig | EquivalenceConfig:
    """The configuration of a judge of two, from its document."""
    config = KINDS[document["kind"]].model_validate(document)
    assert isinstance(config, CompareConfig | EquivalenceConfig)
    return config


def pairs(sides: Iterable[Side], arms: Sequence[tuple[str, str, str]]) -> list[RolloutPair]:
    """Every pair of the declared arms (factor, a, b) that is there, draw by draw."""
    known = {_cell(side, side.levels): side for side in sides}
    compared = [
        RolloutPair(factor, a, b, side, other)
        for side in known.values()
        for factor, a, b in arms
        if side.levels.get(factor) == a and (other := known.get(_cell(side, {**side.levels, factor: b}))) is not None
    ]
    return sorted(compared, key=lambda pair: (pair.one.generation, pair.one.draw))


def _cell(side: Side, levels: Mapping[str, str]) -> tuple[Any, ...]:
    return (*pairing_key(side), frozenset(levels.items()))


def sides(store: Store, only: frozenset[str] | None = None) -> list[Side]:
    """The finished rollouts of a run."""
    levels = store.levels()
    return [
        Side(row.key, row.task, row.draw, row.condition, levels.get(row.condition, {}), row.attempt, row.generation)
        for row in store.rollouts()
        if store.known[row.key].status not in UNFINISHED and (only is None or row.key in only)
    ]


async def judge_pairs(comparisons: Comparisons) -> None:
    """Asks every judge that compares about every declared pair it has not yet judged, in both orders."""
    work, judges = comparisons.work, comparisons.judges.judges
    every = sides(work.store, comparisons.only)
    wanted: dict[str, tuple[RolloutPair, list[Judge]]] = {}
    for name, config in comparisons.configs().items():
        for pair in pairs(every, config.compared(comparisons.factors)):
            wanted.setdefault(pair.key, (pair, []))[1].append(judges[name])
    final, jobs = work.store.judged(), list[Job]()
    open_pairs = list[RolloutPair]()
    for pair, asked in wanted.values():
        draws = [(judge, draw) for judge in asked for draw in range(judge.draws)]
        if left := pending(work.store, pair.key, pair.attempt, draws, final):
            jobs.append(partial(_judge, comparisons, pair, left))
            open_pairs.append(pair)
    planned, open_now = Counter(pair.arms for pair, _ in wanted.values()), Counter(pair.arms for pair in open_pairs)
    work.progress.plan(planned, planned - open_now)
    await work.each(jobs)


async def _judge(comparisons: Comparisons, pair: RolloutPair, left: Sequence[tuple[Judge, int]]) -> None:
    work, a, b = comparisons.work, pair.one, pair.other
    texts = (judged_output(work.store.rollout(side.key)) for side in (a, b))
    question = JudgingQuestion(
        pair.key,
        "pair",
        {"a": a.key, "b": b.key},
        comparisons.root(a, "pair", a.condition, b.condition),
        both_orders(work.tasks[a.task], *texts),
        work.seed,
        a.draw,
        a.generation,
        pair.attempt,
    )
    with work.progress.unit(pair.arms, pair.key) as unit:
        _, verdicts = await ask(comparisons.judges, question, left)
        unit.failed = bool(failures(verdicts))


async def judge_known(comparisons: Comparisons) -> dict[str, Any]:
    """By judge of two: its report on pairs of known answer as a mapping, with the sentence under `text`.

    What an earlier command judged is not judged again; a stopped command reports on the judges it got through.
    """
    work, reports = comparisons.work, dict[str, Any]()
    for name, config in comparisons.configs().items():
        anchors, answers = config.anchor_pairs(), dict[str, list[Verdict]]()
        questions = {anchor.key: _known(comparisons, name, anchor) for anchor in anchors}
        await work.each(open_questions(work, comparisons.judges, name, questions, answers))
        if len(answers) < len(anchors):
            return reports
        verdicts = [verdict for of_pair in answers.values() for verdict in of_pair]
        report = of_pairs(config.counted(), anchors, verdicts)
        reports[name] = {**asdict(report), "text": str(report)}
    return reports


def _known(comparisons: Comparisons, name: str, anchor: AnchorPair) -> JudgingQuestion:
    """One known pair, which is shown in as many orders and draws as the judge is asked in."""
    key, seed = f"{name}/{anchor.key}", comparisons.work.seed
    about = {"judge": name, "anchor": anchor.key}
    return JudgingQuestion(key, "anchor", about, lineage(seed, key, 0), anchor.inputs, seed)
