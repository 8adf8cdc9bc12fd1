"""What the first line of a table of comparisons claims: nothing of those that are suppressed or not finished."""

import pandas as pd
import pytest

from agentlab.analysis.contrasts.short import differences_found

BETTER, SAME, HIDDEN, OPEN = "solo better", "no difference found", "suppressed", "open: run not finished"


@pytest.mark.parametrize(
    ("conclusions", "told"),
    [
        ([BETTER, SAME], "a difference was found in 1 of 2 pairs."),
        ([SAME, HIDDEN], "a difference was found in 0 of 1 pair; 1 more is suppressed."),
        ([HIDDEN, HIDDEN], "every comparison is suppressed."),
        ([OPEN, HIDDEN], "nothing is concluded yet, because the run is not finished."),
    ],
)
def test_what_is_not_concluded_is_not_counted(conclusions: list[str], told: str) -> None:
    assert differences_found((pd.Series(conclusions), "pair", "pairs")) == told
