"""One fit of the mixed model of a contrast, by statsmodels."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.errors import AnalysisError

BOUNDARY = 1e-4
"""A variance under this share of the residual is at the boundary: the fit is singular."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted model. SDs are in the measure's units."""

    estimate: float
    se: float
    task_sd: float
    slope_sd: float
    """Of the arm's effect from task to task."""
    draw_sd: float
    """Of what both arms of a draw have in common."""
    residual_sd: float
    converged: bool
    singular: bool
    """A variance is 0, or the effect of a task is a function of its mean: the model has more than the data tell."""
    doubted: bool
    """Whether statsmodels warned of anything."""


def fit(table: pd.DataFrame, slopes: bool = True, pairs: bool = True) -> Fit:
    """Fits the model to columns `task`, `draw`, `arm` (+1/2 and -1/2) and `value`, none missing.

    Without `slopes` the arm has no effect of its own by task, without `pairs` a draw none that both arms share. Raises
    AnalysisError when statsmodels finds no solution at all.
    """
    # takes a second to import, which a run that has nothing to fit does not wait for
    from statsmodels.regression.mixed_linear_model import (  # pyright: ignore[reportMissingTypeStubs]
        MixedLM,
        VCSpec,
    )

    exog: Array = np.column_stack([np.ones(len(table)), table["arm"].to_numpy(dtype=np.float64)])
    values = table["value"].to_numpy(dtype=np.float64)
    unit = float(values.std())
    if unit == 0:
        raise AnalysisError("the scores do not vary, so no mixed model can be fitted")
    model: Any = MixedLM(
        (values - values.mean()) / unit,  # statsmodels' thresholds are absolute
        exog,
        groups=table["task"].to_numpy(),
        exog_re=exog if slopes else exog[:, :1],
        exog_vc=VCSpec(["draw"], *_draws(table)) if pairs else None,
    )
    optimum, doubted = _optimum(model)
    se, estimate = unit * float(optimum.bse[1]), unit * float(optimum.params[1])
    if not (math.isfinite(se) and math.isfinite(estimate) and se > 0):
        raise AnalysisError("statsmodels finds no standard error: the scores do not vary in the way the model assumes")
    cov: Array = np.atleast_2d(np.asarray(optimum.cov_re, dtype=np.float64)) * unit**2
    draw, residual = (float(optimum.vcomp[0]) if pairs else 0.0) * unit**2, float(optimum.scale) * unit**2
    least = min(float(np.linalg.eigvalsh(cov)[0]), draw if pairs else math.inf)
    return Fit(
        estimate,
        se,
        *(math.sqrt(max(0.0, v)) for v in (cov[0, 0], cov[1, 1] if slopes else 0.0, draw, residual)),
        converged=bool(optimum.converged),
        singular=least < BOUNDARY * residual,
        doubted=doubted,
    )


def _optimum(model: Any) -> tuple[Any, bool]:
    """The fitted model, and whether statsmodels warned of anything.

    Powell's method needs no gradient, which there is none of at the boundary, where the others end in worse optima; but
    on its way it may meet a matrix that has no inverse.
    """
    errors: list[str] = []
    for methods in (["powell"], ["bfgs", "lbfgs", "cg"]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                fitted: Any = model.fit(reml=True, method=methods)
                fitted.bse  # noqa: B018  # is computed, and may warn, when it is asked for
            except (np.linalg.LinAlgError, ValueError) as error:
                errors.append(str(error))
                continue
        return fitted, bool(caught)
    raise AnalysisError(f"statsmodels could not fit a mixed model ({'; '.join(dict.fromkeys(errors))})")


def _draws(table: pd.DataFrame) -> tuple[list[list[list[str]]], list[list[Array]]]:
    """The draws of each task as a variance component, in the order in which statsmodels has the tasks: the names, and
    for each task a column of 0 and 1 for each draw, shape (rows, draws)."""
    of_task = [pd.get_dummies(part["draw"]).to_numpy(dtype=np.float64) for _, part in table.groupby("task", sort=True)]
    names = [[str(i) for i in range(dummies.shape[1])] for dummies in of_task]
    return [names], [of_task]
