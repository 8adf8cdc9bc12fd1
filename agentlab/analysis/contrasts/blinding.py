"""What a judge may know of the arm although nobody tells it: notes beside a run's judged contrasts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.models.capabilities import maker
from agentlab.pairing import draws_are_pairs
from agentlab.runs.frames import Run
from agentlab.stats.judges.arm_guess import FEWEST_TASKS, ArmGuess, Texts, guess, tokenize
from agentlab.text import enumerate_some, line

FEWEST_PAIRS, KNOWN = 10, 0.7
"""Pairs of rollouts under which nothing is guessed; an area from which a judge may be said to know the arm."""
MOST_TEXTS, MOST_CONTRASTS, MOST_NAMED = 60, 30, 4
"""Texts of one condition and contrasts that are looked at, so that it takes a moment; contrasts named in a note."""

Sides = tuple[str, str, str, str]
"""Factor, both levels, and the levels of the other factors."""


def blindness(run: Run, guessed: Mapping[Sides, ArmGuess]) -> list[str]:
    """Notes on how well arms can be told apart by their texts, and on judges that are kin to an agent."""
    return [*_guess_notes(guessed), *kin(run)]


def known_arms(run: Run, contrasts: Sequence[Contrast], guessed: Mapping[Sides, ArmGuess]) -> list[str]:
    """Which judges may know the arm, in one short line."""
    known = [sides for sides, guess in guessed.items() if max(guess.words, guess.length) >= KNOWN]
    if not known:
        return []
    measures = {c.measure for c in contrasts if (c.factor, c.a, c.b, c.within) in known and not c.suppressed}
    named = dict.fromkeys(line(m.judge) for m in run.measured if m.name in measures and _asks(run, m.judge))
    judges = f"{'Judge' if len(named) == 1 else 'Judges'} {', '.join(named)}"
    _, a, b, within = known[0]
    pair = f"{a} - {b}{f' ({within})' if within else ''}{f' and {len(known) - 1} more' if len(known) > 1 else ''}"
    return [
        f"{judges} may recognize the condition from the text alone ({pair}): `normalise: true` in the judge hides "
        f"formatting."
    ]


def judged_guesses(run: Run, contrasts: Sequence[Contrast]) -> dict[Sides, ArmGuess]:
    """Those of contrasts of measures that a model judges and that are not suppressed."""
    of = {m.name for m in run.measured if _asks(run, m.judge)}
    wanted = [c for c in contrasts if c.measure in of and not c.suppressed]
    return guesses(run, wanted) if wanted and len(run.rollouts) else {}


def _asks(run: Run, judge: str) -> bool:
    """Whether the judge asks a model."""
    return run.meta.get("judges", {}).get(judge) is not None


def guesses(run: Run, contrasts: Sequence[Contrast]) -> dict[Sides, ArmGuess]:
    """For each pair of arms with enough tasks and pairs, how well the arm can be guessed from the raw outputs."""
    wanted = {
        (c.factor, c.a, c.b, c.within): c
        for c in contrasts
        if c.result.tasks >= FEWEST_TASKS and c.size >= FEWEST_PAIRS
    }
    if not wanted:
        return {}
    rollouts = run.pooled.rollouts
    rows = _few(rollouts[rollouts["output_words"] > 0], draws_are_pairs(run.meta))
    texts, by_sides = tokenize(rows["output"].tolist()), dict[Sides, ArmGuess]()
    for sides, contrast in list(wanted.items())[:MOST_CONTRASTS]:
        arm_guess = _guess(rows, texts, contrast.conditions)
        if arm_guess is not None:
            by_sides[sides] = arm_guess
    return by_sides


def _few(rollouts: pd.DataFrame, pairs: bool) -> pd.DataFrame:
    """The first draws, the same number of every task, so that arms stay paired; where draws are no pairs, any."""
    draws = max(2, MOST_TEXTS // max(1, rollouts["task"].nunique()))
    if not pairs:  # the order of rows may be that of quality, that of keys is by chance
        by_chance = rollouts.sort_values("rollout", ignore_index=True)
        return by_chance.groupby(["task", "condition"], observed=True).head(draws).reset_index(drop=True)
    first = sorted(rollouts["draw"].unique())[:draws]
    return rollouts[rollouts["draw"].isin(first)].reset_index(drop=True)


def _guess(rows: pd.DataFrame, texts: Texts, conditions: tuple[str, str]) -> ArmGuess | None:
    kept = rows["condition"].isin(conditions).to_numpy()
    tasks, second = rows["task"].astype("str")[kept].tolist(), (rows["condition"] == conditions[1])[kept].tolist()
    return guess(tasks, second, _only(texts, np.flatnonzero(kept)))


def _only(texts: Texts, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Texts:
    place = np.full(len(texts.lengths), -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    kept = place[texts.of] >= 0
    return Texts(texts.terms[kept], place[texts.of[kept]], texts.lengths[rows], texts.vocabulary)


def _guess_notes(guessed: Mapping[Sides, ArmGuess]) -> list[str]:
    """The arms most easily told apart first."""
    if not guessed:
        return []
    order = sorted(guessed.items(), key=lambda item: -max(item[1].words, item[1].length))
    parts = [
        f"{a} - {b}{f' ({within})' if within else ''} {g.words:.2f} by words, {g.length:.2f} by length"
        for (_, a, b, within), g in order
    ]
    highest = max(order[0][1].words, order[0][1].length)
    what = (
        " A judge may recognize the arm: compare with a judge that has `normalise: true`." if highest >= KNOWN else ""
    )
    return [
        f"Guessing the arm from the judged text alone, AUC (0.5 is chance): {enumerate_some(parts, MOST_NAMED)}.{what}"
    ]


def kin(run: Run) -> list[str]:
    """Judges of the same family as an agent, which may favor what is like them."""
    models = {agent["model"] for facts in run.conditions["facts"] for agent in facts.get("agents", {}).values()}
    agents = {maker(name) for name in models} - {None}
    notes: list[str] = []
    for judge, model in run.meta.get("judges", {}).items():
        family = maker(model) if model is not None else None
        if family is not None and family in agents:
            notes.append(
                f"judge {judge} ({model}) and an agent belong to the same model family, {family}: the judge "
                f"may favor its own family."
            )
    return notes
