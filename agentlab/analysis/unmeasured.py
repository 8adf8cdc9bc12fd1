"""What judges did whose verdicts are no measure: those that compare two outputs, or sort them by their answers."""

from collections.abc import Iterator

import pandas as pd

from agentlab.analysis.condition_summary import counts
from agentlab.runs.frames import Run
from agentlab.text import line, pluralize


def unmeasured(run: Run) -> Iterator[str]:
    """A line on each: its verdicts by outcome, or its groups, and what it made of its anchor texts."""
    measured = {m.judge for m in run.measured}
    judged = pd.concat([run.scores[["judge", "outcome"]], run.pairs[["judge", "outcome"]]])
    texts = {str(judge): _counted(part["outcome"]) for judge, part in judged.groupby("judge", sort=False)}
    for judge, text in (texts | _groups(run)).items():
        report = run.meta.get("anchors", {}).get(judge)
        if judge not in measured:
            yield f"Judge {line(judge)}: {text}." + (f" Its {report['text']}." if report else "")


def _counted(outcomes: pd.Series) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in counts(outcomes).items()) + " verdicts"


def _groups(run: Run) -> dict[str, str]:
    """Of the judges that sort: how many outputs they sorted into how many groups."""
    grouped = run.groups.dropna(subset="group")
    distinct = grouped.drop_duplicates(["task", "condition", "judge", "group"])
    outputs, groups = counts(grouped["judge"]), counts(distinct["judge"])
    return {
        judge: f"{pluralize(outputs[judge], 'output')} in {pluralize(groups[judge], 'group')} of the same answer"
        for judge in outputs
    }
