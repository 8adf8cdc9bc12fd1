"""Puts each rubric judge before its own anchor texts, once a run, so that the run can say what the judge is worth."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from agentlab.engine.spec import lineage
from agentlab.errors import NO_LOGPROBS, ScenarioError
from agentlab.experiment.judging.questions import JudgingQuestion, ask, failures, on_record
from agentlab.experiment.judging.rollouts import JudgeRunner
from agentlab.experiment.work import Job, Work
from agentlab.interfaces import Judge
from agentlab.judges import KINDS
from agentlab.judges.anchor_report import of_texts
from agentlab.judges.anchors import Anchor, exhibits
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.rubric import RubricConfig
from agentlab.types import JudgeInput, Verdict

Answers = dict[str, list[Verdict]]
"""The verdicts on each anchor, by its key."""
Rubrics = Mapping[str, tuple[RubricConfig, tuple[Anchor, ...]]]
"""By judge: its rubric, with the anchor texts as the judge is shown them."""


def rubric_anchors(judges: Collection[str], documents: Mapping[str, Mapping[str, Any]]) -> Rubrics:
    """Of those of these judges that score by a rubric; `documents` are those of judges by name."""
    rubrics = {name: text for name, text in documents.items() if text.get("kind") == "rubric" and name in judges}
    configs = {name: RubricConfig.model_validate(text) for name, text in rubrics.items()}
    return {name: (config, exhibits(config)) for name, config in configs.items()}


async def judge_anchors(work: Work, rubrics: Rubrics) -> dict[str, Any]:
    """By rubric judge: its report as a mapping, with the sentence under `text`.

    A judge has as many draws on an anchor as on a rollout. What was judged by
    an earlier command is not judged again. A command that is being stopped reports on the judges it got through. Raises
    `ScenarioError` when a judge that scores by log-probabilities gets none: no rollout is paid for then.
    """
    reports: dict[str, Any] = {}
    for name, (config, anchors) in rubrics.items():
        answers = Answers()
        questions = {anchor.key: _question(work, name, anchor, rank) for rank, anchor in enumerate(anchors)}
        await work.each(open_questions(work, work.judges, name, questions, answers))
        if len(answers) < len(anchors):
            return reports
        report = of_texts(config, anchors, [verdict for verdicts in answers.values() for verdict in verdicts])
        reports[name] = {**asdict(report), "text": str(report)}
    return reports


def anchor_inputs(document: Mapping[str, Any], draws: int) -> list[JudgeInput]:
    """Every anchor as the judge of this document is shown it, draw by draw."""
    config = KINDS[document["kind"]].model_validate(document) if document.get("kind") in KINDS else None
    if isinstance(config, RubricConfig):
        return [anchor.judge_input for anchor in exhibits(config) for _ in range(draws)]
    if isinstance(config, CompareConfig | EquivalenceConfig):
        return [pair.inputs[draw % 2] for pair in config.anchor_pairs() for draw in range(draws)]
    return []


def _question(work: Work, judge: str, anchor: Anchor, rank: int) -> JudgingQuestion:
    key, shown = f"{judge}/{anchor.key}", anchor.judge_input
    about, root = {"judge": judge, "anchor": anchor.key}, lineage(work.seed, key, 0)
    return JudgingQuestion(key, "anchor", about, root, (shown,), work.seed, rank=rank, output=shown.output)


def open_questions(
    work: Work, runner: JudgeRunner, name: str, questions: Mapping[str, JudgingQuestion], answers: Answers
) -> Iterator[Job]:
    """A job for each anchor, by its key, that lacks a verdict of this judge; `answers` gets the verdicts.

    Those of the others are on record and take no job, so that a limit of the run that is reached stops none of them.
    """
    judge = runner.judges[name]
    draws = [(judge, draw) for draw in range(judge.draws)]
    for anchor, question in questions.items():
        recorded, left = on_record(work.store, question.key, question.attempt, draws)
        if left:
            yield partial(_ask, work, runner, draws, anchor, question, answers)
        else:
            work.progress.found(name)
            answers[anchor] = [replace(verdict, rollout=anchor) for verdict in recorded]


async def _ask(
    work: Work,
    runner: JudgeRunner,
    draws: Sequence[tuple[Judge, int]],
    anchor: str,
    question: JudgingQuestion,
    answers: Answers,
) -> None:
    name = draws[0][0].name
    with work.progress.unit(name, question.key) as unit:
        recorded, new = await ask(runner, question, draws)
        unit.failed = bool(failures(new))
    _answerable(name, new)
    answers[anchor] = [replace(verdict, rollout=anchor) for verdict in (*recorded, *new)]


def _answerable(judge: str, verdicts: Sequence[Verdict]) -> None:
    reasons = [verdict.reason for verdict in verdicts if verdict.outcome == "error" and verdict.reason]
    if wrong := next((reason for reason in reasons if NO_LOGPROBS in reason), None):
        raise ScenarioError(f"judge {judge!r} scores by log-probabilities but receives none: {wrong}; or score as text")
