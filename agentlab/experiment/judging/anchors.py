"""Puts each rubric judge before its own anchor texts, once a run, so that the run can say what the judge is worth."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from agentlab.engine.spec import lineage
from agentlab.errors import Stopped
from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem, JudgingRecord
from agentlab.judges.anchors import exhibits, report
from agentlab.judges.rubric import RubricConfig
from agentlab.types import Rollout, Verdict


async def judge_anchors(judges: Mapping[str, Mapping[str, Any]], bench: JudgeRunner, seed: int) -> dict[str, Any]:
    """By rubric judge: its report as a mapping, with the sentence under `text`.

    `judges` are the judges' documents. What was judged by an earlier command is not judged again. A
    command that is being stopped reports on the judges it got through.
    """
    final = bench.store.judged()
    reports: dict[str, Any] = {}
    for name, document in judges.items():
        if document.get("kind") != "rubric" or name not in bench.judges:
            continue
        config = RubricConfig.model_validate(document)
        anchors, verdicts = exhibits(config), list[Verdict]()
        for anchor in anchors:
            key = f"{name}/{anchor.key}"
            task = anchor.judge_input.task.id
            known = bench.store.known.get(key)
            if known is None or (name, 0) not in final.get(known.id, set()):
                about = {"judge": name, "anchor": anchor.key}
                await bench.store.finish(_row(key, task, seed, anchor.judge_input.output, about))
                past = (
                    JudgingRecord()
                    if known is None
                    else JudgingRecord(bench.store.recorded(key), bench.store.failed_attempts(key, judges=True))
                )
                case = JudgingItem(key, lineage(seed, key, 0), anchor.judge_input)
                try:
                    await bench.judge(case, [(bench.judges[name], 0)], past)
                except Stopped:
                    return reports
            verdicts += [replace(v, rollout=anchor.key) for v in bench.store.verdicts(key) if v.judge == name]
        found = report(config, anchors, verdicts)
        reports[name] = {**asdict(found), "text": str(found)}
    return reports


def _row(key: str, task: str, seed: int, output: str | None, about: Mapping[str, str]) -> Rollout:
    return Rollout(key, "", task, "", 0, seed, "delivered", output, "imported", kind="anchor", about=about)
