"""What a run found in two to four sentences, the same wherever a run is told: at its end, in `stats`, in the report."""

from collections.abc import Sequence

from agentlab.analysis.condition_summary import ConditionSummary
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.finding import digits, finding
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.results import Results
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.store import UNFINISHED
from agentlab.text import line, pluralize

MOST, FINDINGS, ARMS = 4, 3, 4
"""Sentences in all, and those on contrasts or measures; conditions that one names where nothing is compared."""


def headline(results: Results) -> tuple[str, ...]:
    """What was found, of a self-training loop by generation first; then what limits it: what it is about, what is
    suppressed, what failed. Where rollouts are still to be played, this comes before all else."""
    if not results.arms:
        return ("No rollout is finished yet.",)
    total, failed = sum(arm.rollouts for arm in results.arms), _failed(results)
    if failed == total:
        return (f"All {pluralize(total, 'rollout')} failed or were stopped, so there are no results.",)
    if not results.measures:
        return (_ended(results), "The run has no measure, so nothing is scored.", *_lost(results, failed, total))
    lost, limits = _lost(results, failed, total), [*_limits(results), *_suppressed(results)]
    first, last = (lost, limits) if results.unplayed else ([], [*limits, *lost])
    if results.loop:
        return (*first, *results.loop, *(_contrasts(results, 1) if results.contrasts else ()), *last)
    most = MOST - len(limits) - len(lost)
    return (*first, *(_contrasts(results, most) if results.contrasts else _arms(results, most)), *last)


def _failed(results: Results) -> int:
    return sum(n for arm in results.arms for status, n in arm.statuses.items() if status in UNFINISHED)


def _ended(results: Results) -> str:
    counts: dict[str, int] = {}
    for arm in results.arms:
        for status, count in arm.statuses.items():
            counts[status] = counts.get(status, 0) + count
    statuses = ", ".join(f"{count:,} {status}" for status, count in counts.items() if status not in UNFINISHED)
    size = f"{pluralize(len(results.arms), 'condition')} on {pluralize(results.tasks, 'task')}"
    return f"{size}: {statuses}."


def _lost(results: Results, failed: int, total: int) -> list[str]:
    """What is not there: one line."""
    parts, planned = list[str](), results.played + results.unplayed
    for number, of, what in ((results.unplayed, planned, "played"), (results.unjudged, total, "judged")):
        if number:
            are = "is" if number == 1 else "are"
            parts.append(f"{number:,} of {pluralize(of, 'rollout')} {are} not {what} yet")
    if failed:
        was, counts = ("was", "counts") if failed == 1 else ("were", "count")
        parts.append(f"{failed:,} of {pluralize(total, 'rollout')} failed or {was} stopped, and {counts} as missing")
    if results.unplayed and results.uncompared:
        every = results.uncompared + sum(c.primary is not None for c in results.contrasts)
        have = "has" if results.uncompared == 1 else "have"
        contrasts = pluralize(every, "primary contrast")
        parts.append(f"{results.uncompared:,} of {contrasts} {have} no rollouts of both arms")
    if results.unplayed and results.again:
        parts.append(f"to play the rest: {results.again}")
    return [f"{'; '.join(parts)}."] if parts else []


def _contrasts(results: Results, most: int) -> list[str]:
    """The most important contrasts: primary ones, those with a conclusion first; else those that come first."""
    primary = [c for c in results.contrasts if c.primary and not c.suppressed]
    every = primary or [c for c in results.contrasts if not c.suppressed and not _has_primary(results)]
    if primary:
        every.sort(key=lambda c: not c.different)
    chosen, rest = every[: min(most, FINDINGS)], every[min(most, FINDINGS) :]
    arms = {arm.condition: arm for arm in results.compared}
    sentences = [finding(c, results.measures[c.measure], arms) for c in chosen]
    if rest:
        sentences[-1] += f" {_rest(rest, 'primary contrast' if primary else 'exploratory contrast')}"
    return sentences


def _has_primary(results: Results) -> bool:
    return any(c.primary for c in results.contrasts)


def _rest(rest: Sequence[Contrast], noun: str) -> str:
    shown, size = sum(c.different for c in rest), len(rest)
    if size == 1 or not shown:
        which = f"the other {noun}" if size == 1 else f"the {size:,} other {noun}s"
        if any(c.outcome == "few" for c in rest):
            return f"Nothing is concluded on {which}."
        return f"{'A' if shown else 'No'} difference was found in {which}."
    return f"A difference was found in {shown:,} of the {size:,} other {noun}s."


def _arms(results: Results, most: int) -> list[str]:
    """A sentence for each measure, of the arms that there are."""
    shown = [measure for measure in results.measures.values() if not measure.suppressed]
    sentences = [
        f"{line(measure.name)}: {', '.join(_mean(arm, measure, len(results.arms) > 1) for arm in results.arms[:ARMS])}"
        + (f", and {len(results.arms) - ARMS} more conditions." if len(results.arms) > ARMS else ".")
        for measure in shown[: min(most, FINDINGS)]
    ]
    if more := len(shown) - len(sentences):
        sentences[-1] += f" {pluralize(more, 'more measure')} {'is' if more == 1 else 'are'} in the table."
    return sentences


def _mean(arm: ConditionSummary, measure: MeasureSummary, several: bool) -> str:
    bounds, means, ends = arm.measures[measure.name], arm.means[measure.name], measure.range
    head = f"{line(arm.name)} " if several else ""
    if bounds.observed is None:
        return f"{head}no score"
    new = means.new_tasks.low is not None
    mean, about = (means.new_tasks, "new tasks") if new else (means.these_tasks, "these tasks")
    form = f".{digits(0.0, ends)}f"
    scale = "" if ends is None else f" on a scale from {ends[0]:g} to {ends[1]:g}"
    value = f"mean {bounds.observed:{form}}{scale}"
    if measure.right is not None:
        value = f"{arm.right[measure.name]:,} of {bounds.n:,} {measure.word}"
    limits = "" if mean.low is None else f" (95% CI for {about} {mean.low:{form}} to {mean.high:{form}})"
    return f"{head}{value}{limits}"


def _limits(results: Results) -> list[str]:
    """What the findings are about, and how they were come by: one line."""
    compared = [c for c in results.contrasts if not c.suppressed and c.result.difference is not None]
    parts = list[str]()
    if not results.contrasts:
        alone = len(results.arms) == 1 and not results.loop
        parts += ["only one condition has rollouts, so nothing is compared"] if alone else []
    elif compared and not _has_primary(results):
        parts.append("no primary contrast is among these, so p values are not adjusted for multiple comparisons")
    reported = [c for c in compared if c.primary] or compared
    few = [c for c in reported if c.result.new_tasks is None and _independent(c) < FEWEST_TASKS]
    if few:
        parts.insert(0, _few(few[0]))
    if len(results.compared) < len(results.arms) and compared:
        parts.append("replicates are taken together, with their weights as given; `contrasts` also has whole loops")
    parts += _interim(compared)
    text = "; ".join(parts)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def _independent(c: Contrast) -> int:
    return c.result.tasks if c.result.clusters is None else c.result.clusters


def _few(c: Contrast) -> str:
    units = "task" if c.result.clusters is None else "cluster"
    return (
        f"{pluralize(_independent(c), units)} cannot support conclusions about new tasks (at "
        f"least {FEWEST_TASKS} are needed)"
    )


def _interim(compared: Sequence[Contrast]) -> list[str]:
    """Looks before this one, or those that are planned."""
    chosen = [c for c in compared if c.primary] or list(compared)
    interim = max((c.interim for c in chosen), key=lambda look: look.number, default=None)
    if interim is None:
        return []
    number = f"this is look {interim.number}"
    if interim.share is None:
        return (
            [f"{number} at these data, and repeated looks raise the false-positive rate"] if interim.number > 1 else []
        )
    share = f"at {interim.share:.0%} of the planned pairs"
    if interim.spend == "any":
        return [f"{number}, {share}; the intervals are valid at every look"] if interim.share < 1 else []
    return [f"{number}, {share}; the intervals account for all planned looks"] if interim.planned else []


def _suppressed(results: Results) -> list[str]:
    """Which scores say nothing, by reason: one line."""
    by_reason: dict[str, list[str]] = {}
    for name, measure in results.measures.items():
        if measure.suppressed:
            by_reason.setdefault(measure.doubt, []).append(line(name))
    parts = [f"{' and '.join(names)} scores are suppressed: {why}" for why, names in by_reason.items()]
    return [f"The {'; the '.join(parts)}."] if parts else []
