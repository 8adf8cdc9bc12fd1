"""What a self-training loop found, in sentences."""

import pandas as pd

from agentlab.analysis.generations.findings import sentences
from agentlab.analysis.generations.lineage import Lineage


def test_a_mean_over_replicates_names_the_loops_that_it_is_of() -> None:
    loops = [Lineage("", str(i), {g: f"{i}/{g}" for g in range(1 + last)}, {}) for i, last in ((1, 2), (2, 2), (3, 1))]
    row = {"measure": "right", "difference": 0.2, "difference_low": 0.1, "difference_high": 0.3}
    rows = [{**row, "generation": 1, "replicates": 3}, {**row, "generation": 2, "replicates": 2}]
    table = pd.DataFrame([{"arm": "", **one} for one in rows])
    assert "Mean of 2 of 3 loops: from generation 0 to 2" in sentences({"replicates": table}, loops, 6)[1]
    table["replicates"] = 3
    assert "Mean of 3 loops: from generation 0 to 2" in sentences({"replicates": table}, loops, 6)[1]
