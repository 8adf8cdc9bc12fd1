"""What a property of one turn changes, by forks that keep the turn and forks in which it was drawn anew."""

from dataclasses import dataclass

from agentlab.analysis.forks.interventions import paired_forks
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change, Redraw
from agentlab.runs.frames import Run
from agentlab.runs.frames.forks import exhausted
from agentlab.stats.forks.intervention import InterventionEffect, effect
from agentlab.text import pluralize


@dataclass(frozen=True, slots=True)
class Survival:
    """The effect of a property in one turn on one measure: with it minus without it."""

    measure: str
    difference: float | None
    low: float | None
    high: float | None
    """Ends of the 95% interval over forks of this rollout, None where there is none."""
    pairs: int
    exhausted: int
    """Forks in which a turn ran out of tries: they are in no pair."""
    says: str


def survivals(run: Run, parent: str, cut: Cut, change: Change) -> list[Survival]:
    """One for each measure that is not suppressed, but those of the judge that selected."""
    redraw, hidden, results = change.redraw, suppressed_measures(run), list[Survival]()
    assert redraw is not None
    forks = run.forks[(run.forks["parent"] == parent) & (run.forks["change"] == change.text)]
    forks = forks[forks["at"] == str(cut)]
    lost = int(exhausted(forks).sum())
    for measure in (m for m in run.measured if m.name not in hidden and m.judge != redraw.judge):
        pairs, _ = paired_forks(run, measure)
        chosen = pairs[(pairs["parent"] == parent) & (pairs["change"] == change.text) & (pairs["at"] == str(cut))]
        with_it, without = ("value", "value_plain") if redraw.has else ("value_plain", "value")
        places = chosen["task"].tolist(), chosen["parent"].tolist()
        measured = effect(*places, chosen[with_it], chosen[without], clusters=run.clusters)
        ends = measured.these_parents
        limits = (None, None) if ends is None else (ends.low, ends.high)
        says = _says(redraw, cut, measure.name, measured) + _lost(lost, len(forks))
        results.append(Survival(measure.name, measured.difference, *limits, measured.pairs, lost, says))
    return results


def _lost(lost: int, forks: int) -> str:
    if not lost:
        return ""
    return (
        f" In {lost} of {pluralize(forks, 'changed fork')}, a turn ran out of tries. They are left out: the effect is "
        f"that of the other forks."
    )


def _says(redraw: Redraw, cut: Cut, measure: str, measured: InterventionEffect) -> str:
    where = f"{redraw.judge} in the turn of {' and '.join(cut.agents)} in round {cut.round}"
    if measured.difference is None:
        return f"{where}: its effect on {measure} is unknown, because no pair of forks has both outcomes."
    survives = "if it is there" if redraw.has else "if it survives"
    ends = measured.these_parents
    interval = " (no interval)" if ends is None else f" [{ends.low:+z.3f}, {ends.high:+z.3f}]"
    pairs = f"{pluralize(measured.pairs, 'pair')} of forks" + (
        f" ({measured.dropped} without an outcome)" if measured.dropped else ""
    )
    return f"{where}, {survives}, changes {measure} by {measured.difference:+z.3f}{interval}, over {pairs}."
