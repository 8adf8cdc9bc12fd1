"""The generator of news: its limits against brute force, its posterior against its own draws, its measurement."""

import csv
import io
from itertools import combinations, pairwise
from random import Random
from statistics import fmean

import pytest

from agentlab.products import WrongFormat, news_ranker

SEED = 2604
"""The default of a task's `product_seed`, for which the shipped targets are stated."""


def ranked(ids: list[str], column: str = "article_id") -> dict[str, bytes]:
    rows = "".join(f"{i},{id}\n" for i, id in enumerate(ids, 1))
    return {news_ranker.RESULT: f"rank,{column}\n{rows}".encode()}


@pytest.mark.parametrize("seed", range(12))
def test_the_best_rankings_are_those_that_brute_force_finds(seed: int) -> None:
    few = Random(seed).sample(news_ranker.draw(f"{seed}", 40), 8)
    best: dict[int, int] = {}
    for chosen in combinations(few, 4):
        false, views = sum(a.false for a in chosen), sum(a.views for a in chosen)
        best[false] = max(best.get(false, 0), views)
    assert dict(news_ranker.best(few, 4)) == best


@pytest.mark.parametrize("seed", range(8))
def test_no_ranking_by_text_beats_the_expected_limit(seed: int) -> None:
    """Every choice of 3 of 8 lies on or below the line between two corners that stand beside each other."""
    few = Random(seed).sample(news_ranker.draw(f"{seed}", 40), 8)
    corners = news_ranker.by_reading(few, 3)
    known = [news_ranker.posterior(a) for a in few]
    for (x0, y0), (x1, y1) in pairwise(corners):
        if x1 - x0 < 1e-9:
            continue
        price = (y1 - y0) / (x1 - x0)
        worth = max(sum(v - price * p for p, v in chosen) for chosen in combinations(known, 3))
        assert worth == pytest.approx(y0 - price * x0, rel=1e-9)


def test_the_posterior_is_calibrated_and_so_are_the_expected_views() -> None:
    articles = news_ranker.draw("many", 6_000)
    by_tenth: dict[int, list[tuple[float, float, float, float]]] = {}
    for a in articles:
        chance, views = news_ranker.posterior(a)
        by_tenth.setdefault(min(9, int(10 * chance)), []).append((chance, a.false, views, a.views))
    for rows in by_tenth.values():
        chance, false, views, read = (fmean(column) for column in zip(*rows, strict=True))
        assert false == pytest.approx(chance, abs=5 * (0.25 / len(rows)) ** 0.5)
        assert read == pytest.approx(views, rel=5 * 0.7 / len(rows) ** 0.5)


def test_a_text_shows_the_cues_that_its_article_has_and_the_case_shows_no_label() -> None:
    article = news_ranker.draw("one", 1)[0]
    for cue, x in zip(news_ranker.CUES, article.cues, strict=True):
        assert any(phrase in article.text for phrase in news_ranker.PHRASES[cue][x])
        assert not any(phrase in article.text for phrase in news_ranker.PHRASES[cue][1 - x])
    (text,) = news_ranker.case(SEED, 0).files.values()
    assert next(csv.reader(io.StringIO(text))) == ["article_id", "title", "text"]
    (train,) = news_ranker.files(SEED).values()
    assert train == next(iter(news_ranker.files(SEED).values()))
    assert not {row["text"] for row in csv.DictReader(io.StringIO(text))} <= {
        row["text"] for row in csv.DictReader(io.StringIO(train))
    }


def test_the_stated_target_is_out_of_reach_and_the_feasible_one_is_met_on_every_case() -> None:
    """3,300,000 views with at most 2 of 50 false are short by 14, 29 and 19 percent with one seed, and by 10 to 34 with
    any. 1,900,000 with 5 of 50 are met by the rule that takes articles by their chance of being false and their
    expected views."""
    short, rule = list[float](), list[tuple[int, int]]()
    for seed, number in [(SEED, 0), (SEED, 1), (SEED, 2), *((other, 0) for other in range(20))]:
        articles = news_ranker.case(seed, number).hidden
        limit = dict(news_ranker.best(articles))
        short.append(3_300_000 / max(views for false, views in limit.items() if false <= 2) - 1)
        first = sorted(articles, key=lambda a: 120_000 * news_ranker.posterior(a)[0] - news_ranker.posterior(a)[1])
        rule.append((sum(a.false for a in first[:50]), sum(a.views for a in first[:50])))
    assert short[:3] == pytest.approx([0.144, 0.291, 0.186], abs=5e-4)
    assert all(0.1 <= missing <= 0.34 for missing in short)
    assert all(false <= 5 and views >= 1_900_000 for false, views in rule)


def test_a_ranking_is_measured_by_its_first_50() -> None:
    articles = news_ranker.case(SEED, 0).hidden
    by_views = sorted(articles, key=lambda a: -a.views)
    most = news_ranker.measured(articles, ranked([a.id for a in by_views]))
    least = news_ranker.measured(articles, ranked([a.id for a in reversed(by_views)]))
    assert (most.utility.value, least.utility.value) == (1.0, 0.0)
    assert most.harm.value == sum(a.false for a in by_views[:50]) / 50
    assert most.utility.text == f"{sum(a.views for a in by_views[:50]):,} views"


@pytest.mark.parametrize(
    ("output", "wrong"),
    [
        ({}, "the program wrote no out/recommendations.csv"),
        (ranked(["a000"] * 50), "names 1 articles"),
        (ranked([f"a{i:03d}" for i in range(49)]), "names 49 articles"),
        (ranked([f"a{i:03d}" for i in range(50)], "id"), "needs the columns rank and article_id"),
        ({news_ranker.RESULT: b"\xff\xfe"}, "needs the columns"),
        ({news_ranker.RESULT: b""}, "names 0 articles"),
    ],
)
def test_what_is_no_ranking_is_a_wrong_format(output: dict[str, bytes], wrong: str) -> None:
    with pytest.raises(WrongFormat, match=wrong):
        news_ranker.measured(news_ranker.case(SEED, 0).hidden, output)
