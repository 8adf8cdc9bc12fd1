"""Whether populations of particles are worth their numbers: one with few effective particles says little."""

from collections.abc import Iterator

from agentlab.experiment.judging.outdated import OUTDATED, by_old_facts
from agentlab.runs.frames import Run
from agentlab.text import line, pluralize

LEAST_SHARE = 0.1
"""Of a population's particles: an effective size below it is reported."""

REMEDIES = {"forward": "weigh observations (`weighting`, `smc`)", "weighting": "resample (`smc`)"}
"""By method, what keeps more particles."""


def _kinds(run: Run) -> dict[str, str]:
    """The method of inference, by condition."""
    facts = zip(run.conditions["condition"].astype("str"), run.conditions["facts"], strict=True)
    return {name: known["inference"]["kind"] for name, known in facts if known and known.get("inference")}


def outdated_notes(run: Run) -> Iterator[str]:
    """A sentence for each condition and task whose target or fields changed after populations were made by them."""
    for condition, task, judge, count in run.meta.get(OUTDATED, []):
        yield by_old_facts(condition, task, judge, pluralize(count, "population"), "populations")


def population_notes(run: Run) -> list[str]:
    """A sentence for each condition with populations that came down to few particles, or that accepted nothing."""
    notes = list(outdated_notes(run))
    kinds = _kinds(run)
    weighed = run.rollouts[run.rollouts["particles"].notna() & run.rollouts["attempts"].isna()]
    for condition, part in weighed.groupby("condition", sort=False):
        few = int((part["ess"] < LEAST_SHARE * part["particles"].astype("float64")).sum())
        if few:
            notes.append(
                f"{line(str(condition))}: the effective sample size of {few} of {pluralize(len(part), 'population')} "
                f"is below {LEAST_SHARE:.0%} of the particles; raise `particles`, or "
                f"{REMEDIES.get(kinds.get(str(condition), ''), 'make the weights less unequal')}."
            )
    for condition, part in run.rollouts[run.rollouts["attempts"].notna()].groupby("condition", sort=False):
        none = int((part["accepted"] == 0).sum())
        if none:
            of = pluralize(len(part), "rollout")
            notes.append(f"{line(str(condition))}: {none} of {of} accepted no attempt; raise `most`.")
    unscored = run.rollouts.dropna(subset="unscored").groupby("condition", sort=False, observed=True)["unscored"].sum()
    for condition, looks in unscored.items():
        notes.append(
            f"{line(str(condition))}: the judge of `inference` gave no score {pluralize(int(looks), 'time')}; such a "
            f"particle kept the weight it had, and such an attempt was no success."
        )
    return notes
