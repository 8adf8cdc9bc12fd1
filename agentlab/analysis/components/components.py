"""How much of the variance of a score comes from tasks, from draws and from the judge, in every arm of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cases import about_cases
from agentlab.analysis.cells import alike
from agentlab.analysis.components.limits import apart, most, of_two_values, possible
from agentlab.analysis.components.nested import Template, named, template
from agentlab.analysis.components.samples import Sample, samples
from agentlab.analysis.remarks import Remarks, by_reason
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.components.components import Component, Components
from agentlab.stats.components.components import components as estimated
from agentlab.stats.components.covariances import covariances
from agentlab.stats.components.score_variance import score_variance
from agentlab.text import pluralize
from agentlab.types import Measure

LEGEND: Mapping[str, str] = {
    "groups": "how many there are of a level in all",
    "reads": "how to read a row that its numbers do not explain",
    "anova": "the variance if each score has the same weight, not each task",
    "between": "variance of the rollouts' scores within tasks, with the judge's noise still in it",
}


@dataclass(slots=True)
class _Gathered:
    """Rows and remarks, as they are gathered."""

    components: list[Row] = field(default_factory=list[Row])
    rollouts: list[Row] = field(default_factory=list[Row])
    covariances: list[Row] = field(default_factory=list[Row])
    remarks: Remarks = field(default_factory=Remarks)

    def remark(self, measure: str, arm: str, text: str) -> None:
        self.remarks.add(f"{measure}: {text}", arm)

    def tables(self) -> dict[str, pd.DataFrame]:
        rows = {"components": self.components, "rollouts": self.rollouts, "covariances": self.covariances}
        return {name: _numbers(pd.DataFrame(records)) for name, records in rows.items() if records}


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The same with numbers, though missing, in a column of limits that nothing has."""
    return table.astype({name: "float64" for name in table if table[name].isna().all()})


def components(run: Run, measure: str | None = None, by: str | None = None) -> Analysis:
    """Components of each measure in each arm; the score variance; what each two measures share.

    `by` names a field of the tasks that makes a level of its own, as `nested.template` has it. Tables:
    `components` (a row per level, and the total), `rollouts` (variance over draws of a task without judge noise, and
    the reliability of a rollout's score), `covariances` (the same noise taken out of what two measures share). Under 6
    groups the top level is fixed. Raises AnalysisError when there is nothing to tell, saying why.
    """
    levels, wanted = template(run, by), [named(run, measure)] if measure is not None else run.measured
    if not wanted or run.rollouts.empty:
        raise AnalysisError(f"{run.folder} has no {'rollouts' if wanted else 'measures'}: agentlab run SCENARIO")
    gathered, by_measure = _Gathered(), dict[str, dict[str, Sample]]()
    for m in run.measured:
        try:
            by_measure[m.name] = samples(run, m, levels)
        except AnalysisError as why:
            if m in wanted:
                gathered.remark(m.name, "", str(why))
    for m in wanted:
        for sample in by_measure.get(m.name, {}).values():
            _levels(gathered, sample)
    count = len({arm for by_arm in by_measure.values() for arm in by_arm})
    if not gathered.components:
        raise AnalysisError(f"{run.folder} has no variance components: {by_reason(gathered.remarks.notes(count))}")
    for a, b in combinations(by_measure, 2):
        if any(m.name in (a, b) for m in wanted):
            for arm in (arm for arm in by_measure[a] if arm in by_measure[b]):
                _shared(gathered, by_measure[a][arm], by_measure[b][arm])
    if run.clusters and gathered.covariances:
        gathered.remarks.add("Correlations of measures treat tasks as independent, although some share a source")
    return Analysis(
        "components",
        "Variance components",
        _says(by_measure, wanted, levels),
        gathered.tables(),
        gathered.remarks.notes(count),
        result=_result,
        legend=LEGEND,
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The shares of the first measure in the first arm."""
    table = tables["components"]
    records = alike(table, "measure", "condition").to_dict("records")
    named = f"{records[0]['measure']}, {records[0]['condition']}"
    levels = [record for record in records if record["level"] != "total"]
    if not all(0 <= record["share"] <= 1 for record in levels):  # one is unknown, or its variance is estimated below 0
        return f"{named}: the shares of the variance are too uncertain to tell."
    shares = ", ".join(f"{record['level']} {record['share']:.0%}" for record in levels)
    return f"{named}: share of the variance: {shares}."


def _says(samples: dict[str, dict[str, Sample]], wanted: list[Measure], levels: Template) -> str:
    tables = [sample.table for m in wanted for sample in samples.get(m.name, {}).values()]
    all_draws = pd.concat(tables)
    rollouts, tasks = all_draws["rollout"].nunique(), all_draws["task"].nunique()
    parts = ", ".join(levels.names)
    size = f"{pluralize(rollouts, 'rollout')} on {pluralize(tasks, 'task')}"
    return f"What each level adds to the variance of one score ({parts}): {size}."


def _levels(gathered: _Gathered, sample: Sample) -> None:
    """The rows of one measure in one arm, or why there are none."""
    scores, names, where = sample.scores, sample.levels.names, (sample.measure.name, sample.arm)
    try:
        result = estimated(
            scores.codes,
            scores.values,
            names,
            fixed=sample.few,
            deterministic=scores.deterministic,
            clusters=sample.clusters,
        )
    except ValueError as why:
        return gathered.remark(*where, f"no components: {why}")
    result = of_two_values(result, sample)
    for component in _shown(result, sample):
        gathered.components.append(
            {
                "condition": sample.arm,
                "measure": sample.measure.name,
                "level": component.name,
                "groups": len(sample.table) // (1 + sample.exact) if component is result.total else component.groups,
                "variance": component.variance,
                "low": component.low,
                "high": possible(component, sample.measure),
                "share": component.share,
                "reads": _reads(component, result, sample.measure),
                "anova": component.anova,
            }
        )
    if sample.measure.cases:
        gathered.remark(*where, about_cases(sample.measure))
    for note in _notes(result, sample):
        gathered.remark(*where, note)
    _score_variance(gathered, sample, result)


def _notes(result: Components, sample: Sample) -> Iterator[str]:
    if result.inseparable:
        once = f"each rollout has one judge draw; set `draws: 2` under judges.{sample.measure.judge} to separate it"
        result = replace(result, inseparable=f"judge noise not separable: {sample.copies or once}")
    if sample.exact:
        result = replace(result, constant="")
    yield from result.notes
    if sample.exact:
        yield "its judge does not call a model, so there is no judge noise"
    if sample.missing:
        yield f"{sample.missing} rollouts without a complete judge draw are excluded"


def _reads(component: Component, result: Components, measure: Measure) -> str | None:
    """In words, what a number and its limits would not say."""
    if component.variance is None:
        return "not separable" if component in result.levels[-2:] else f"one {component.name} only"
    if component.variance > (highest := most(measure)) and component is not result.levels[-1]:
        return f"at most {highest:.3g} is possible"
    return str(component) if component.negative else None


def _shown(result: Components, sample: Sample) -> list[Component]:
    levels = result.levels[:-1] if sample.exact else result.levels
    return [*levels, *([result.merged] if result.merged else []), result.total]


def _score_variance(gathered: _Gathered, sample: Sample, levels: Components) -> None:
    """The score variance, of draws that have all labels above them in common: the component of draws, with its limits.

    Where the top level is fixed, limits leave out one draw at a time; limits that do so meet where no draw makes a
    difference, and are none.
    """
    *above, draws = sample.scores.codes
    cells = pd.DataFrame(dict(enumerate(above))).groupby(list(range(len(above)))).ngroup()
    result = score_variance(cells.to_numpy(), draws, sample.scores.values, deterministic=bool(sample.copies))
    draw = levels.levels[-2]
    low, high = (draw.low, possible(draw, sample.measure)) if not sample.few else apart(result.variance)
    gathered.rollouts.append(
        {
            "condition": sample.arm,
            "measure": sample.measure.name,
            "rollouts": sample.table["rollout"].nunique(),
            "score_variance": result.variance.variance,
            "low": low,
            "high": high,
            "between": result.between,
            "judge": result.judge,
            "noise": result.noise,
            "reliability": result.reliability,
            "reliability_low": None if sample.exact else result.low,
            "reliability_high": None if sample.exact else result.high,
        }
    )


def _shared(gathered: _Gathered, a: Sample, b: Sample) -> None:
    """What two measures share in one arm: of one judge they are of the same calls, of two they are not."""
    same = a.measure.judge == b.measure.judge
    if same:
        keys = ["rollout", "judge_draw"]
        a = replace(a, table=a.table.merge(b.table[keys], on=keys))
        b = replace(b, table=a.table[keys].merge(b.table, on=keys))
    where = (f"{a.measure.name} and {b.measure.name}", a.arm)
    try:
        result = covariances(a.scores, b.scores, a.levels.names, same_calls=same)
    except ValueError as why:
        return gathered.remark(*where, f"no covariances: {why}")
    levels = result.levels if same and not a.exact else result.levels[:-1]
    for level in levels:
        gathered.covariances.append(
            {
                "condition": a.arm,
                "measure": a.measure.name,
                "other": b.measure.name,
                "level": level.name,
                "rollouts": result.rollouts,
                "covariance": level.covariance,
                "correlation": level.correlation,
                "low": level.low,
                "high": level.high,
                "uncorrected": level.uncorrected,
            }
        )
    for sample, why in zip((a, b), result.inseparable, strict=True):
        if why:
            gathered.remark(*where, f"{sample.measure.name}: {why}")
    if result.independent:
        gathered.remark("the measures come from two judges", a.arm, result.independent)
    for note in (result.few, *(f"{level.name}: {level.note}" for level in levels if level.note)):
        if note:
            gathered.remark(*where, note)
    return None
