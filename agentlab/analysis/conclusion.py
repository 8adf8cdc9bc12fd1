"""What a comparison shows, in the few words that every table, page and notebook uses."""

from collections.abc import Mapping
from typing import Literal

from agentlab.text import line

Outcome = Literal[
    "different",
    "alike",
    "equivalent",
    "fragile",
    "few",
    "untested",
    "coupled",
    "unplanned",
    "unfinished",
    "suppressed",
]
"""different: one of the two is higher. alike: no difference was found. equivalent: the difference is within the
margin. fragile: missing data could reverse what the available data show. few: with so few pairs, the test cannot find
any difference. untested: there is no test. coupled: both gave the same replies. unplanned: looks are planned, and this
is none of them. unfinished: rollouts are still to be played, and no looks are planned. suppressed: the judge has not
shown that it can tell good from bad."""

WORDS: Mapping[Outcome, str] = {
    "alike": "no difference found",
    "fragile": "open: missing data",
    "few": "open: too few pairs",
    "untested": "not tested",
    "coupled": "same replies",
    "unplanned": "open: unplanned look",
    "unfinished": "open: run not finished",
    "suppressed": "suppressed",
}


def conclude(
    outcome: Outcome, a: str, b: str, difference: float | None, better: int | None, margin: float | None = None
) -> str:
    """The conclusion of `a - b`, such as `solo better`, `solo higher` or `no difference found`.

    `difference`: a minus b. `better`: 1 where more of the measure is better, -1 where less is, None where nothing says
    so. `margin`: the difference that would not matter, in units of the measure; needed for `equivalent`.
    """
    if outcome == "different":
        first = (difference or 0.0) * (better or 1) > 0
        return f"{line(a if first else b)} {'higher' if better is None else 'better'}"
    if outcome == "equivalent":
        return f"equivalent within ±{margin:g}"
    return WORDS[outcome]
