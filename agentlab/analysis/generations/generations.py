"""Every generation of a self-training loop: its measures, what was kept of it, what was gained, and what parted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.generations import answers, distance, gains, replicates, sampled
from agentlab.analysis.generations.findings import sentences
from agentlab.analysis.generations.lineage import Lineage, lineages
from agentlab.analysis.generations.outdated import outdated
from agentlab.analysis.generations.parted import parted
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run

ONCE = (
    "The loop ran once, so every interval is for this one loop. For conclusions about the training, set "
    "improve.replicates"
)
COUNTS = ("kept", "duplicates", "cut off", "not good enough", "hinted", "rows", "k", "rollouts", "left out")
LEGEND = {
    "passed": "share of rollouts that are good enough to be kept",
    "coverage": "share of tasks with such a rollout",
    "distinct": "mean share of different outputs among those of a task",
    "words": "mean length of an output",
    "precision": "share of the kept rollouts that are right by the truth, the second measure of watch",
    "hinted": "rollouts with a hint that were kept",
    "rows": "training rows made from the kept rollouts",
    "loss": "loss of this generation's training, in nats per token",
    "seconds": "duration of this generation's training",
    "kl": "distance from the base in nats for a rollout (KL divergence)",
    "left out": "rollouts with a reply that has no probability, such as one that was cut off",
    "incoherence": "share of the error that is variance, as `stats RUN decompose` has it",
    "k": "tries: the most for which the draws allow an estimate",
    "pass at": "share of tasks with at least one right answer in k tries (pass@k)",
    "majority": "share of tasks of which the most frequent answer of k is right (maj@k)",
    "tokens": "of prompts and replies of all rollouts, without judges",
    "since": "the earlier generation that this one is compared with, on held-out tasks",
}


@lru_cache(maxsize=1)
def generations(run: Run, measure: str | None = None) -> Analysis:
    """Tables: `generations` (every measure by split), `sampled`, `training`, `gains`, `parting`, `distance`, `answers`,
    and, with several replicates, `replicates`. Raises AnalysisError for a run without a loop."""
    if not run.splits:
        raise AnalysisError(f"{run.folder} has no self-training loop; `agentlab train` plays a scenario with `improve`")
    remarks, loops = Remarks(), lineages(run)
    reasons = suppressed_measures(run)
    names = [m.name for m in run.measured if measure in (None, m.name) and m.name not in reasons]
    for name in reasons:
        remarks.add(f"{name}: suppressed: {reasons[name]}")
    if not loops:
        raise AnalysisError(f"{run.folder} has no finished rollout yet; the same `agentlab train` command continues")
    held = run.held_out
    compared = _compared(run.whole, tuple(names))
    rows = {
        "generations": [row for loop in loops for row in sampled.means(run, loop, names, remarks)],
        "replicates": compared.rows["replicates"],
        **compared.rows,
        "distance": [row for loop in loops for row in distance.distance(run, loop, remarks)],
        "training": [row for loop in loops for row in sampled.training(run, loop)],
        "sampled": [row for loop in loops for row in sampled.sampling(run, loop)],
    }
    for text, arms in compared.remarks.places.items():
        for arm in arms:
            remarks.add(text, arm)
    rows["answers"] = answers.answers(held, loops, names, remarks)
    tables = _tables(rows, loops)
    once = all(not loop.replicate for loop in loops)
    notes = [*([ONCE] if once else replicates.notes(rows["replicates"])), *remarks.notes(len(loops))]
    notes += [f"{row.condition}: {row.error}" for row in run.generations.itertuples() if isinstance(row.error, str)]
    notes += [note for loop in loops for note in outdated(run, loop)]
    texts = tuple(sentences(tables, loops, _tasks(run)))
    shown = sum(name in tables for name in ("generations", "replicates", "gains", "parting", "distance"))
    groups = ("arm", "split") if "arm" in tables["generations"] else ("split",)
    unique_notes = tuple(dict.fromkeys(notes))
    says = " ".join(texts)
    return Analysis("generations", "Generations", says, tables, unique_notes, shown, None, groups, LEGEND, texts)


def findings(run: Run) -> tuple[str, ...]:
    """What the loop found on held-out tasks, in sentences; none for a run without a loop."""
    run = run.whole
    loops = lineages(run) if run.splits else []
    if not loops:
        return ()
    reasons = suppressed_measures(run)
    names = tuple(m.name for m in run.measured if m.name not in reasons)
    return tuple(sentences(_tables(_compared(run, names).rows, loops), loops, _tasks(run)))


def _tasks(run: Run) -> int:
    return run.held_out.rollouts["task"].nunique()


@dataclass(frozen=True, slots=True)
class _Compared:
    """Generations compared with each other on held-out tasks: rows by table, and what is remarked of them."""

    rows: Mapping[str, list[Row]]
    remarks: Remarks


@lru_cache(maxsize=1)
def _compared(run: Run, names: tuple[str, ...]) -> _Compared:
    """Made once, like a run's frames: the sentences of a report and its tables both need it."""
    loops, held, remarks = lineages(run), run.held_out, Remarks()
    rows = {
        "gains": [row for loop in loops for row in gains.gains(held, loop, names, remarks)],
        "parting": [row for loop in loops for row in parted(held, loop, names, remarks)],
        "replicates": replicates.replicates(held, loops, names),
    }
    return _Compared(rows, remarks)


def _tables(rows: Mapping[str, Sequence[Row]], loops: Sequence[Lineage]) -> dict[str, pd.DataFrame]:
    """Those that have a row."""
    return {name: _plain(pd.DataFrame(records), loops) for name, records in rows.items() if records}


def _plain(table: pd.DataFrame, loops: Sequence[Lineage]) -> pd.DataFrame:
    """Counts as whole numbers, and no column for the arm where there is one arm."""
    table = table.astype({name: "Int64" for name in COUNTS if name in table})
    return table if "arm" not in table or any(loop.name for loop in loops) else table.drop(columns="arm")
