"""How often do 95 % intervals cover what was simulated? Many small experiments per setting; prints JSON.

    python bench/coverage.py [--experiments 2000] [--study components]

A study is a list of settings; each plays its experiments and counts per quantity. Studies stand in `coverage_*.py`
and are registered in `STUDIES`. Aimed at is 93.5 to 96.5 %. What is truly 0 lies on the boundary and is told apart:
there an interval may cover more.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench import (
    coverage_components,
    coverage_criteria,
    coverage_loops,
    coverage_means,
    coverage_mixed,
    coverage_odds,
    coverage_rows,
    coverage_shares,
    coverage_spread,
)
from bench.tally import LEAST, MOST

STUDIES: Mapping[str, Callable[[int, int], list[dict[str, Any]]]] = {
    "components": coverage_components.of_components,
    "covariances": coverage_components.of_covariances,
    "components of right-or-wrong scores": coverage_components.of_two_values,
    "effects": coverage_means.of_effects,
    "clusters": coverage_means.of_clusters,
    "arms": coverage_means.of_arms,
    "hard tasks": coverage_means.of_hard_tasks,
    "rows": coverage_rows.of_rows,
    "missing": coverage_rows.of_missing,
    "components of other scores": coverage_spread.of_scores,
    "components of these tasks": coverage_spread.of_fixed,
    "incoherence of accurate models": coverage_shares.of_incoherence,
    "several tries": coverage_shares.of_passes,
    "odds": coverage_odds.of_odds,
    "criteria": coverage_criteria.of_criteria,
    "loops": coverage_loops.of_loops,
    "loops that collapse": coverage_loops.of_collapses,
    "mixed": coverage_mixed.of_mixed,
}
"""By name: experiments per setting and a seed go in, a row for each setting comes out."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays the studies that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--study", choices=STUDIES, action="append")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    studies = {name: STUDIES[name](options.experiments, options.seed) for name in options.study or STUDIES}
    print(json.dumps({"experiments": options.experiments, "aim": [LEAST, MOST], **studies}, indent=1))


if __name__ == "__main__":
    main()
