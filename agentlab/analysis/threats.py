"""What threatens the conclusions of a run, in short lines to stand beside them."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from agentlab.analysis.contrasts.blinding import Sides, kin, known_arms
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.notes import late_notes, registration_notes
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.populations import population_notes
from agentlab.analysis.unread import differing
from agentlab.experiment.decisions import followed
from agentlab.judges.added_anchors import late_anchors
from agentlab.runs.frames import Run
from agentlab.stats.judges.arm_guess import ArmGuess
from agentlab.text import enumerate_some, line, pluralize

LONGEST, MOST = 160, 3
"""Characters of an error that is quoted; lines on contrasts that rest on one task."""


def threats(run: Run, contrasts: Sequence[Contrast], guessed: Mapping[Sides, ArmGuess]) -> tuple[str, ...]:
    """Beside failures: what differs between conditions first, then what else may lead astray."""
    return (
        *(differing(run) if len(run.rollouts) else ()),
        *_missing(contrasts),
        *_few(task_notes(run, [c for c in contrasts if c.primary] or contrasts)),
        *population_notes(run),
        *known_arms(run, contrasts, guessed),
        *late_anchors(run.meta),
        *kin(run),
        *(late_notes if followed(run.meta) else registration_notes)(run, contrasts),
    )


def _few(notes: Sequence[str]) -> Iterator[str]:
    yield from notes[:MOST]
    if len(notes) > MOST:
        yield f"{len(notes) - MOST} more like the last: agentlab stats RUN contrasts."


def failures(run: Run) -> Iterator[str]:
    """How many rollouts and verdicts failed, with the first reason of each kind; changes of code that were accepted."""
    changes = [change for entry in run.meta.get("code", []) for change in entry["accepted"]]
    if changes:
        yield f"Rollouts of one condition were made by different code: {'; '.join(changes)}."
    lost = run.rollouts[run.rollouts["status"] == "infrastructure"]
    if len(lost):
        yield f"{pluralize(len(lost), 'rollout')} failed; the first: {line(lost['error'].iloc[0], LONGEST)}"
    errors = pd.concat(
        [verdicts.loc[verdicts["outcome"] == "error", ["judge", "reason"]] for verdicts in (run.scores, run.anchors)]
    )
    for judge, part in errors.groupby("judge", sort=False):
        first = line(part["reason"].iloc[0], LONGEST)
        yield f"judge {judge}: {pluralize(len(part), 'verdict')} failed; the first: {first}"


def _missing(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Where missing values could undo what is there, and which of these they are."""
    fragile = [c for c in contrasts if c.outcome == "fragile"]
    if fragile:
        named = enumerate_some([f"{line(c.measure)}, {line(c.pair)}" for c in fragile], 3)
        yield f"In the worst case, missing scores would reverse these results: {named}."
