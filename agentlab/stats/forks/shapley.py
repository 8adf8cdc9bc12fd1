"""Shares of one round's variance by agent, where several agents act in it at once.

Given the log at the round's start their replies are independent, so the round's term is an analysis of variance. With
`s2(D)` the variance among forks that draw the agents D of the round anew and keep the others' replies, and N all that
acted, `v(S) = s2(N) - s2(N without S)` is what knowing the replies of S settles (the closed index of Sobol 1993), and
`v(N)` the round's term. The order of the roster decides nothing. Shapley's value (1953) splits `v(N)` (Owen 2014,
SIAM/ASA J. Uncertain. Quantif. 2, 245): each interaction is shared equally by its agents.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.forks.shares import Clusters, VarianceTerm, parts

Array = NDArray[np.float64]
Replies = frozenset[str]
Method = Literal["shapley", "main", "total"]

MOST_SHAPLEY = 4
"""Agents of one round up to which all 2^n sets of them are worth drawing."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A round's variance by agent."""

    method: Method
    """shapley: sums to the round. main: `v({a})`, first-order effects, without what agents do only together. total:
    `v(N) - v(N without a)` (Homma and Saltelli 1996), with all that; interactions are then counted several times."""
    agents: Mapping[str, VarianceTerm]
    interaction: VarianceTerm | None
    """`v(N) - sum of v({a})`: what agents do only together; None where first-order effects were not drawn."""
    rest: VarianceTerm | None
    """What the agents' parts leave of the round: `interaction` for main, 0 or less in expectation for total; None for
    shapley, which leaves nothing."""
    contributions: Array
    """Shape (parents, agents), in the order of `agents`: for sums over rounds."""
    notes: tuple[str, ...]


def by_agent(
    lattices: Sequence[Mapping[Replies, float]],
    tasks: Sequence[Hashable],
    totals: Array,
    level: float = 0.95,
    clusters: Clusters = None,
) -> Turns | None:
    """Splits one round's term among its agents, from one lattice per parent: `s2(D)` by the set D drawn anew.

    A lattice holds `s2` of the empty set (the cut at the round's end; 0 or the judge noise after the last round) and of
    all who acted (the cut before the round); its largest set says who acted. An agent that did not act in a parent's
    round contributes 0 there, so an agent's part is over all parents. A parent in which nobody acted has the lattice
    {empty: s2}. The method is the first that every parent allows: `shapley` (all sets drawn, at most four agents),
    `main` (`N without a` drawn for every a), `total` (`{a}` drawn for every a); None when none does. `tasks` and
    `totals` (`s2_p(0)`, of which shares are taken) have shape (parents,). Raises ValueError for a lattice without its
    two ends.
    """
    acted = [_acted(i, lattice) for i, lattice in enumerate(lattices)]
    pairs = list(zip(acted, lattices, strict=True))
    method = _method(pairs)
    if method is None:
        return None
    names = sorted(frozenset[str]().union(*acted))
    shared = np.array([[_contribution(n, s2, a, method) for a in names] for n, s2 in pairs]).reshape(len(pairs), -1)
    whole = np.array([s2[n] - s2[frozenset()] for n, s2 in pairs])
    columns = [shared, (whole - shared.sum(axis=1))[:, None]]
    first = all(needed(n, "main") <= s2.keys() for n, s2 in pairs)
    if first:
        mains = np.array([sum(_contribution(n, s2, a, "main") for a in n) for n, s2 in pairs])
        columns.append((whole - mains)[:, None])
    terms, notes = parts(np.column_stack(columns), tasks, totals, level, clusters)
    rest = None if method == "shapley" else terms[len(names)]
    together = terms[len(names) + 1] if first else None
    return Turns(method, dict(zip(names, terms, strict=False)), together, rest, shared, notes)


def needed(acted: Replies, method: Method) -> set[Replies]:
    """The sets of agents to draw anew for a method, the round's two ends included."""
    ends = {acted, frozenset[str]()}
    match method:
        case "shapley":
            return ends | {frozenset(some) for n in range(1, len(acted)) for some in combinations(acted, n)}
        case "main":
            return ends | {acted - {agent} for agent in acted}
        case "total":
            return ends | {frozenset({agent}) for agent in acted}


def _method(pairs: Sequence[tuple[Replies, Mapping[Replies, float]]]) -> Method | None:
    """The first one for which every parent's lattice holds what it takes."""
    methods: tuple[Method, ...] = ("shapley", "main", "total")
    crowd = max((len(acted) for acted, _ in pairs), default=0)
    for method in methods[crowd > MOST_SHAPLEY :]:
        if all(needed(acted, method) <= s2.keys() for acted, s2 in pairs):
            return method
    return None


def _acted(place: int, lattice: Mapping[Replies, float]) -> Replies:
    largest = max(lattice, key=len, default=frozenset[str]())
    if frozenset() not in lattice or any(not drawn <= largest for drawn in lattice):
        raise ValueError(f"lattice {place} holds {sorted(map(sorted, lattice))}: the empty and the full set are needed")
    return largest


def _contribution(acted: Replies, s2: Mapping[Replies, float], agent: str, method: Method) -> float:
    """Of one agent in one parent.

    Shapley: the mean over orders of `v(S + a) - v(S)`; with D = N without S drawn anew it is
    `sum over D holding a of [s2(D) - s2(D without a)] / (n C(n-1, |D|-1))`.
    """
    if agent not in acted:
        return 0.0
    alone, n = frozenset({agent}), len(acted)
    match method:
        case "main":
            return s2[acted] - s2[acted - alone]
        case "total":
            return s2[alone] - s2[frozenset()]
        case "shapley":
            others = [frozenset(some) for k in range(n) for some in combinations(sorted(acted - alone), k)]
            return sum((s2[some | alone] - s2[some]) / (n * comb(n - 1, len(some))) for some in others)
