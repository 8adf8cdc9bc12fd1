"""Whether anything may be said of which arm did better by a judge, and why not: one answer for all that is shown."""

from agentlab.judges import traits
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


def suppressed_measures(run: Run) -> dict[str, str]:
    """The measures of a run of which nothing may be said, each with the reason, in the run's order."""
    reasons = {m.name: suppressed(run, m.judge) for m in run.measured}
    return {measure: why for measure, why in reasons.items() if why}
