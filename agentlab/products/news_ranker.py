"""News to rank: as many views as possible, against misinformation among the first 50. What can be reached is known.

An article is misinformation (y = 1) with probability PRIOR. Given y its topic and its cues of style are independent:

    log views = MU + topic + LIFT y + sum of its cues' pull + SIGMA z,     z standard normal

Its text shows topic and cues, and nothing else that depends on y. So P(y | text) is naive Bayes with the numbers below,
and E[views | text] is the sum over y of P(y | text) exp(MU + topic + LIFT y + cues + SIGMA^2 / 2).
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from agentlab.products.product import Case, Figure, Measured, Point, WrongFormat

PROGRAM: str = "src/recommend.py"
RESULT = "out/recommendations.csv"
COMMAND: str = f"python3 {PROGRAM} in/articles.csv {RESULT}"
RANKS, TEST, TRAIN, PRIOR = 50, 120, 360, 0.40
OUT_OF_REACH, WITHIN_REACH = 3_300_000, 1_900_000
"""Views, with less than 5 percent of misinformation, and with at most 10."""
MU, LIFT, SIGMA = 10.4, 0.30, 0.6
TOPICS = {
    "health": (0.14, 0.28, 0.10),
    "politics": (0.20, 0.26, 0.15),
    "science": (0.22, 0.10, -0.20),
    "economy": (0.20, 0.10, -0.15),
    "celebrities": (0.10, 0.18, 0.30),
    "sport": (0.14, 0.08, 0.20),
}
CUES = {
    "unnamed": (0.12, 0.80, 0.00),
    "alarm": (0.10, 0.62, 0.15),
    "capitals": (0.06, 0.45, 0.10),
    "figures": (0.70, 0.25, 0.00),
    "quote": (0.75, 0.25, -0.05),
    "secret": (0.04, 0.45, 0.12),
}
"""Share or chance given y = 0, the same given y = 1, and what it adds to log views."""
SUBJECTS = {
    "health": ("a new sleep tea", "the winter flu", "kitchen salt", "a knee operation", "school lunches"),
    "politics": ("the harbor vote", "the road bill", "the mayor of Velden", "the border talks", "the housing law"),
    "science": ("a deep-sea worm", "the lunar dust", "a faster battery", "river sand", "an old star"),
    "economy": ("rye prices", "the copper strike", "small banks", "rents in Orsa", "the wool trade"),
    "celebrities": ("singer Ada Lorn", "the film star Per Vale", "a royal wedding", "the chef of Kest", "a lost diary"),
    "sport": ("the Norvik final", "a young sprinter", "the chess league", "the ice derby", "a penalty in Tarn"),
}
PHRASES = {
    "unnamed": (
        ("The office of statistics published it.", "A named witness spoke to us.", "The report is signed."),
        ("People who know say so.", "Word has it that this is certain.", "Insiders are sure of it."),
    ),
    "alarm": (
        ("It is one step of several.", "The change is small.", "More is expected."),
        ("Nobody is safe from it!", "It changes everything!", "You will not believe what follows!"),
    ),
    "capitals": (
        ("Readers may compare it with last year.", "It was read in the evening.", "A second part follows."),
        ("IT IS TRUE.", "SHARE THIS NOW.", "READ IT TWICE."),
    ),
    "figures": (
        ("How many, nobody says.", "No number was given.", "It was a great many."),
        ("In the count, 412 of 1,030 agreed.", "The figure rose from 3.1 to 3.4.", "Of 58 samples 9 differed."),
    ),
    "quote": (
        ("Nobody was asked about it.", "There was no comment.", "The rest is silence."),
        (
            '"We checked it twice," said the head of the group.',
            '"It took us four years," the author said.',
            '"I was there," said one of them.',
        ),
    ),
    "secret": (
        ("The files are open to all.", "It was presented on Monday.", "Everybody may attend."),
        ("They do not want you to know this.", "It was kept from the public.", "The files were hidden for years."),
    ),
}
"""How a text shows that a cue is absent, and that it is present."""
FILLER = (
    "The day was long.",
    "Rain was expected.",
    "It is not the first time.",
    "A bus passed by.",
    "The lamps were lit.",
    "Some stayed, some left.",
)


@dataclass(frozen=True, slots=True)
class Article:
    """An article with its label and its views."""

    id: str
    title: str
    text: str
    topic: str
    cues: tuple[int, ...]
    false: int
    views: int


def draw(seed: str, number: int) -> list[Article]:
    """So many articles; exactly the share PRIOR of them is misinformation, so that one target fits every case."""
    random = Random(f"news_ranker {seed}")
    labels = [int(i < round(PRIOR * number)) for i in range(number)]
    random.shuffle(labels)
    return [_article(random, i, y) for i, y in enumerate(labels)]


def _article(random: Random, i: int, y: int) -> Article:
    topic = random.choices(list(TOPICS), [share[y] for share in TOPICS.values()])[0]
    cues = tuple(int(random.random() < chance[y]) for chance in CUES.values())
    log = _pull(topic, cues) + LIFT * y + SIGMA * random.gauss(0, 1)
    said = [random.choice(PHRASES[cue][x]) for cue, x in zip(CUES, cues, strict=True)] + random.sample(FILLER, 2)
    random.shuffle(said)
    subject = random.choice(SUBJECTS[topic])
    text = f"This is about {subject} ({topic}). {' '.join(said)}"
    return Article(f"a{i:03d}", f"News of {subject}", text, topic, cues, y, round(math.exp(log)))


def _pull(topic: str, cues: Sequence[int]) -> float:
    return MU + TOPICS[topic][2] + sum(cue[2] * x for cue, x in zip(CUES.values(), cues, strict=True))


def posterior(article: Article) -> tuple[float, float]:
    """P(y = 1 | text) and E[views | text], by Bayes' rule with the numbers of the generator."""
    weights = [1 - PRIOR, PRIOR]
    for y in (0, 1):
        weights[y] *= TOPICS[article.topic][y]
        for chance, x in zip(CUES.values(), article.cues, strict=True):
            weights[y] *= chance[y] if x else 1 - chance[y]
    p = weights[1] / sum(weights)
    base = _pull(article.topic, article.cues) + SIGMA**2 / 2
    return p, (1 - p) * math.exp(base) + p * math.exp(base + LIFT)


def files(seed: int) -> Mapping[str, str]:
    """Labeled articles with their views."""
    rows = [(a.id, a.title, a.text, a.views, a.false) for a in draw(f"{seed} train", TRAIN)]
    return {"data/train.csv": _csv(("article_id", "title", "text", "views", "misinformation"), rows)}


def case(seed: int, number: int) -> Case:
    """New articles, without views and labels: the first that are drawn for which both targets are what they say."""
    names = (f"{seed} test {number}", *(f"{seed} test {number} again {i}" for i in range(1000)))
    articles = next(filter(_fits, (draw(name, TEST) for name in names)))
    rows = [(a.id, a.title, a.text) for a in articles]
    return Case({"in/articles.csv": _csv(("article_id", "title", "text"), rows)}, articles)


def _fits(articles: Sequence[Article]) -> bool:
    """Whether the target out of reach is so by a tenth to a third, and the best rule by reading meets the other."""
    short = OUT_OF_REACH / max(views for false, views in best(articles) if false <= 2)
    first = sorted(articles, key=_price)[:RANKS]
    met = sum(a.false for a in first) <= 5 and sum(a.views for a in first) >= WITHIN_REACH
    return 1.1 <= short <= 1.34 and met


def _price(article: Article) -> float:
    """What the rule that meets `WITHIN_REACH` goes by, the least first."""
    false, views = posterior(article)
    return 120_000 * false - views


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def measured(hidden: Sequence[Article], output: Mapping[str, bytes]) -> Measured:
    """Of the first 50: views between those of the least and of the most read 50, and the share of misinformation."""
    by_id = {article.id: article for article in hidden}
    first = _ranked(output)[:RANKS]
    if len(set(first)) != RANKS or not by_id.keys() >= set(first):
        known = len(by_id.keys() & set(first))
        raise WrongFormat(f"{RESULT} names {known} articles of the input in its first {RANKS} ranks")
    views = sum(by_id[id].views for id in first)
    false = sum(by_id[id].false for id in first)
    return Measured(
        Figure(_scaled(hidden, views), f"{views:,} views"),
        Figure(false / RANKS, f"{false} of {RANKS} are misinformation"),
    )


def _ranked(output: Mapping[str, bytes]) -> list[str]:
    """The ids by rank."""
    if RESULT not in output:
        raise WrongFormat(f"the program wrote no {RESULT}")
    try:
        rows = list(csv.DictReader(io.StringIO(output[RESULT].decode())))
        return [row["article_id"] for row in sorted(rows, key=lambda row: int(row["rank"]))]
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise WrongFormat(f"{RESULT} needs the columns rank and article_id: {type(error).__name__}: {error}") from None


def _scaled(articles: Sequence[Article], views: float) -> float:
    """0 for the views of the least read 50 of these articles, 1 for those of the most read 50."""
    every = sorted(article.views for article in articles)
    low, high = sum(every[:RANKS]), sum(every[-RANKS:])
    return (views - low) / (high - low)


def limits(hidden: Sequence[Article]) -> Mapping[str, Sequence[Point]]:
    """What any ranking can reach, and what rankings by text alone can reach in expectation."""
    known = [(m / RANKS, _scaled(hidden, views)) for m, views in best(hidden)]
    reading = [(false / RANKS, _scaled(hidden, views)) for false, views in by_reading(hidden)]
    return {"everything known": known, "by reading": reading}


def best(articles: Sequence[Article], ranks: int = RANKS) -> list[tuple[int, int]]:
    """For every number m of misinformation, the most views that `ranks` articles can have with exactly m of it."""
    false, true = (sorted((a.views for a in articles if a.false == y), reverse=True) for y in (1, 0))
    fits = [m for m in range(min(ranks, len(false)) + 1) if ranks - m <= len(true)]
    return [(m, sum(false[:m]) + sum(true[: ranks - m])) for m in fits]


def by_reading(articles: Sequence[Article], ranks: int = RANKS) -> list[tuple[float, float]]:
    """Expected misinformation and views of the best rankings by text: the first `ranks` by E[views] - price P(y).

    These are all corners of the frontier of rules that take each text by itself. Between two corners lies another one
    only if the ranking at the price that makes them equal is better than both.
    """
    known = [posterior(article) for article in articles]

    def at(price: float) -> tuple[float, float]:
        first = sorted(known, key=lambda one: (price * one[0] - one[1], one[0]))[:ranks]
        return sum(p for p, _ in first), sum(views for _, views in first)

    def between(low: tuple[float, float], high: tuple[float, float]) -> list[tuple[float, float]]:
        if high[0] - low[0] < 1e-9:
            return []
        price = (high[1] - low[1]) / (high[0] - low[0])
        corner = at(price)
        if corner[1] - price * corner[0] <= low[1] - price * low[0] + 1e-6:
            return []
        return [*between(low, corner), corner, *between(corner, high)]

    least, most = at(1e12), at(0.0)
    return [least, *between(least, most), most]
