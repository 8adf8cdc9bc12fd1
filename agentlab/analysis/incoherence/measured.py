"""The predictions of every measure of a run, with a remark on each that has none."""

from collections.abc import Callable, Sequence

from agentlab.analysis.components.nested import named
from agentlab.analysis.incoherence.meanings import meanings
from agentlab.analysis.incoherence.predictions import Predictions, predictions
from agentlab.analysis.remarks import Remarks
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run


def by_measure(
    run: Run, measure: str | None, remarks: Remarks, inseparable: Callable[[Run, Sequence[Predictions]], str]
) -> list[list[Predictions]]:
    """By measure and arm; groups of outputs that mean the same come last, unless a measure is named.

    `inseparable` says of a measure's arms why judge noise cannot be told from the rest; empty where it can, or does not
    matter.
    """
    all_arms: list[list[Predictions]] = []
    for m in run.measured if measure is None else [named(run, measure)]:
        try:
            arms = predictions(run, m)
        except AnalysisError as why:
            remarks.add(str(why))
            continue
        all_arms.append(arms)
        if why := inseparable(run, arms):
            remarks.add(f"{m.name}: judge noise not separable: {why}")
    return all_arms + (meanings(run, remarks) if measure is None else [])
