"""Which weights were trained by what a task said before: its target or fields were corrected later."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from agentlab.analysis.generations.lineage import Lineage
from agentlab.experiment.judging.outdated import by_old_facts
from agentlab.runs.frames import Run
from agentlab.text import pluralize

MOST = 3
"""Tasks that a sentence names."""


def outdated(run: Run, loop: Lineage) -> Iterator[str]:
    """A sentence for each generation of which rollouts had another value, or had one, when the next was trained."""
    name = str(loop.improve["keep"]["measure"])
    judge = next((measure.judge for measure in run.measured if measure.name == name), None)
    if judge is None or run.rows.empty:
        return
    values = run.measures.set_index(run.measures["rollout"].astype("str"))[name].astype("float64")
    for generation, condition in loop.conditions.items():
        then = run.rows[(run.rows["condition"] == condition) & run.rows["rollout"].isin(values.index)]
        if generation + 1 not in loop.conditions or then.empty:
            continue
        now = values.loc[then["rollout"].astype("str").tolist()].to_numpy()
        changed: pd.DataFrame = then[~np.isclose(then["value"].to_numpy(), now, equal_nan=True)]
        if tasks := list(dict.fromkeys(changed["task"].astype("str"))):
            listed = ", ".join(tasks[:MOST]) + (", …" if len(tasks) > MOST else "")
            used = f"{pluralize(len(changed), 'rollout')} that decided what generation {generation + 1} learned"
            yield by_old_facts(condition, listed, judge, used, "weights")
