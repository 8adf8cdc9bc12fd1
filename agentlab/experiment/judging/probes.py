"""Puts outputs of a run, changed in ways that should not matter, before the rubric judges that scored them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from msgspec import structs

from agentlab.engine.spec import lineage
from agentlab.errors import AnalysisError
from agentlab.experiment.judging.couplings import couplings
from agentlab.experiment.judging.perturb import VARIANTS, Probe, Variant, perturbed
from agentlab.experiment.judging.questions import JudgingQuestion, ask, failures, pending
from agentlab.experiment.progress import Progress
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.experiment.work import CONCURRENCY, Work, opened, run_limit, working
from agentlab.interfaces import Judge
from agentlab.judges import recorded
from agentlab.judges.inputs import judge_input, judged_output
from agentlab.judges.rubric import RubricConfig
from agentlab.models.cost import Cost
from agentlab.models.prices import estimated
from agentlab.models.spec import ModelSpec
from agentlab.scenario.added_judges import recorded_judges
from agentlab.seeds import stream
from agentlab.store import UNFINISHED, Store, read
from agentlab.types import Rollout, Usage

SAMPLE = 30
"""Outputs that are changed, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class ChangedOutput:
    """The output of one rollout, changed, before the judges that have not scored it yet."""

    rollout: Rollout
    """Without messages."""
    variant: Variant
    judges: tuple[Judge, ...]

    @property
    def key(self) -> str:
        """Of its row."""
        return f"probe/{self.variant}/{self.rollout.key}"


def documents(meta: Mapping[str, Any]) -> dict[str, RubricConfig]:
    """The rubric judges of a run, by name."""
    return {name: RubricConfig.model_validate(document) for name, document in _documents(meta).items()}


async def estimate(folder: Path, probes: Sequence[Probe], sample: int = SAMPLE) -> tuple[int, Cost]:
    """The outputs that are still to be probed, and what that takes, by what their judges took for them unchanged.

    Raises `AnalysisError` when no rubric judge scored the run.
    """
    with opened(folder, new=False) as store:
        judges, specs = _judges(store)
        todo = open_probes(store, judges, probes, sample)
        outputs = len({changed.rollout.key for changed in todo})
        costs = {name: _judgment(store, name, specs[judge.model or ""]) for name, judge in judges.items()}
        return outputs, sum((costs[judge.name] for changed in todo for judge in changed.judges), Cost())


async def probe(
    folder: Path, probes: Sequence[Probe], sample: int, progress: Progress, concurrency: int = CONCURRENCY
) -> None:
    """Asks what is not there yet: each judge once about each changed output, with the streams of its first draw on the
    output itself. Raises what `estimate` raises, and `MismatchError` when another process works on the run."""
    with opened(folder, new=False) as store:
        judges, specs = _judges(store)
        todo = open_probes(store, judges, probes, sample)
        progress.enter("judge changed outputs", "outputs")
        progress.plan(Counter(changed.variant for changed in todo))
        judging = {judge.model: specs[judge.model] for judge in judges.values() if judge.model is not None}
        meta = store.meta()
        common = (store, meta, tasks_of(meta), judges, judging, progress, concurrency)
        async with working(*common, limit=run_limit(meta)) as work:
            coupled = couplings(store)
            await work.each([partial(_ask, work, coupled[changed.rollout.condition], changed) for changed in todo])


def open_probes(store: Store, judges: Mapping[str, Judge], probes: Sequence[Probe], sample: int) -> list[ChangedOutput]:
    """What is still to be asked about the sample: outputs of all conditions and tasks, as equally often as can be.

    An output that a change leaves as it is has its score already.
    """
    final, described = store.judged(), _documents(store.meta())
    kinds: list[tuple[Probe, Variant]] = [(probe, variant) for probe in probes for variant in VARIANTS[probe]]
    todo = list[ChangedOutput]()
    for row, (probe, variant) in product(_sample(store, sample), kinds):
        if perturbed(row.output or "", variant) == row.output:
            continue
        # a judge that normalises is shown the same text whatever its layout
        asked = [(j, 0) for name, j in judges.items() if probe != "format" or not described[name].get("normalise")]
        output = ChangedOutput(row, variant, ())
        if left := pending(store, output.key, row.attempt, asked, final):
            todo.append(replace(output, judges=tuple(judge for judge, _ in left)))
    return todo


def _sample(store: Store, sample: int) -> list[Rollout]:
    """The same outputs for every probe; a larger sample holds a smaller one."""
    seed, cells = store.meta()["seed"], dict[tuple[str, str], list[Rollout]]()
    for row in store.rollouts():
        if store.known[row.key].status not in UNFINISHED and (judged_output(row) or "").strip():
            cells.setdefault((row.task, row.condition), []).append(row)
    ranked = list[tuple[int, int, Rollout]]()
    for rows in cells.values():
        by_chance = sorted(rows, key=lambda row: stream(seed, "probe", row.key))
        ranked += [(i, stream(seed, "cell", row.key), row) for i, row in enumerate(by_chance)]
    return [row for _, _, row in sorted(ranked, key=lambda row: row[:2])[:sample]]


async def _ask(work: Work, coupling: str, changed: ChangedOutput) -> None:
    row, task = work.store.rollout(changed.rollout.key), work.tasks[changed.rollout.task]
    text = perturbed(row.output or "", changed.variant)
    question = JudgingQuestion(
        changed.key,
        "probe",
        {"rollout": row.key, "variant": changed.variant},
        lineage(row.seed, row.task, row.draw, row.generation, 0, coupling),
        (judge_input(task, structs.replace(row, output=text)),),
        row.seed,
        row.draw,
        row.generation,
        row.attempt,
        text,
    )
    with work.progress.unit(changed.variant, changed.key) as unit:
        _, verdicts = await ask(work.judges, question, [(judge, 0) for judge in changed.judges])
        unit.failed = bool(failures(verdicts))


def _documents(meta: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    every = recorded(meta)
    used = {name: every[name] for name in meta.get("judges", {}) if every.get(name)}
    return {name: document for name, document in used.items() if document.get("kind") == "rubric"}


def _judges(store: Store) -> tuple[dict[str, Judge], Mapping[str, ModelSpec]]:
    meta = store.meta()
    described = _documents(meta)
    if not described:
        command = f"agentlab judge {store.folder} --with NAME"
        raise AnalysisError(
            f"{store.folder}: no rubric judge scored this run, and only rubric judges can be probed; add one: {command}"
        )
    models, asked = meta["tree"].get("models", {}), meta.get("judges", {})
    built, specs = recorded_judges(described, models, asked, store.folder)
    return dict(built.judges), specs


def _judgment(store: Store, judge: str, spec: ModelSpec) -> Cost:
    """The cost of one judgment, as the mean of those that were made, at the prices of today."""
    connection = read(store.folder)
    sql = (
        "SELECT count(DISTINCT rollout || actor), count(*), avg(input_tokens), avg(output_tokens) FROM call_spans "
        "WHERE purpose = 'judge' AND judge = ? AND error IS NULL"
    )
    times, made, input, output = connection.execute(sql, (judge,)).fetchone()
    connection.close()
    if not times:
        return Cost(calls=1, unpriced=1)
    usage = None if input is None else Usage(round(input * made / times), round(output * made / times))
    return structs.replace(estimated(spec, usage), calls=round(made / times))
