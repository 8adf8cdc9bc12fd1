"""Puts outputs of a run, changed in ways that should not matter, before the rubric judges that scored them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from agentlab.engine.client import Client
from agentlab.engine.spec import lineage
from agentlab.errors import AnalysisError
from agentlab.experiment.clients import client_for, counting, identify, serving
from agentlab.experiment.judging.pairs import Work, entered, spread
from agentlab.experiment.judging.perturb import VARIANTS, Probe, Variant, perturbed
from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem
from agentlab.experiment.runner import Progress
from agentlab.experiment.session import CONCURRENCY, opened, stoppable, tasks_of, unwrapped
from agentlab.interfaces import Judge
from agentlab.judges import recorded
from agentlab.judges.rubric import RubricConfig
from agentlab.models import ModelSpec, StopSwitch, cost_of
from agentlab.scenario.added_judges import recorded_judges
from agentlab.seeds import stream
from agentlab.store import UNFINISHED, Store, read
from agentlab.types import JudgeInput, Rollout, Usage

SAMPLE = 30
"""Outputs that are changed, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class ProbeCost:
    """What probes will still take, by what the same judges took for the outputs as they are."""

    outputs: int
    calls: int
    tokens: int
    cost: float | None
    """US dollars; None when a price is unknown."""


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    """The changed output of one rollout before one judge."""

    rollout: Rollout
    """Without messages."""
    variant: Variant
    judge: Judge

    @property
    def key(self) -> str:
        """Of its row."""
        return f"probe/{self.variant}/{self.rollout.key}"


def documents(meta: Mapping[str, Any]) -> dict[str, RubricConfig]:
    """The rubric judges of a run, by name."""
    told = _documents(meta)
    return {name: RubricConfig.model_validate(one) for name, one in told.items()}


async def estimate(folder: Path, probes: Sequence[Probe], sample: int = SAMPLE) -> ProbeCost:
    """The price of what is not there yet. Raises `AnalysisError` when no rubric judge scored the run."""
    read(folder).close()  # opening to write would make a run where there is none
    with opened(folder) as store:
        bench, specs = _bench(store)
        todo = questions(store, bench, probes, sample)
        outputs = len({question.rollout.key for question in todo})
        tokens, cost, calls = 0, 0.0, 0
        prices = {name: _usage(store, name, specs[judge.model or ""]) for name, judge in bench.items()}
        for question in todo:
            made, used, price = prices[question.judge.name]
            calls, tokens = calls + made, tokens + used
            cost = None if cost is None or price is None else cost + price
        return ProbeCost(outputs, calls, tokens, cost)


async def probe(
    folder: Path, probes: Sequence[Probe], sample: int, progress: Progress, concurrency: int = CONCURRENCY
) -> None:
    """Asks what is not there yet: each judge once about each changed output, with the streams of its first draw on the
    output itself. Raises what `estimate` raises, and `MismatchError` when another process works on the run."""
    read(folder).close()
    with opened(folder) as store:
        meta = store.meta()
        judges, specs = _bench(store)
        todo = questions(store, judges, probes, sample)
        progress.spent, progress.planned = store.spend(), len(todo)
        used = {judge.model: specs[judge.model] for judge in judges.values() if judge.model is not None}
        async with serving({identify(s): s for s in used.values()}, store, [], stop_switch := StopSwitch()) as models:
            client = client_for(Client({}, counting(store, progress)), used, models)
            bench = JudgeRunner(judges, store, client, {alias: spec.settings() for alias, spec in used.items()})
            factors: Mapping[str, Sequence[str]] = meta.get("factors", {})
            told = (_documents(meta), tasks_of(meta), factors, meta["seed"], str(meta.get("coupling")))
            work = Work(bench, *told, progress, lambda: progress.stopping, concurrency)
            with stoppable(progress, stop_switch):
                rows = {question.key: [q for q in todo if q.key == question.key] for question in todo}
                await unwrapped(spread(work, [partial(_ask, work, same) for same in rows.values()]))


def questions(store: Store, judges: Mapping[str, Judge], probes: Sequence[Probe], sample: int) -> list[ProbeQuestion]:
    """What is still to be asked about the sample: outputs of all conditions and tasks, as equally often as can be.

    An output that a change leaves as it is has its score already.
    """
    final, told = store.judged(), _documents(store.meta())
    found = list[ProbeQuestion]()
    for row in _sample(store, sample):
        every: list[tuple[Probe, Variant]] = [(kind, variant) for kind in probes for variant in VARIANTS[kind]]
        changed = [one for one in every if perturbed(row.output or "", one[1]) != row.output]
        for (kind, variant), (name, judge) in product(changed, judges.items()):
            if kind == "format" and told[name].get("normalise"):
                continue  # it is shown the same text either way
            question = ProbeQuestion(row, variant, judge)
            known = store.known.get(question.key)
            if known is None or known.attempt != row.attempt or (name, 0) not in final.get(known.id, ()):
                found.append(question)
    return found


def _sample(store: Store, sample: int) -> list[Rollout]:
    """The same outputs for every probe; a larger sample holds a smaller one."""
    seed, cells = store.meta()["seed"], dict[tuple[str, str], list[Rollout]]()
    for row in store.rollouts():
        if store.known[row.key].status not in UNFINISHED and row.output and row.output.strip():
            cells.setdefault((row.task, row.condition), []).append(row)
    ranked = list[tuple[int, int, Rollout]]()
    for rows in cells.values():
        by_chance = sorted(rows, key=lambda row: stream(seed, "probe", row.key))
        ranked += [(i, stream(seed, "cell", row.key), row) for i, row in enumerate(by_chance)]
    return [row for _, _, row in sorted(ranked, key=lambda one: one[:2])[:sample]]


async def _ask(work: Work, questions: Sequence[ProbeQuestion]) -> None:
    """The questions about one changed output, which share a row."""
    question = questions[0]
    row, store = question.rollout, work.bench.store
    text = perturbed(row.output or "", question.variant)
    entry = Rollout(question.key, "", row.task, "", row.draw, row.seed, "delivered", text, "imported", kind="probe")
    about = {"rollout": row.key, "variant": question.variant}
    past = await entered(store, replace(entry, attempt=row.attempt, about=about))
    coupling = row.condition if work.coupling == "none" else ""
    root = lineage(row.seed, row.task, row.draw, row.generation, 0, coupling)
    case = JudgingItem(question.key, root, JudgeInput(work.tasks[row.task], text, store.rollout(row.key).messages))
    verdicts = await work.bench.judge(case, [(one.judge, 0) for one in questions], past)
    work.progress.failed += any(verdict.outcome == "error" for verdict in verdicts)
    work.progress.done += len(questions)


def _documents(meta: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    every = recorded(meta)
    own = {name: every[name] for name in meta.get("judges", {}) if every.get(name)}
    return {name: told for name, told in own.items() if told.get("kind") == "rubric"}


def _bench(store: Store) -> tuple[dict[str, Judge], Mapping[str, ModelSpec]]:
    meta = store.meta()
    told = _documents(meta)
    if not told:
        command = f"agentlab judge {store.folder} --with NAME"
        raise AnalysisError(f"{store.folder}: no rubric judge scored it, and others are not probed; add one: {command}")
    bench, specs = recorded_judges(told, meta["tree"].get("models", {}), meta.get("judges", {}), store.folder)
    return dict(bench.judges), specs


def _usage(store: Store, judge: str, spec: ModelSpec) -> tuple[int, int, float | None]:
    """Calls, tokens and price of one judgement, as the mean of those that were made."""
    connection = read(store.folder)
    sql = (
        "SELECT count(DISTINCT rollout || actor), count(*), total(input_tokens), total(output_tokens) FROM calls "
        "WHERE purpose = 'judge' AND judge = ? AND error IS NULL"
    )
    times, made, input, output = connection.execute(sql, (judge,)).fetchone()
    connection.close()
    if not times:
        return 1, 0, None
    usage = Usage(round(input / times), round(output / times))
    cost = cost_of(spec, usage, datetime.now(UTC).date())
    return round(made / times), usage.input + usage.output, cost
