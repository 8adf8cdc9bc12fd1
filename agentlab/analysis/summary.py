"""What a run says at its end: measures by condition, paired contrasts, what went missing, and what may be concluded.

Numbers only; whoever prints them chooses the layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import pandas as pd

from agentlab.analysis.contrasts.blinding import Sides, blindness, judged_guesses
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.notes import interim_notes
from agentlab.analysis.contrasts.table import tabulate
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.fitted import fitted
from agentlab.analysis.generations.latest import latest
from agentlab.analysis.headline import headline
from agentlab.analysis.results import Results, results
from agentlab.analysis.sandboxes import sandbox_notes
from agentlab.analysis.served import batch_notes, served_notes, shared_numbers
from agentlab.analysis.summary_tables import conditions, differences
from agentlab.analysis.threats import failures, threats
from agentlab.analysis.unmeasured import unmeasured
from agentlab.analysis.unread import unread_notes
from agentlab.errors import AnalysisError
from agentlab.experiment.decisions import followed, match_notes
from agentlab.runs.frames import Run, Runs
from agentlab.runs.transcript.find import address
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.judges.arm_guess import ArmGuess
from agentlab.text import pluralize, sanitize


@dataclass(frozen=True, slots=True, repr=False)
class Summary(Results):
    """The results, and everything to be said of them; shown as the table at the end of a run."""

    table: pd.DataFrame
    """The contrasts with a column for everything known of them."""
    unmeasured: tuple[str, ...]
    """A line on each judge whose verdicts are no measure: those that compare outputs, or sort them."""
    suppressed: dict[str, str]
    """Measures of which nothing is said that tells who did better, and why."""
    registered: tuple[str, ...]
    """That the run follows its preregistration; nothing where it does not, or no file was named."""
    warnings: tuple[str, ...]
    """What threatens the conclusions, in short lines."""
    notes: tuple[str, ...]
    """All that has to be said, the warnings at length."""
    example: str
    """A rollout of the run, by its coordinates."""
    shared: str
    """Whether the arms' common random numbers are exact, where this was asked for and tested."""

    def __repr__(self) -> str:
        parts = ["\n".join(map(sanitize, headline(self)))]
        for table in (conditions(self), differences(self, self.shared)) if self.arms else ():
            parts += [f"{fitted(table.columns)}\n {table.legend}"] if table is not None else []
        if warned := [f"Warning: {sanitize(warning)}" for warning in self.warnings]:
            parts.append("\n".join(warned))
        return "\n\n".join(parts)


def summarize(run: Run | Runs) -> Summary:
    """The summary of a run with at least one finished rollout; an empty one otherwise.

    Of a self-training loop, it is about held-out tasks in the last generation. Raises `AnalysisError` for several runs
    at once: their rollouts were not randomized against each other.
    """
    if isinstance(run, Runs):
        raise AnalysisError(
            f"summarize takes one run, and this is a group of {len(run.runs)}; summarize each: "
            f"[agentlab.summarize(run) for run in group.runs.values()], or compare two: agentlab.compare(one, other)"
        )
    known, last, every = results(run), latest(run.held_out), run.whole.held_out
    guessed = judged_guesses(last, known.contrasts)
    failed = list(failures(every))  # what failed is told of all generations
    served = [*served_notes(last), *sandbox_notes(last)]
    return Summary(
        **{field.name: getattr(known, field.name) for field in fields(known)},
        table=tabulate(last),
        unmeasured=tuple(unmeasured(last)),
        suppressed={name: m.suppressed for name, m in known.measures.items() if m.suppressed},
        registered=tuple(match_notes(last.meta, len(last.rollouts))) if followed(last.meta) else (),
        warnings=(*failed, *served, *threats(last, known.contrasts, guessed)),
        notes=_notes(last, known.contrasts, guessed, [*served, *failed]),
        example=_example(last),
        shared=shared_numbers(last),
    )


def _example(run: Run) -> str:
    if run.rollouts.empty:
        return ""
    first = run.rollouts.iloc[0]
    return address({name: first[name] for name in ("task", *run.factors, "draw")}, str(first["rollout"]))


def _notes(
    run: Run, contrasts: tuple[Contrast, ...], guessed: Mapping[Sides, ArmGuess], first: Sequence[str]
) -> tuple[str, ...]:
    notes = [*first, *(unread_notes(run) if len(run.rollouts) else [])]
    tasks = run.rollouts["task"].nunique()
    if contrasts and tasks < FEWEST_TASKS:
        about = "this task only" if tasks == 1 else "these tasks only"
        notes.append(f"{pluralize(tasks, 'task')}: every interval is about {about}.")
    notes += [*interim_notes(run, contrasts), *task_notes(run, contrasts)]
    uncounted = run.replies["text"].notna() & run.replies["input_tokens"].isna()
    if uncounted.any():
        models = ", ".join(sorted(run.replies.loc[uncounted, "model"].astype("str").unique()))
        notes.append(
            f"{pluralize(int(uncounted.sum()), 'reply', 'replies')} of {models} came without token counts: their "
            f"tokens and cost are unknown, not zero."
        )
    unsent = run.replies.loc[~run.replies["seeded"], "model"].unique()
    if len(unsent):
        notes.append(
            f"{', '.join(sorted(map(str, unsent)))} did not accept a seed: the arms share no random numbers in those "
            f"calls."
        )
    notes += batch_notes(run)
    return tuple(dict.fromkeys([*notes, *blindness(run, guessed)]))
