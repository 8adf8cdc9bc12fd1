"""Puts each rubric judge before its own anchor texts, once a run, so that the run can say what the judge is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from agentlab.engine.spec import lineage
from agentlab.errors import NO_LOGPROBS, ScenarioError, Stopped
from agentlab.experiment.judging.questions import JudgingQuestion, ask
from agentlab.experiment.work import Work
from agentlab.judges.anchors import exhibits, report
from agentlab.judges.rubric import RubricConfig
from agentlab.types import Verdict


async def judge_anchors(work: Work, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """By rubric judge: its report as a mapping, with the sentence under `text`.

    `documents` are those of judges by name. What was judged by an earlier command is not judged again. A
    command that is being stopped reports on the judges it got through. Raises `ScenarioError` when a judge that scores
    by log-probabilities gets none: no rollout is paid for then.
    """
    reports: dict[str, Any] = {}
    for name, document in documents.items():
        if document.get("kind") != "rubric" or name not in work.judges.judges:
            continue
        config = RubricConfig.model_validate(document)
        anchors, verdicts = exhibits(config), list[Verdict]()
        for anchor in anchors:
            key, shown = f"{name}/{anchor.key}", anchor.judge_input
            root = lineage(work.seed, key, 0)
            about = {"judge": name, "anchor": anchor.key}
            question = JudgingQuestion(key, "anchor", about, root, (shown,), work.seed, output=shown.output)
            try:
                recorded, new = await ask(work.judges, question, [(work.judges.judges[name], 0)])
            except Stopped:
                return reports
            _answerable(name, new)
            verdicts += [replace(verdict, rollout=anchor.key) for verdict in (*recorded, *new)]
        anchor_report = report(config, anchors, verdicts)
        reports[name] = {**asdict(anchor_report), "text": str(anchor_report)}
    return reports


def _answerable(judge: str, verdicts: Sequence[Verdict]) -> None:
    reasons = [verdict.reason for verdict in verdicts if verdict.outcome == "error" and verdict.reason]
    if wrong := next((reason for reason in reasons if NO_LOGPROBS in reason), None):
        raise ScenarioError(f"judge {judge!r} scores by log-probabilities, and gets none: {wrong}; or score as text")
