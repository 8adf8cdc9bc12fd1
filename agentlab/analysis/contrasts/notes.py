"""What has to be said beside contrasts: their scope, how p is adjusted, preregistration, interim analyses."""

from collections import Counter
from collections.abc import Sequence
from math import inf

from agentlab.analysis.conclusion import WORDS
from agentlab.analysis.contrasts.contrast import ALPHA, Contrast, uncompared
from agentlab.experiment.decisions import match_notes
from agentlab.experiment.preregistration import register
from agentlab.runs.frames import Run
from agentlab.scenario.declared import Declared
from agentlab.stats.contrasts import anytime
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.text import line, pluralize

MOST = 3
"""Contrasts that a note names."""
REJECTED = (
    "Arms that rejected different draws are not paired by draw, and their rejected rollouts count as missing scores. "
    "With `inference: {kind: rejection, accept: 1}` in the scenario, every draw gets an accepted rollout."
)


def interim_notes(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """How often the contrasts were analysed, what that does to their intervals, and what was declared late."""
    return [*_excluded(contrasts), *looks_notes(contrasts), *registration_notes(run, contrasts)]


def registration_notes(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """Whether the run is what was preregistered, whether this look is recorded, what was declared or withdrawn late."""
    return [*match_notes(run.meta, len(run.rollouts)), *late_notes(run, contrasts)]


def late_notes(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """The same without whether the run is what was preregistered."""
    unrecorded = [f"{run.unrecorded}, so later analyses will not count it."] if run.unrecorded else []
    return [*unrecorded, *_declared(run, contrasts)]


def _excluded(contrasts: Sequence[Contrast]) -> list[str]:
    """What is known where no difference is shown, and where a difference is shown that is within its margin."""
    notes: list[str] = []
    for c in contrasts:
        interval = c.interval if c.primary and not c.suppressed else None
        if interval is None:
            continue
        name, low, high = f"{c.name}, {c.pair} ({c.measure})", interval.low, interval.high
        if c.outcome == "alike":
            widest = inf if c.missing is None else c.missing.width
            parts = [f"below {low:+z.3f}"] * (low > -widest) + [f"above {high:+z.3f}"] * (high < widest)
            margin = "" if c.margin is None else f"; the margin is ±{c.margin:g}"
            notes.append(f"{name}: the data exclude {_differences(parts)}{margin}.")
        elif c.different and c.within_margin:
            notes.append(f"{name}: the difference is within its margin of ±{c.margin:g}.")
    return notes


def _differences(parts: Sequence[str]) -> str:
    return f"differences {' and '.join(parts)}" if parts else "no possible difference"


def looks_notes(contrasts: Sequence[Contrast]) -> list[str]:
    """How often the contrasts were analysed, and what that does to their intervals."""
    notes: list[str] = []
    shares = [(c.tests, c.interim.share) for c in contrasts if c.interim.spend == "any" and c.interim.share is not None]
    for tests, share in sorted({tests: share for tests, share in sorted(shares)}.items()):
        width = 1 - anytime.level(share, ALPHA / tests)
        notes.append(
            f"Intervals and p values are valid no matter how often you look at the run (`looks: any`). At "
            f"{share:.0%} of the planned pairs, an interval{_one_of(tests)} is as wide as a {100 * width:.4g}% "
            f"interval for a single analysis."
        )
    fixed = [c for c in contrasts if c.interim.spend != "any"]
    planned = [(c.interim, c.tests) for c in fixed if c.interim.share is not None]
    for interim, tests in dict.fromkeys(planned):
        head = f"Interim analysis {interim.number} of the primary contrasts, at {interim.share or 0:.0%} of the pairs"
        if interim.planned:
            width = 1 - interim.level(ALPHA / tests)
            notes.append(
                f"{head}, was planned: its intervals{_one_of(tests)} are {100 * width:.4g}% intervals, and its p value "
                f"is valid no matter how many analyses are made."
            )
        else:
            notes.append(f"{head}, was not planned: it spends no alpha, and its intervals assume a single analysis.")
    most = max((c.interim.number for c in fixed if c.interim.share is None), default=0)
    if most > 1:
        notes.append(
            f"This is interim analysis {most} of these contrasts: the intervals assume a single analysis, and "
            f"repeated looks raise the false-positive rate."
        )
    return notes


def _one_of(tests: int) -> str:
    """Of how many criteria, where an interval is wider to hold together with those of others."""
    return f" of one of {tests} criteria" if tests > 1 else ""


def _declared(run: Run, contrasts: Sequence[Contrast]) -> list[str]:
    """Primary contrasts that were declared late, withdrawn late, or have no pair yet."""
    remarks: dict[str, list[str]] = {}
    every = register(run.pooled.meta).primary
    for entry in every:
        c = entry.contrast
        name = _named(c)
        if entry.after:
            remarks.setdefault(f"declared primary after interim analysis {entry.after}", []).append(name)
        if entry.margin_after > entry.after:
            why = f"its margin of {c.margin:g} was declared after interim analysis {entry.margin_after}"
            remarks.setdefault(why, []).append(name)
        if entry.withdrawn:
            why = f"withdrawn after interim analysis {entry.withdrawn}, but still counted as primary"
            remarks.setdefault(why, []).append(name)
    sizes = Counter(_named(entry.contrast) for entry in every)
    for name, count in Counter(map(_named, uncompared(every, contrasts))).items():
        which = "the run has" if count == sizes[name] else f"{count} of its {sizes[name]} contrasts have"
        remarks.setdefault(f"declared primary, but {which} no rollouts of both arms yet", []).append(name)
    return [f"{', '.join(dict.fromkeys(names))}: {what}." for what, names in remarks.items()]


def _named(c: Declared) -> str:
    return f"{c.name} ({c.measure})"


def scope(contrasts: Sequence[Contrast]) -> list[str]:
    """What tasks the conclusions are about, which scores are missing, and why some are open or not tested."""
    return [*conclusions(contrasts), *missing_scores(contrasts), *without_interval(contrasts)]


def conclusions(contrasts: Sequence[Contrast]) -> list[str]:
    """What tasks the conclusions are about, and why some are open."""
    lines = list[str]()
    compared = [c for c in contrasts if not c.suppressed and c.result.tasks]
    concluded = [c for c in compared if c.outcome != "untested"]
    if concluded:
        beyond = all(c.result.new_tasks or (c.interval is None and c.result.tasks >= FEWEST_TASKS) for c in concluded)
        most = max(c.result.tasks for c in concluded)
        about = "new tasks" if beyond else "this task only" if most == 1 else f"these {most} tasks only"
        lines.append(f"Each conclusion is about {about}, and considers one contrast at a time.")
    if any(c.outcome == "unfinished" for c in compared):
        lines.append(
            f"{WORDS['unfinished']}: rollouts are still to be played, and the scenario plans no look before the end "
            f"(`looks:`)."
        )
    if any(c.rejected_apart for c in contrasts):
        lines.append(REJECTED)
    if any(not c.paired and not c.rejected_apart for c in contrasts):
        lines.append(
            "The imported texts have no draw column, and rows are never paired by their order: arms are compared "
            "within tasks (`agentlab import --draw COLUMN` makes pairs)."
        )
    if any(c.outcome == "fragile" for c in concluded):
        lines.append(f"{WORDS['fragile']}: in the worst case, the missing scores would reverse the result.")
    return lines


def without_interval(contrasts: Sequence[Contrast]) -> list[str]:
    """Why some are not tested, or only by sign flips."""
    lacking = [c for c in contrasts if not c.suppressed and c.result.tasks and c.interval is None]
    untested = {note for c in lacking if c.outcome == "untested" for note in c.result.notes[:1]}
    flipped = {note for c in lacking if c.outcome != "untested" and c.p is not None for note in c.result.notes[:1]}
    return [
        *(f"{WORDS['untested']}: {note}." for note in sorted(untested)),
        *(f"{note[0].upper()}{note[1:]}; its p value comes from the sign-flip test." for note in sorted(flipped)),
    ]


def missing_scores(contrasts: Sequence[Contrast]) -> list[str]:
    """How many scores the contrasts lack by arm, in one line; none where nothing is missing."""
    lacking = [c for c in contrasts if c.missing_by_arm and not c.suppressed]
    if not lacking:
        return []
    parts = [f"{line(c.measure)}: {c.missing_by_arm}" for c in lacking[:MOST]]
    more = [f"and in {pluralize(len(lacking) - MOST, 'more contrast')}"] if len(lacking) > MOST else []
    return [f"Missing scores: {'; '.join([*parts, *more])}. The table `missing` shows what they could change."]
