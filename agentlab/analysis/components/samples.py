"""The judge draws of one measure in each arm of a run, as nested scores with what is known of their judge."""

from dataclasses import dataclass, replace

import pandas as pd

from agentlab.analysis.components.judge_noise import noiseless, repeats
from agentlab.analysis.components.nested import Template, arms, judged
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.components.components import RERUN
from agentlab.stats.components.covariances import Scores
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.jackknife import Clusters
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class Sample:
    """The judge draws of one measure in one arm."""

    measure: Measure
    arm: str
    table: pd.DataFrame
    levels: Template
    clusters: Clusters
    """Of each row of the table; None where tasks are not the top level."""
    exact: bool
    """The judge has no noise: its verdict stands twice in the table, which is what a fact would be."""
    copies: str
    """Why judge draws are copies; empty where they are not."""
    missing: int
    """Rollouts of the arm without a complete judge draw."""

    @property
    def scores(self) -> Scores:
        codes = [self.table[name].astype("str").to_numpy(dtype="str") for name in self.levels.columns]
        return Scores(codes, self.table["value"].to_numpy(), bool(self.copies))

    @property
    def few(self) -> bool:
        return self.table[self.levels.columns[0]].nunique() < FEWEST_TASKS


def samples(run: Run, measure: Measure, levels: Template) -> dict[str, Sample]:
    table = judged(run, measure)
    certain, again = noiseless(run, measure.judge), bool(table.duplicated("rollout").any())
    exact = certain and not again
    if exact:
        table = pd.concat([table, table.assign(judge_draw=1)], ignore_index=True)
    elif certain:  # whoever asks no model and is asked several times runs what was made again
        levels = replace(levels, names=(*levels.names[:-1], RERUN[-1]))
    spread = table.groupby("rollout")["value"].agg(["min", "max", "count"])
    alike = bool((spread["min"] == spread["max"]).all() and (spread["count"] > 1).any()) and not exact
    copies = repeats(run, measure.judge) or ("the judge's draws never differ" if alike else "")
    rollouts = run.rollouts.groupby("condition", observed=True).size()
    return {
        arm: Sample(
            measure,
            arm,
            rows,
            levels,
            None if levels.groups else cluster_codes(run.clusters, rows["task"].astype("str")),
            exact,
            "" if exact else copies,
            rollouts[arm] - rows["rollout"].nunique(),
        )
        for arm, rows in arms(table, levels).items()
    }
