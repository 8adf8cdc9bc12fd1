"""How probable an event is that populations waited for, observed, or came to level by level."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.populations import outdated_notes
from agentlab.analysis.row import Row, ends
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.estimate import Estimate
from agentlab.stats.particles.rare import FEWEST, mean_evidence, pooled_attempts
from agentlab.store import UNFINISHED
from agentlab.text import pluralize

WAITING = (
    "rejection: (r - 1) / (K - 1) from r successes in the K attempts of all draws, with exact negative-binomial "
    "limits; censored: draws that reached `most` first"
)
PRODUCTS = (
    f"other methods: the mean evidence of the draws; with {FEWEST} draws or more, a jackknife interval of its logarithm"
)
CERTAIN = "no particle was rejected or weighed"

LARGEST = 700.0
"""The largest logarithm of an evidence that is a number."""


def rare(run: Run) -> Analysis:
    """By condition and task. Raises AnalysisError where no finished population estimates a probability."""
    methods = {
        str(name): facts["inference"]
        for name, facts in zip(run.conditions["condition"], run.conditions["facts"], strict=True)
        if facts.get("inference") and facts["inference"]["kind"] != "beam" and not facts["inference"].get("factor")
    }
    ended = run.rollouts[run.rollouts["condition"].isin(methods) & ~run.rollouts["status"].isin(UNFINISHED)]
    done = ended[ended["status"] != "limit"]
    certain = [name for name in methods if _is_certain(methods[name], done[done["condition"] == name])]
    done = done[~done["condition"].isin(certain)]
    if done.empty and certain:
        raise AnalysisError(f"{', '.join(certain)}: {CERTAIN}, so there is no event to estimate")
    if done.empty:
        raise AnalysisError(
            f"{run.folder} has no population that estimates a probability; give the scenario an `inference:` of kind "
            f"rejection or splitting, and populations that no limit stops"
        )
    rows, notes = list[Row](), dict.fromkeys(f"{name} is left out: {CERTAIN}" for name in certain)
    for condition, method in methods.items():
        for task, part in done[done["condition"] == condition].groupby("task", sort=False):
            row, row_notes = _row(str(condition), str(task), method, part)
            rows.append(row)
            notes |= dict.fromkeys(row_notes)
    notes |= dict.fromkeys([*_stopped(ended), *outdated_notes(run)])
    table = pd.DataFrame(rows)
    counts = [name for name in ("attempts", "successes", "censored") if name in table]
    table[counts] = table[counts].astype("Int64")
    kinds = {method["kind"] for method in methods.values()}
    about = [note for note, applies in ((WAITING, "rejection" in kinds), (PRODUCTS, kinds != {"rejection"})) if applies]
    says = f"The probability of the event, in {pluralize(len(table), 'condition and task', 'conditions and tasks')}."
    return Analysis("rare", "Probabilities of events", says, {"events": table}, (*about, *notes), result=_result)


def _is_certain(method: Mapping[str, Any], part: pd.DataFrame) -> bool:
    """Whether no particle was rejected or weighed, as in a program that observes nothing."""
    return method["kind"] != "rejection" and len(part) > 0 and bool((part["log_evidence"] == 0).all())


def _stopped(ended: pd.DataFrame) -> Iterator[str]:
    """What is unknown of populations that a limit stopped."""
    for (condition, task), part in ended.groupby(["condition", "task"], sort=False, observed=True):
        if stopped := int((part["status"] == "limit").sum()):
            yield (
                f"{condition}, {task}: a limit stopped {stopped} of {pluralize(len(part), 'draw')}, which estimate "
                f"nothing; without them the probability is biased, so raise limits.rollout"
            )


def _row(condition: str, task: str, method: Mapping[str, Any], part: pd.DataFrame) -> tuple[Row, Iterator[str]]:
    head: Row = {"condition": condition, "task": task, "method": method["kind"], "draws": len(part)}
    if method["kind"] == "rejection":
        successes, attempts = part["accepted"].astype("int64").tolist(), part["attempts"].astype("int64").tolist()
        estimate = pooled_attempts(successes, attempts, method["accept"])
        censored = sum(count < method["accept"] for count in successes)
        head |= {"attempts": sum(attempts), "successes": sum(successes), "censored": censored}
    else:
        if part["log_evidence"].max() > LARGEST:
            raise AnalysisError(
                f"{condition}, {task}: the evidence is too large for a number (its logarithm is "
                f"{part['log_evidence'].max():g}); subtract a constant from the factors of the program"
            )
        estimate = mean_evidence([_evidence(value) for value in part["log_evidence"]])
    return {**head, **_cells(estimate)}, (f"{condition}, {task}: {note}" for note in estimate.notes)


def _cells(estimate: Estimate) -> Row:
    """Rare events have small probabilities, which three decimals would hide."""
    return {"probability": estimate.value, **ends("probability", estimate)}


def _evidence(log_evidence: Any) -> float:
    """A population without evidence has an estimate of 0."""
    return 0.0 if pd.isna(log_evidence) else math.exp(log_evidence)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    events = tables["events"]
    if events["task"].nunique() > 1:
        events = events.assign(condition=events["condition"] + ", " + events["task"])
    return f"The event has the probability {listed(events, 'condition', 'probability')}."
