"""Which judges pass on their anchor texts? Judges of a known area under the ROC curve, whose scores are normal; JSON.

python bench/anchors.py [--experiments 2000]
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from agentlab.judges.gate import gate
from agentlab.stats.judges.auc import Family, auc

SETS = {
    "3 + 3 texts": ((3, 3),),
    "8 + 8 in 2 families, as shipped": ((4, 4),) * 2,
    "12 + 12 in 3 families": ((4, 4),) * 3,
}
AREAS = (0.5, 0.7, 0.8, 0.91)


def outcomes(families: Sequence[Family], area: float, experiments: int, rng: np.random.Generator) -> dict[str, Any]:
    """Shares of the gate's outcomes, and how often its interval covers the area."""
    gap, counts, covered = math.sqrt(2) * NormalDist().inv_cdf(area), Counter[str](), 0
    for _ in range(experiments):
        scores = [((rng.normal(size=m) + gap).tolist(), rng.normal(size=n).tolist()) for m, n in families]
        estimate = auc(scores)
        assert estimate is not None
        decided = gate(estimate, families)
        counts[decided.outcome] += 1
        covered += decided.low <= area <= decided.high
    shares = {outcome: counts[outcome] / experiments for outcome in ("passed", "undecided", "failed")}
    return {**shares, "coverage": covered / experiments}


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays every set of texts against every area."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    rows = [
        {"texts": name, "area": area, **outcomes(families, area, options.experiments, rng)}
        for name, families in SETS.items()
        for area in AREAS
    ]
    print(json.dumps({"experiments": options.experiments, "anchors": rows}, indent=1))


if __name__ == "__main__":
    main()
