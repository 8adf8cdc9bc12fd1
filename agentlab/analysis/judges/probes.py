"""What moves a run's judges that should not: length, formatting, position, kinship."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import combinations

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.components.judge_noise import judge_draws
from agentlab.analysis.judges.families import model_families
from agentlab.analysis.judges.pairs import together
from agentlab.analysis.row import Row, ends
from agentlab.errors import AnalysisError
from agentlab.experiment.judging.perturb import VARIANTS, perturbed
from agentlab.experiment.judging.probes import documents
from agentlab.judges.rubric import RubricConfig
from agentlab.models.capabilities import maker
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import per_draw
from agentlab.stats.contrasts.paired import FEWEST_TASKS, paired
from agentlab.stats.judges.probes import slope
from agentlab.store import read
from agentlab.text import pluralize
from agentlab.types import Measure

_SHAPE = (
    "judge probe unit effect these_tasks_low these_tasks_high new_tasks_low new_tasks_high outputs tasks noise arms"
).split()
_MEANS = (
    "length: score of an output padded with 50% more empty words, minus the score of the output. format: the same "
    "words in Markdown, minus the same words in plain lines. position: how much more often than half the output "
    "shown first wins. self: what a judge adds to outputs of its own model family, compared with another judge that "
    "has the same criteria."
)
_BESIDE = (
    "noise: SD between the judge's draws on one output. arms: gap between the highest and the lowest arm mean, which "
    "an effect of that size could explain. Both are in points of the judge's scale."
)


def probes(run: Run) -> Analysis:
    """A row per judge and probe. Raises `AnalysisError` when the run holds nothing to go by."""
    notes: list[str] = []
    configs = documents(run.meta)
    scores = {name: _points(run.scores, name, config) for name, config in configs.items()}
    rows = [row for name in configs for row in _changed(run, name, configs[name], scores[name], notes)]
    rows += list(_position(run, notes))
    rows += list(_kin(run, configs, scores, notes))
    if not rows:
        command = f"try `agentlab judge {run.folder} --probe length,format`"
        needed = "the run needs a judge of kind rubric that scores outputs, or one that compares arms"
        raise AnalysisError(
            f"{run.folder}: no judge was tested on changed outputs, and none compared arms; "
            f"{command if configs else needed}"
        )
    table = pd.DataFrame(rows, columns=_SHAPE)
    return Analysis(
        "probes", "What sways the judges", _says(table), {"probes": table}, (_MEANS, _BESIDE, *notes), result=_result
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """What each probe changed, with the interval for new tasks where there is one."""
    table = tables["probes"]
    named = table[["effect"]].assign(name=table["probe"] + " of " + table["judge"] + ":", unit=table["unit"])
    for end in ("low", "high"):
        named[f"effect_{end}"] = table[f"new_tasks_{end}"].fillna(table[f"these_tasks_{end}"])
    return f"{listed(named, 'name', 'effect', 'unit')}."


def _measure(judge: str, config: RubricConfig) -> Measure:
    """The mean of its counted criteria, in points of its scale."""
    scales = {name: config.scale(name) for name in config.counted()}
    return Measure(judge, judge, scales, next(iter(scales.values())))


def _points(scores: pd.DataFrame, judge: str, config: RubricConfig) -> pd.Series:
    """By rollout and judge draw."""
    return judge_draws(scores, _measure(judge, config))


def _verdicts(run: Run) -> pd.DataFrame:
    """Verdicts on changed outputs of rollouts that are as they were."""
    sql = (
        "SELECT json_extract(r.about, '$.variant'), json_extract(r.about, '$.rollout'), r.attempt, v.judge, v.draw, "
        "v.criterion, v.outcome, v.value FROM verdict_spans v JOIN rollouts r ON r.id = v.rollout "
        "WHERE r.kind = 'probe'"
    )
    with closing(read(run.folder)) as connection:
        rows = connection.execute(sql).fetchall()
    columns = ["variant", "rollout", "attempt", "judge", "draw", "criterion", "outcome", "value"]
    table = pd.DataFrame(rows, columns=columns).astype({"value": "float64", "variant": "str", "rollout": "str"})
    return table.merge(run.rollouts[["rollout", "attempt", "task"]], on=["rollout", "attempt"])


def _changed(run: Run, judge: str, config: RubricConfig, scores: pd.Series, notes: list[str]) -> Iterator[Row]:
    every = _verdicts(run)
    verdicts = every[every["judge"] == judge]
    if config.normalise:
        notes.append(f"{judge}: formatting is removed before judging, so it is not probed.")
    lost = int((verdicts["outcome"] != "scored").sum())
    if lost:
        notes.append(
            f"{judge}: {lost} of {len(verdicts)} verdicts on changed outputs have no score; those outputs are excluded."
        )
    original = _by_rollout(scores[scores.index.get_level_values(1) == 0])
    for probe, variants in VARIANTS.items():
        keys = list(dict.fromkeys(verdicts.loc[verdicts["variant"].isin(variants), "rollout"]))
        if not keys:
            continue
        sides = [
            _by_rollout(per_draw(verdicts[verdicts["variant"] == v], _measure(judge, config))).reindex(keys)
            for v in variants
        ]
        known = run.rollouts.set_index(run.rollouts["rollout"].astype("str")).loc[keys]
        before = original.reindex(keys).to_numpy(dtype=np.float64)
        values = [side.to_numpy(dtype=np.float64) for side in sides]
        for i, variant in enumerate(variants):
            same = np.array([perturbed(str(text), variant) == text for text in known["output"]])
            values[i] = np.where(same, before, values[i])
        tasks, other = known["task"].astype("str").tolist(), values[1] if values[1:] else before
        result = paired(tasks, keys, values[0], other, clusters=run.clusters)
        notes += [f"{judge}, {probe}: {note}." for note in result.notes]
        yield {
            "judge": judge,
            "probe": probe,
            "unit": "points",
            "effect": result.difference,
            **ends("these_tasks", result.these_tasks),
            **ends("new_tasks", result.new_tasks),
            "outputs": result.pairs,
            "tasks": result.tasks,
            "noise": _noise(scores),
            "arms": _arms(run, scores),
        }


def _by_rollout(points: pd.Series) -> pd.Series:
    """By rollout."""
    return points.groupby(level=0).mean()


def _noise(scores: pd.Series) -> float | None:
    """SD between judge draws, pooled over rollouts; None with one draw of each."""
    groups = scores.groupby(level=0)
    freedom = int((groups.size() - 1).sum())
    squares = float(((scores - groups.transform("mean")) ** 2).sum())
    return (squares / freedom) ** 0.5 if freedom else None


def _arms(run: Run, scores: pd.Series) -> float | None:
    """The gap between the highest and the lowest condition's mean of task means; None for one condition."""
    places = run.rollouts[["rollout", "task", "condition"]].astype("str").set_index("rollout")
    placed = places.join(_by_rollout(scores).rename("points"), how="inner")
    means = placed.groupby(["condition", "task"])["points"].mean().groupby(level=0).mean()
    return float(means.max() - means.min()) if len(means) > 1 else None


def _position(run: Run, notes: list[str]) -> Iterator[Row]:
    """From the two orders of every pair: nothing more is asked."""
    if run.pairs.empty:
        return
    wide = together(run.pairs)
    wide["first"] = (wide["straight"] + 1 - wide["swapped"]) / 2
    for (judge, criterion), part in wide.groupby(["judge", "criterion"], sort=False):
        by_pair = part.groupby(["task", "rollout_a", "rollout_b"], sort=False)["first"].mean().reset_index()
        keys = [tuple(pair) for pair in by_pair[["rollout_a", "rollout_b"]].to_numpy().tolist()]
        tasks, half = by_pair["task"].tolist(), np.full(len(by_pair), 0.5)
        result = paired(tasks, keys, by_pair["first"].to_numpy(), half, clusters=run.clusters)
        notes += [f"{judge}, position: {note}." for note in result.notes]
        yield {
            "judge": judge,
            "probe": f"position, {criterion}",
            "unit": "of a win",
            "effect": result.difference,
            **ends("these_tasks", result.these_tasks),
            **ends("new_tasks", result.new_tasks),
            "outputs": 2 * result.pairs,
            "tasks": result.tasks,
            "noise": None,
            "arms": None,
        }


def _kin(
    run: Run, configs: Mapping[str, RubricConfig], scores: Mapping[str, pd.Series], notes: list[str]
) -> Iterator[Row]:
    """One judge's score less another's, by whose family wrote the output: 1 for the first's, -1 for the second's."""
    families = {name: maker(model) if (model := run.meta["judges"].get(name)) else None for name in configs}
    wrote = _authors(run)
    for first, second in combinations(configs, 2):
        a, b = families[first], families[second]
        same = configs[first].criteria == configs[second].criteria and configs[first].span == configs[second].span
        if not same or a is None or b is None or a == b or len({a, b} & set(wrote.values())) == 0:
            continue
        both = pd.concat(
            [_by_rollout(scores[first]), _by_rollout(scores[second])], axis=1, keys=["first", "second"]
        ).dropna()
        places = run.rollouts[["rollout", "task", "condition"]].astype("str").set_index("rollout").loc[both.index]
        author = places["condition"].map(wrote)
        x = (author == a).astype(float) - (author == b).astype(float)
        tasks = places["task"].tolist()
        effect = slope((both["first"] - both["second"]).to_numpy(), x.to_numpy(), tasks, run.clusters)
        notes += [f"{first} and {second}, self: {note}." for note in effect.notes]
        if effect.value is not None:
            yield {
                "judge": f"{first} ({a}) and {second} ({b})",
                "probe": "self",
                "unit": "points",
                "effect": effect.value,
                **ends("these_tasks", None),
                **ends("new_tasks", effect if effect.n >= FEWEST_TASKS else None),
                "outputs": len(both),
                "tasks": len(set(tasks)),
                "noise": None,
                "arms": _arms(run, scores[first]),
            }
    if len({family for family in families.values() if family}) < 2:
        notes.append(
            "self: all judges belong to one model family; add a copy of the rubric with another model: agentlab "
            "judge RUN --with COPY --judge-model OTHER."
        )
    elif run.labels.empty:
        notes.append("self: no human labels, so it is unknown which of two judges errs (see agentlab export labels).")


def _authors(run: Run) -> dict[str, str | None]:
    """The model family of the agents of each condition; None where there are several."""
    return {name: kins[0] if len(set(kins)) == 1 else None for name, kins in model_families(run).items()}


def _says(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    effect = first["effect"]
    result = "no result" if effect is None or pd.isna(effect) else f"{effect:+z.2f} {first['unit']}"
    where = f"{pluralize(first['outputs'], 'output')} on {pluralize(first['tasks'], 'task')}"
    which = f"{first['probe']} of {first['judge']}"
    size = f"{pluralize(len(table), 'probe')} of {pluralize(table['judge'].nunique(), 'judge')}"
    return f"{size}; the first, {which}: {result} over {where}."
