"""Shares of variance by round and by agent, and effects of changes: closed forms, unbiasedness, traps."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.forks.intervention import effect
from agentlab.stats.forks.shapley import Replies, Turns, by_agent, needed
from agentlab.stats.forks.shares import VarianceTerm, between, by_round, within
from agentlab.stats.task_mean import task_mean

Array = NDArray[np.float64]
NAN = float("nan")
NONE, A, B, AB = (frozenset(name) for name in ("", "a", "b", "ab"))


def close(found: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol, atol, equal_nan=False)


def unbiased(x: Array) -> Array:
    return np.asarray(x.var(axis=-1, ddof=1), dtype=np.float64)


# --- within and between -----------------------------------------------------------------------------------------------


def test_within_is_the_unbiased_variance_of_each_cell() -> None:
    found = within([1, 2, 5, 5, 9, 4], [0, 2, 2, 0, 0, 2], 3)
    close(found[[0, 2]], [np.var([1, 5, 9], ddof=1), np.var([2, 5, 4], ddof=1)])
    assert np.isnan(found[1])
    with pytest.raises(ValueError, match="1 cells have one fork"):
        within([1, 2, 3], [0, 0, 1], 2)
    with pytest.raises(ValueError, match="one finite outcome"):
        within([1, NAN], [0, 0], 1)


def test_variance_of_fork_means_without_their_own_noise() -> None:
    # true .10 between parents, .90 within; 16 parents x 4 forks, so that the means' variance reads .10 + .90/4
    rng, runs = np.random.default_rng(1), 2000
    x = rng.normal(0, 0.1**0.5, (runs, 16, 1)) + rng.normal(0, 0.9**0.5, (runs, 16, 4))
    naive, found = float(x.mean(axis=2).var(axis=1, ddof=1).mean()), float(np.mean([between(one) for one in x]))
    assert abs(naive - 0.325) < 0.01
    assert abs(found - 0.10) < 0.01
    with pytest.raises(ValueError, match="two or more forks"):
        between(x[0, :, :1])


# --- by round ---------------------------------------------------------------------------------------------------------


def chain(rng: np.random.Generator, sds: tuple[float, ...], parents: int, forks: int, noise: float) -> Array:
    """`s2_p(k)` of Y = sum of independent turn effects + judge noise; shape (parents, rounds)."""
    turns = rng.normal(size=(parents, len(sds))) * sds
    kept = np.concatenate([np.zeros((parents, 1)), turns.cumsum(axis=1)[:, :-1]], axis=1)
    drawn = rng.normal(size=(parents, len(sds), forks, len(sds))) * sds
    later = np.array([drawn[:, k, :, k:].sum(axis=-1) for k in range(len(sds))]).transpose(1, 0, 2)
    return unbiased(kept[:, :, None] + later + rng.normal(0, noise, later.shape))


def test_shares_of_a_chain_are_recovered_and_judge_noise_is_last() -> None:
    rng, sds, noise = np.random.default_rng(2), (1.0, 0.5, 2.0), 0.6
    found = by_round(chain(rng, sds, 3000, 4, noise), range(3000), np.full(3000, noise**2))
    assert found.noise is not None
    expected = [sd**2 for sd in sds]
    total = sum(expected) + noise**2
    for part, truth in zip((*found.rounds, found.total), [*expected, total], strict=True):
        assert part.new_tasks is not None
        assert abs(part.variance - truth) < 3.5 * part.new_tasks.se
    for part, truth in zip(found.rounds, expected, strict=True):
        assert part.share.value is not None
        assert part.share.se is not None
        assert abs(part.share.value - truth / total) < 3.5 * part.share.se
    close(found.noise.variance, noise**2)
    assert found.parents == found.tasks == 3000
    merged = by_round(chain(rng, sds, 3000, 4, noise), range(3000))
    assert merged.noise is None
    assert abs(merged.rounds[2].variance - 4.36) < 0.4
    assert "judge noise is not separated" in merged.notes[-1]


def test_intervals_over_parents_of_one_task_and_over_tasks() -> None:
    s2 = chain(np.random.default_rng(3), (1.0, 1.0), 12, 5, 0.0)
    d = s2[:, 0] - s2[:, 1]
    one = by_round(s2, ["t"] * 12).rounds[0]
    known = stats.ttest_1samp(d, 0.0).confidence_interval()
    assert one.these_tasks is not None
    assert one.new_tasks is None
    close([one.variance, one.these_tasks.low, one.these_tasks.high], [d.mean(), float(known.low), float(known.high)])
    many = by_round(s2, [i // 2 for i in range(12)]).rounds[0]
    known = task_mean(d.reshape(6, 2).mean(axis=1)).interval()
    assert many.new_tasks is not None
    close([many.new_tasks.low, many.new_tasks.high], [float(known.low), float(known.high)])
    single = by_round(s2[:3], range(3))
    assert single.rounds[0].these_tasks is None
    assert "3 parents: no interval for shares" in single.notes[2]
    assert "3 of 3 tasks have one parent" in single.notes[0]
    assert single.notes[1].startswith("3 tasks: too few for conclusions about new tasks")


def test_the_share_is_a_jackknife_over_units() -> None:
    s2 = chain(np.random.default_rng(4), (1.0, 1.0), 9, 5, 0.0)
    top, bottom = s2[:, 0] - s2[:, 1], s2[:, 0]
    for tasks in (list(range(9)), ["t"] * 9):
        part = by_round(s2, tasks).rounds[0]
        ratio = top.sum() / bottom.sum()
        left = np.array([np.delete(top, i).sum() / np.delete(bottom, i).sum() for i in range(9)])
        close(part.share.value, ratio)
        close(part.share.se, (8 / 9 * ((left - left.mean()) ** 2).sum()) ** 0.5)
        assert part.share.df == 8


def test_every_task_weighs_the_same() -> None:
    found = by_round([[4.0, 1.0], [2.0, 1.0], [9.0, 3.0]], ["x", "x", "y"])
    close([found.rounds[0].variance, found.rounds[1].variance, found.total.variance], [4, 2, 6])
    close(found.rounds[0].share.value, 4 / 6)


def test_no_variance_and_wrong_shapes() -> None:
    still = by_round(np.zeros((8, 2)), range(8))
    assert still.total.share.value is None
    assert still.rounds[0].share.low is None
    for variances, noise in (([[1.0, NAN]], None), ([1.0, 2.0], None), ([[1.0], [2.0]], [0.1])):
        with pytest.raises(ValueError, match="parents"):
            by_round(variances, ["t"] * len(variances), noise)


@given(st.integers(1, 5), st.integers(2, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_rounds_and_noise_telescope_to_the_total(rounds: int, parents: int, seed: int, nested: bool) -> None:
    rng = np.random.default_rng(seed)
    s2, tasks = rng.exponential(size=(parents, rounds)), rng.integers(0, 3, parents).tolist()
    found = by_round(s2, tasks, rng.exponential(size=parents) if nested else None)
    whole = sum(part.variance for part in found.rounds) + (found.noise.variance if found.noise else 0.0)
    close(whole, found.total.variance, rtol=1e-9)
    shares = [part.share.value for part in (*found.rounds, *([found.noise] if found.noise else []))]
    close(sum(share for share in shares if share is not None), 1.0)


def coverage(part: VarianceTerm, truth: float, share: float) -> list[bool]:
    assert part.new_tasks is not None
    assert part.share.low is not None
    assert part.share.high is not None
    variance = part.new_tasks
    return [variance.low <= truth <= variance.high, part.share.low <= share <= part.share.high]


def test_share_intervals_cover() -> None:
    rng, hits, runs = np.random.default_rng(5), list[list[bool]](), 300
    for _ in range(runs):
        found = by_round(chain(rng, (1.0, 1.0, 1.0), 30, 6, 0.5), range(30), np.full(30, 0.25))
        hits.append(coverage(found.rounds[1], 1.0, 1 / 3.25))
    assert (abs(np.mean(hits, axis=0) - 0.95) < 0.04).all()


# --- by agent ---------------------------------------------------------------------------------------------------------

SA, SB, LATER = 1.0, 0.5, 0.7


def crew(rng: np.random.Generator, parents: int, forks: int, product: float) -> list[dict[Replies, float]]:
    """Lattices of Y = SA a + SB b + product a b + later, a and b acting at once."""
    a, b = rng.normal(size=(2, parents, 1))

    def s2(anew: str) -> Array:
        x, y = (rng.normal(size=(parents, forks)) if n in anew else kept for n, kept in (("a", a), ("b", b)))
        return unbiased(SA * x + SB * y + product * x * y + rng.normal(0, LATER, (parents, forks)))

    columns = {drawn: s2("".join(sorted(drawn))) for drawn in (NONE, A, B, AB)}
    return [{drawn: float(column[p]) for drawn, column in columns.items()} for p in range(parents)]


def split(lattices: list[dict[Replies, float]], drawn: set[Replies] | None = None) -> Turns | None:
    given_up = [{d: v for d, v in lattice.items() if drawn is None or d in drawn} for lattice in lattices]
    return by_agent(given_up, range(len(lattices)), np.array([lattice[AB] for lattice in lattices]))


@pytest.mark.parametrize("product", [0.0, 0.8])
def test_two_agents_with_and_without_an_interaction(product: float) -> None:
    found = split(crew(np.random.default_rng(6), 4000, 6, product))
    assert found is not None
    assert found.method == "shapley"
    assert found.rest is None
    assert found.interaction is not None
    truths = {"a": SA**2 + product**2 / 2, "b": SB**2 + product**2 / 2}
    for part, truth in [*((found.agents[n], truths[n]) for n in truths), (found.interaction, product**2)]:
        assert part.new_tasks is not None
        assert abs(part.variance - truth) < 3.5 * part.new_tasks.se


def shapley(acted: Replies, s2: Mapping[Replies, float]) -> dict[str, float]:
    """By its definition: the mean over all orders of what an agent adds to those before it."""
    shares = dict.fromkeys(acted, 0.0)
    orders = list(permutations(sorted(acted)))
    for order in orders:
        open_ = acted
        for agent in order:
            shares[agent] += (s2[open_] - s2[open_ - {agent}]) / len(orders)
            open_ -= {agent}
    return shares


@settings(max_examples=40)
@given(st.sets(st.sampled_from("abcd"), min_size=1), st.integers(0, 2**32 - 1))
def test_shapley_is_the_mean_over_all_orders_and_sums_to_the_round(acted: set[str], seed: int) -> None:
    rng, who = np.random.default_rng(seed), frozenset(acted)
    lattices = [{drawn: float(rng.exponential()) for drawn in sorted(needed(who, "shapley"), key=sorted)} for _ in "xy"]
    found = by_agent(lattices, "tt", np.ones(2))
    assert found is not None
    expected = [shapley(who, lattice) for lattice in lattices]
    close(found.contributions, [[one[agent] for agent in sorted(who)] for one in expected])
    close(found.contributions.sum(axis=1), [lattice[who] - lattice[NONE] for lattice in lattices], rtol=1e-9)


def test_first_order_and_total_effects_where_not_all_sets_are_drawn() -> None:
    who = frozenset("abc")
    s2 = {
        d: float(v) for d, v in zip(sorted(needed(who, "shapley"), key=sorted), (0, 1, 5, 9, 6, 2, 7, 3), strict=True)
    }
    assert sorted(map("".join, map(sorted, s2))) == ["", "a", "ab", "abc", "ac", "b", "bc", "c"]
    for method in ("main", "total"):
        lattice = {d: s2[d] for d in needed(who, method)}
        found = by_agent([lattice, lattice], "tt", np.array([9.0, 9.0]))
        assert found is not None
        assert found.rest is not None
        assert found.method == method
        parts = [found.agents[agent].variance for agent in "abc"]
        close(parts, [9 - 7, 9 - 6, 9 - 5] if method == "main" else [1, 2, 3])
        close(found.rest.variance, 9 - sum(parts))
        assert (found.interaction is not None) == (method == "main")
    assert by_agent([{NONE: 0.0, who: 1.0, A: 0.5}], "t", np.ones(1)) is None


def test_five_agents_are_not_split_by_shapley() -> None:
    who = frozenset("abcde")
    lattice = {drawn: float(len(drawn)) for drawn in needed(who, "shapley")}
    found = by_agent([lattice], "t", np.ones(1))
    assert found is not None
    assert found.method == "main"
    close([part.variance for part in found.agents.values()], np.ones(5))


def test_an_agent_that_did_not_act_contributes_nothing() -> None:
    lattices: list[dict[Replies, float]] = [{NONE: 1.0, A: 4.0}, {NONE: 1.0, A: 2.0, B: 3.0, AB: 5.0}, {NONE: 2.0}]
    found = by_agent(lattices, "ttt", np.full(3, 5.0))
    assert found is not None
    assert found.method == "shapley"
    close(found.contributions, [[3, 0], [1.5, 2.5], [0, 0]])
    close(found.agents["a"].variance, 1.5)
    with pytest.raises(ValueError, match="the empty and the full set"):
        by_agent([{A: 1.0, B: 2.0, NONE: 0.0}], "t", np.ones(1))
    with pytest.raises(ValueError, match="the empty and the full set"):
        by_agent([{A: 1.0}], "t", np.ones(1))


# --- changes ----------------------------------------------------------------------------------------------------------


def test_one_parent_is_a_paired_t_over_its_forks() -> None:
    a, b = np.random.default_rng(7).normal(size=(2, 8))
    found = effect(["t"] * 8, ["p"] * 8, a, b)
    known = stats.ttest_rel(a, b)
    interval = known.confidence_interval()
    assert found.these_parents is not None
    close([found.these_parents.low, found.these_parents.high], [float(interval.low), float(interval.high)])
    close([found.these_parents.p, found.difference], [float(known.pvalue), float((a - b).mean())])
    assert found.these_tasks is None
    assert (found.parents, found.tasks, found.pairs) == (1, 1, 8)
    assert any("1 of 1 tasks have one parent" in note for note in found.notes)


def test_an_interval_ends_at_the_largest_difference_there_can_be() -> None:
    forks: tuple[list[float], list[float]] = ([1, 1, 1, 0], [1, 1, 1, 1])
    free, kept = (effect(["t"] * 4, ["p"] * 4, *forks, most=most).these_parents for most in (np.inf, 1.0))
    assert free is not None
    assert kept is not None
    assert (free.low < -1, kept.low, kept.high, kept.p) == (True, -1, free.high, free.p)


def test_over_parents_it_is_a_t_over_their_means() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(2, 7, 4))
    means = (a - b).mean(axis=1)
    parents, flat = [p for p in range(7) for _ in range(4)], (a.ravel(), b.ravel())
    same = effect(["t"] * 28, parents, *flat)
    known = stats.ttest_1samp(means, 0.0).confidence_interval()
    assert same.these_tasks is not None
    close([same.these_tasks.low, same.these_tasks.high], [float(known.low), float(known.high)])
    apart = effect(parents, parents, *flat)
    assert apart.new_tasks is not None
    assert apart.these_parents is not None
    known = task_mean(means).interval()
    close([apart.new_tasks.low, apart.new_tasks.high], [known.low, known.high])
    close(apart.these_parents.se, (unbiased(a - b).sum() / 4) ** 0.5 / 7)


def test_tasks_weigh_the_same_and_missing_outcomes_drop_their_pair() -> None:
    tasks, parents = ["x"] * 4 + ["y"] * 3, ["p", "p", "q", "q", "r", "r", "r"]
    found = effect(tasks, parents, [1, 1, 3, 3, 9, NAN, 7], [0, 0, 0, 0, 1, 1, NAN])
    assert found.difference == (2 + 8) / 2
    assert (found.pairs, found.dropped, found.parents) == (5, 2, 3)
    assert found.these_parents is None
    assert "1 parent with one pair" in found.notes[0]
    assert effect(["x"], ["p"], [NAN], [1.0]).difference is None
    assert "no test over forks" in effect(["x"] * 2, ["p"] * 2, [1.0, 1.0], [0.0, 0.0]).notes[0]
    with pytest.raises(ValueError, match="differ in length"):
        effect(["x"], ["p"], [1.0, 2.0], [1.0])


def test_the_worst_of_fifteen_improves_by_itself_but_not_against_placebo() -> None:
    rng, runs, forks = np.random.default_rng(9), 400, 8
    against_parent, against_placebo, alarms = list[float](), list[float](), 0
    for _ in range(runs):
        worst = float(rng.normal(size=15).min())  # the parent that was picked, its cut at the very start
        treated, placebo = rng.normal(size=(2, forks))  # the edit does nothing
        found = effect(["t"] * forks, ["p"] * forks, treated, placebo)
        assert found.difference is not None
        assert found.these_parents is not None
        against_parent.append(float(treated.mean()) - worst)
        against_placebo.append(found.difference)
        alarms += found.these_parents.p < 0.05
    assert abs(float(np.mean(against_parent)) - 1.74) < 0.1
    assert abs(float(np.mean(against_placebo))) < 0.1
    assert abs(alarms / runs - 0.05) < 0.035
