"""What has to be said of preregistration and of interim analyses."""

from collections.abc import Sequence

from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.experiment.decisions import match_notes
from agentlab.experiment.preregistration import register
from agentlab.runs.frames import Run
from agentlab.stats.contrasts import anytime


def interim_notes(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """How often the contrasts were analysed, what that does to their intervals, and what was declared late."""
    unrecorded = [f"{run.unrecorded}, so that no later analysis counts it."] if run.unrecorded else []
    return match_notes(run.meta) + unrecorded + _interim(contrasts) + _declared(run, contrasts)


def _interim(contrasts: Sequence[Contrast]) -> list[str]:
    notes: list[str] = []
    shares = [c.interim.share for c in contrasts if c.interim.spend == "any" and c.interim.share is not None]
    if shares:
        width = 1 - anytime.level(max(shares), ALPHA)
        notes.append(
            f"Intervals and p are valid however often the run is looked at (`looks: any`). At {max(shares):.0%} of the "
            f"planned pairs an interval is as wide as one of {100 * width:.4g}% for a single analysis."
        )
    fixed = [c for c in contrasts if c.interim.spend != "any"]
    for interim in dict.fromkeys(c.interim for c in fixed if c.primary and c.interim.share is not None):
        head = f"Interim analysis {interim.number} of the primary contrasts, at {interim.share or 0:.0%} of the pairs"
        if interim.planned:
            width = 1 - interim.level(ALPHA)
            notes.append(
                f"{head}, was planned: its intervals are {100 * width:.4g}% ones, and its p is valid however many "
                "analyses are made."
            )
        else:
            notes.append(f"{head}, was not planned: no alpha is spent on it, and the intervals are for one analysis.")
    most = max((c.interim.number for c in fixed if not c.primary or c.interim.share is None), default=0)
    if most > 1:
        notes.append(
            f"This is interim analysis {most} of these contrasts: the intervals are for one analysis, and more of "
            "them give more false alarms."
        )
    return notes


def _declared(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """Primary contrasts that were declared late, withdrawn late, or have no pair yet."""
    present = {(c.factor, frozenset((c.a, c.b)), c.within, c.measure) for c in contrasts if c.primary}
    remarks: dict[str, list[str]] = {}
    for entry in register(run.meta).primary:
        c = entry.contrast
        name = f"{c.name} ({c.measure})"
        if entry.after:
            remarks.setdefault(f"declared primary after interim analysis {entry.after}", []).append(name)
        if entry.margin_after > entry.after:
            why = f"its margin of {c.margin:g} was declared after interim analysis {entry.margin_after}"
            remarks.setdefault(why, []).append(name)
        if entry.withdrawn:
            why = f"withdrawn after interim analysis {entry.withdrawn}, and primary all the same"
            remarks.setdefault(why, []).append(name)
        if c.same not in present:
            remarks.setdefault("primary, without a pair so far", []).append(name)
    return [f"{', '.join(dict.fromkeys(names))}: {what}." for what, names in remarks.items()]
