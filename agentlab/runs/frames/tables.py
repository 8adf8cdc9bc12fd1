"""Verdicts on anchors as a frame, and which rollouts a frame is of."""

from collections.abc import Callable, Sequence

import pandas as pd

from agentlab.columns import ANCHORS, SCORES

Select = Callable[[str, Sequence[str]], pd.DataFrame]
"""The rows of a query under these names."""

OWN = "rollout NOT IN (SELECT id FROM rollouts WHERE kind != 'rollout')"
"""Of the run's rollouts; forks are in `Run.forks` alone."""
ASKED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind IN ('fork', 'redraw'))"
"""Of the run's rollouts, their particles, and all that judges are asked about beside them."""
PLAYED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind NOT IN ('rollout', 'particle'))"
"""Of the run's rollouts and their particles."""
PARTICLES = """(SELECT one.id AS own, whole.id AS whole, one.key AS particle
    FROM rollouts one JOIN rollouts whole ON whole.key = one.population WHERE one.population IS NOT NULL)"""
"""Of each particle, and each draw of a turn that was redrawn: its number, that of its rollout or fork, and its key."""
FINISHED = "rollout NOT IN (SELECT id FROM rollouts WHERE kind != 'rollout' OR status IS NULL)"
"""Of the run's rollouts that are in `Run.rollouts`."""
FORKED = "rollout IN (SELECT id FROM rollouts WHERE kind = 'fork')"


def anchors(select: Select) -> pd.DataFrame:
    """The verdicts on anchors, whose keys are JUDGE/anchor/FAMILY/ROLE/PLACE, as they were committed."""
    sql = (
        "SELECT key, output, rollout, judge, verdict.draw, criterion, outcome, value, label, log_text(reason), call, "
        "mass FROM rollouts CROSS JOIN verdict_spans verdict ON rollout = id WHERE kind = 'anchor' ORDER BY number"
    )
    table = select(sql, ("anchor", "text", "id", *SCORES))
    table = table.astype({"value": "float64", "mass": "float64", "call": "Int64"})
    parts = table["anchor"].astype("str").str.extract(r"/anchor/(?P<family>.*)/(?P<role>[^/]*)/[^/]*$").astype("str")
    return table.join(parts)[[*ANCHORS]]
