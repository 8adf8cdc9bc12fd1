"""Whether anything may be said of which arm did better by a judge, and why not: one answer for all that is shown."""

from collections.abc import Mapping
from typing import Any

from agentlab.judges import traits
from agentlab.judges.gate import CHANCE, LEAST_AUC, LEAST_MASS
from agentlab.runs.frames import Run

UNJUDGED = "its anchor texts were not judged"


def suppressed(run: Run, judge: str) -> str:
    """Why nothing may be said of who did better by this judge, be it a mean, an order or a figure; empty where it may.

    A judge that asks a model must prove itself on texts of known worth: what it lacks there is recorded with the run.
    One that asks none, such as `match` or a program of your own, needs no proof.
    """
    report = run.meta.get("anchors", {}).get(judge)
    if report is not None:
        return "; ".join(report["suppressed"])
    if run.meta.get("judges", {}).get(judge) is None:
        return ""
    return traits(run.meta, judge).unproven or UNJUDGED


def plainly(run: Run, judge: str) -> str:
    """The same reason in words for everybody, about "their judge"; empty where nothing is suppressed."""
    why, report = suppressed(run, judge), run.meta.get("anchors", {}).get(judge)
    if not why or report is None:
        return why and f"their judge has not been validated: {why}"
    parts = [*_on_texts(report), *_on_digits(report)]
    return f"their judge {' and '.join(parts)}" if parts else f"their judge was not validated: {why}"


def _on_texts(report: Mapping[str, Any]) -> list[str]:
    auc, low, high = (report.get(name) for name in ("auc", "low", "high"))
    if auc is None or low is None or high is None:
        none = "has no good and bad anchor texts to be tested on (write them under its `anchors`)"
        return [none] if report.get("anchors") == 0 else []
    needed = f"(AUC {auc:.2f}, needs {LEAST_AUC:.2f})"
    if high < LEAST_AUC:
        return [f"cannot tell good from bad anchor texts {needed}"]
    passed = auc >= LEAST_AUC and low > CHANCE
    return [] if passed else [f"was tested on too few anchor texts to show that it tells good from bad {needed}"]


def _on_digits(report: Mapping[str, Any]) -> list[str]:
    mass = report.get("mass")
    if mass is None or mass >= LEAST_MASS:
        return []
    return [f"puts only {mass:.0%} of its probability on the digits of the scale (needs {LEAST_MASS:.0%})"]


def suppressed_measures(run: Run) -> dict[str, str]:
    """The measures of a run of which nothing may be said, each with the reason, in the run's order."""
    reasons = {m.name: suppressed(run, m.judge) for m in run.measured}
    return {measure: why for measure, why in reasons.items() if why}
