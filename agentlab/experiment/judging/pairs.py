"""Puts two outputs at a time before the judges of two: declared arms on one task and draw, always in both orders."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from agentlab.engine.spec import lineage
from agentlab.experiment.judging.anchors import open_questions
from agentlab.experiment.judging.questions import JudgingQuestion, ask, failures, pending
from agentlab.experiment.judging.rollouts import JudgeRunner
from agentlab.experiment.judging.sides import RolloutPair, Side, pairs, sides
from agentlab.experiment.work import Job, Work
from agentlab.interfaces import Judge
from agentlab.judges.anchor_report import of_pairs
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.inputs import both_orders, judged_output
from agentlab.judges.known_pairs import AnchorPair
from agentlab.judges.of_two import configured
from agentlab.scenario.levels import pooled
from agentlab.seeds import digest
from agentlab.types import Verdict


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


async def judge_pairs(comparisons: Comparisons) -> None:
    """Asks every judge that compares about every declared pair it has not yet judged, in both orders."""
    work, judges = comparisons.work, comparisons.judges.judges
    every = sides(work.store, comparisons.only)
    wanted: dict[str, tuple[RolloutPair, list[Judge]]] = {}
    for name, config in comparisons.configs().items():
        for pair in pairs(every, config.compared(pooled(comparisons.factors))):
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
