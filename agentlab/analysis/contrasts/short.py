"""The table of contrasts that people read first: difference, interval, p and conclusion, grouped by measure."""

from collections.abc import Iterator, Sequence

import pandas as pd

from agentlab.analysis.conclusion import WORDS
from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.text import line, pluralize

COLUMNS = ("role", "measure", "contrast", "difference", "low", "high", "p", "conclusion")
GROUPS = ("measure", "role")


def short(contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """One row for each contrast and measure, primary ones first, then by measure.

    `low`, `high`: the interval on which the conclusion rests. `p`: adjusted by Holm's procedure for primary contrasts.
    """
    order = {name: i for i, name in enumerate(dict.fromkeys(c.measure for c in contrasts))}
    ordered = sorted(contrasts, key=lambda c: (not c.primary, order[c.measure]))
    return pd.DataFrame([_row(c) for c in ordered], columns=[*COLUMNS])


def _row(c: Contrast) -> tuple[object, ...]:
    interval = None if c.suppressed else c.interval
    value = None if c.suppressed else c.result.difference
    limits = (None, None) if interval is None else (interval.low, interval.high)
    return c.role, c.measure, c.pair, value, *limits, c.p_shown, c.conclusion


def differences_found(*kinds: tuple[pd.Series, str, str]) -> str:
    """In how many comparisons a difference was found, without those that are suppressed.

    Each kind is the conclusions of its comparisons, and its name in the singular and the plural.
    """
    every = pd.concat([conclusions for conclusions, _, _ in kinds])
    if (every == WORDS["unfinished"]).any():
        return "nothing is concluded yet, because the run is not finished."
    hidden = int((every == WORDS["suppressed"]).sum())
    if hidden == len(every):
        return "every comparison is suppressed."
    counts = list[str]()
    for conclusions, one, several in kinds:
        if told := int((conclusions != WORDS["suppressed"]).sum()):
            different = int(conclusions.str.endswith((" better", " higher")).sum())
            counts.append(f"{different} of {pluralize(told, one, several)}")
    rest = f"; {hidden} more {'is' if hidden == 1 else 'are'} suppressed" if hidden else ""
    return f"a difference was found in {', and in '.join(counts)}{rest}."


def level(contrasts: Sequence[Contrast]) -> str:
    """What the intervals are: `95% CI`, unless looks at an unfinished run are planned."""
    if any(c.interim.spend == "any" and c.interim.planned for c in contrasts):
        return "95% CI at every look"
    return "95% CI" if all(c.interim.level(ALPHA) == ALPHA for c in contrasts) else "CI of this look"


def about(contrasts: Sequence[Contrast]) -> str:
    """For which tasks the intervals hold: `new tasks`, or `these 2 tasks only`; empty where there is none."""
    shown = [c for c in contrasts if c.interval is not None and not c.suppressed]
    new, tasks = {c.result.new_tasks is not None for c in shown}, max((c.result.tasks for c in shown), default=0)
    if len(new) == 2:
        return "new tasks, or for these tasks only where there are few"
    if new == {False}:
        return f"these {pluralize(tasks, 'task')} only" if tasks > 1 else "this task only"
    return "new tasks" if new else ""


def meanings(contrasts: Sequence[Contrast], better: dict[str, int | None]) -> Iterator[tuple[str, str]]:
    """What the columns mean, by name; `better` by measure, as in `MeasureSummary`."""
    tasks = about(contrasts)
    interval = f", [{level(contrasts)} for {tasks}]" if tasks else ""
    less = [line(name) for name, sign in better.items() if sign == -1]
    lower = f"; lower is better: {', '.join(less)}" if less else ""
    yield "difference", f"first condition minus second{interval}{lower}"
    roles = {c.role for c in contrasts}
    if "primary" in roles:
        rest = "; exploratory contrasts are not adjusted" if len(roles) > 1 else ""
        yield "p", f"adjusted for the number of primary contrasts (Holm){rest}"
    else:
        yield "p", "not adjusted for the number of contrasts; the scenario declares none as primary (`compare:`)"
