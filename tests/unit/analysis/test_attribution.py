"""What a run's forks say: the path of one rollout, shares of variance by round and agent, and effects of changes.

The frames are made here, of an organization whose turn effects are known: ann acts in round 1, ben and cat at once in
round 2, ann again at the end. A rollout's outcome is the sum of its turns' effects, and of ben's times cat's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from agentlab.analysis.cells import columns
from agentlab.analysis.forks.attribution import NARROWER, attribution, row_of
from agentlab.analysis.forks.interventions import interventions
from agentlab.analysis.forks.path import path
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.estimate import Estimate
from agentlab.stats.forks.shares import VarianceTerm
from agentlab.types import Measure

TURNS = (("ann", 1), ("ben", 2), ("cat", 2), ("ann", 4))
SDS = (0.10, 0.06, 0.04, 0.05)
TOGETHER, JUDGE = 0.03, 0.04
ROUND = {"1": 0.10**2, "2": 0.06**2 + 0.04**2 + TOGETHER**2, "4": 0.05**2}
CUTS = ("0", "1", "2/ben", "2/cat", "2")
WORTH = Measure("worth", "reader", {"worth": (0.0, 100.0)}, (0.0, 1.0))


@dataclass(slots=True)
class ForksOnly:
    """What the analyses read of a run."""

    forks: pd.DataFrame
    fork_scores: pd.DataFrame
    rollouts: pd.DataFrame
    measures: pd.DataFrame
    calls: pd.DataFrame
    messages: pd.DataFrame
    measured: list[Measure] = field(default_factory=lambda: [WORTH])
    meta: dict[str, Any] = field(default_factory=lambda: {"tree": {"judges": {"reader": {"kind": "rubric"}}}})
    folder: Path = Path("runs/lab")
    clusters: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def run(self) -> Run:
        return cast(Run, self)


def drawn_anew(at: str, turn: tuple[str, int]) -> bool:
    round, _, agents = at.partition("/")
    return turn[1] > int(round) or (turn[1] == int(round) and turn[0] in agents.split("+") and bool(agents))


def outcome(z: Mapping[tuple[str, int], float]) -> float:
    effects = [z[turn] * sd for turn, sd in zip(TURNS, SDS, strict=True)]
    return 0.5 + sum(effects) + TOGETHER * z["ben", 2] * z["cat", 2]


def runner(parents: int, forks: int, cuts: Iterable[str] = CUTS, seed: int = 1, judges: int = 2) -> ForksOnly:
    """Parents p0, p1, …, each of a task of its own, all forked at every cut."""
    rng = np.random.default_rng(seed)
    rows, scores, own = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for p in range(parents):
        z = dict(zip(TURNS, rng.normal(size=len(TURNS)).tolist(), strict=True))
        place = {"rollout": f"p{p}", "task": f"t{p}", "condition": "team", "status": "delivered"}
        own.append({**place, "worth": outcome(z), "worth_draws": judges})
        for at in cuts:
            round, _, agents = at.partition("/")
            for i in range(1, forks + 1):
                anew = {turn: float(rng.normal()) if drawn_anew(at, turn) else old for turn, old in z.items()}
                drawn = [outcome(anew) + float(rng.normal(0, JUDGE)) for _ in range(judges)]
                head = {"rollout": f"p{p}@{at}#{i}", "task": f"t{p}", "condition": "team"}
                cut = {
                    "parent": f"p{p}",
                    "at": at,
                    "round": int(round),
                    "agents": tuple(filter(None, agents.split("+"))),
                }
                index = {"fork": i, "fresh": False, "change": "", "status": "delivered", "worth": float(np.mean(drawn))}
                rows.append({**head, **cut, **index, "worth_draws": judges})
                verdict = {"judge": "reader", "criterion": "worth", "outcome": "scored"}
                scores += [{**head, **verdict, "judge_draw": j, "value": 100 * v} for j, v in enumerate(drawn)]
    calls = [
        {"rollout": f"p{p}", "round": r, "actor": a, "purpose": "judge" if a == "reader" else "agent"}
        for p in range(parents)
        for a, r in (*TURNS, ("reader", 0))
    ]
    said = [
        {
            "rollout": c["rollout"],
            "index": i,
            "round": c["round"],
            "sender": c["actor"],
            "to": ("ben",),
            "content": TEXT,
        }
        for i, c in enumerate(calls)
        if c["purpose"] == "agent"
    ]
    frame = pd.DataFrame(rows).astype({"round": "Int64"})
    measures = pd.DataFrame(own)
    return ForksOnly(
        frame,
        pd.DataFrame(scores),
        measures[["rollout", "condition"]],
        measures,
        pd.DataFrame(calls),
        pd.DataFrame(said),
    )


TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen"


def cell(table: pd.DataFrame, column: str, **where: str) -> Any:
    """The one value of a column in the row that is so."""
    rows = [row for row in table.to_dict("records") if all(row[name] == told for name, told in where.items())]
    assert len(rows) == 1, where
    return rows[0][column]


def value(text: Any) -> float:
    assert not pd.isna(text)
    return float(text)


@pytest.fixture(scope="module")
def many() -> ForksOnly:
    return runner(240, 5)


# --- shares -----------------------------------------------------------------------------------------------------------


def test_shares_by_round_are_recovered_with_judge_noise_last(many: ForksOnly) -> None:
    found = attribution(many.run)
    table = found.tables["rounds"]
    assert table["term"].tolist() == ["round 1", "round 2", "round 4", "judge noise", "total"]
    assert table["agents"].tolist()[:3] == [("ann",), ("ben", "cat"), ("ann",)]
    truth = {**{f"round {r}": v for r, v in ROUND.items()}, "judge noise": JUDGE**2 / 2}
    truth["total"] = sum(truth.values())
    for term, expected in truth.items():
        low, high = (value(cell(table, f"new_tasks_{end}", term=term)) for end in ("low", "high"))
        assert low - 0.3 * (high - low) < expected < high + 0.3 * (high - low), term
    assert value(table["variance"][:4].sum()) == pytest.approx(value(table["variance"][4]), rel=1e-9)
    assert value(table["share"][:4].sum()) == pytest.approx(1.0)
    assert "round 1 has the largest share" in found.says
    assert "240 parents of 240 tasks" in found.says
    assert "chosen at random" in found.notes[0]
    assert not any("rough" in note for note in found.notes)


def test_agents_of_one_round_share_it_by_shapley(many: ForksOnly) -> None:
    found = attribution(many.run, measure="worth", condition="team")
    turns, agents, rounds = (found.tables[name] for name in ("turns", "agents", "rounds"))
    assert turns["agent"].tolist() == ["ann", "ben", "cat", "interaction", "ann"]
    assert set(turns["method"]) == {"shapley", "beside"}
    ben, cat = (value(cell(turns, "variance", round="2", agent=name)) for name in ("ben", "cat"))
    assert ben + cat == pytest.approx(value(cell(rounds, "variance", term="round 2")), rel=1e-9)
    for name, sd in (("ben", 0.06), ("cat", 0.04)):
        low, high = (value(cell(turns, f"new_tasks_{end}", round="2", agent=name)) for end in ("low", "high"))
        assert low < sd**2 + TOGETHER**2 / 2 < high
    ann = value(cell(agents, "variance", agent="ann"))
    both = value(cell(rounds, "variance", term="round 1")) + value(cell(rounds, "variance", term="round 4"))
    assert ann == pytest.approx(both, rel=1e-9)
    assert agents["agent"].tolist() == ["ann", "ben", "cat"]
    assert [*found.tables][: found.shown] == ["rounds", "agents"]


def test_a_round_whose_turns_were_not_drawn_stays_whole() -> None:
    found = attribution(runner(8, 4, ("0", "1", "2")).run)
    turns, agents = found.tables["turns"], found.tables["agents"]
    assert cell(turns, "method", round="2", agent="ben+cat") == "not split"
    assert agents["agent"].tolist() == ["ann", "not split"]
    assert value(agents["variance"].sum()) == pytest.approx(value(found.tables["rounds"]["variance"][:3].sum()))
    assert any("round 2 is not split by agent" in note for note in found.notes)
    assert any("8 parents: shares are rough with fewer than 30" in note for note in found.notes)
    assert found.shown == 1


def test_no_round_is_said_to_have_most_of_nothing() -> None:
    quiet = runner(8, 4, ("0", "1", "2"))
    places = zip(quiet.forks["fork"], quiet.forks["at"], strict=True)
    quiet.forks["worth"] = [0.5 + 1e-4 * (fork % 2) * (1 + int(at)) for fork, at in places]  # ever more is open
    found = attribution(quiet.run)
    assert (found.tables["rounds"]["share"][:-2] < 0).all()
    assert "no round has a share above 0" in found.says
    assert "largest" not in found.says


def test_rounds_without_a_cut_between_are_one_term() -> None:
    found = attribution(runner(8, 4, ("0", "2")).run)
    assert found.tables["rounds"]["term"].tolist() == ["round 1-2", "round 4", "judge noise", "total"]
    late = attribution(runner(8, 4, ("1", "2")).run)
    assert late.tables["rounds"]["term"].tolist()[0] == "round 2"
    assert any("remains after round 1, because there are no forks at cut 0" in note for note in late.notes)


def test_one_judge_draw_is_not_separable_and_a_judge_that_asks_no_model_has_no_noise() -> None:
    one = runner(8, 4, judges=1)
    found = attribution(one.run)
    assert found.tables["rounds"]["term"].tolist() == ["round 1", "round 2", "round 4", "total"]
    assert any("not separable: some forks have only one judge draw" in note for note in found.notes)
    one.meta = {"judges": {"reader": None}, "tree": {"judges": {"reader": {"kind": "of_ones_own:Reader"}}}}
    sure = attribution(one.run)
    assert value(cell(sure.tables["rounds"], "variance", term="judge noise")) == 0
    same = runner(8, 4)
    same.fork_scores = same.fork_scores.assign(value=50.0)
    assert any("the judge's draws never differ" in note for note in attribution(same.run).notes)


def test_a_parent_that_ended_early_has_nothing_left_open() -> None:
    short = runner(8, 4, ("0", "1", "2"))
    ends = (short.calls["rollout"] == "p0") & (short.calls["round"] > 1)
    short.calls = short.calls[~ends]
    short.forks = short.forks[(short.forks["parent"] != "p0") | (short.forks["at"] == "0")].reset_index(drop=True)
    found = attribution(short.run)
    assert "8 parents" in found.says
    lacking = runner(8, 4, ("0", "1", "2"))
    gap = (lacking.forks["parent"] == "p3") & (lacking.forks["at"] == "1")
    lacking.forks = lacking.forks[~gap].reset_index(drop=True)
    assert any("1 parent excluded, because they lack a cut" in note for note in attribution(lacking.run).notes)


def test_forks_without_outcome_and_fresh_ones_are_left_out_and_counted() -> None:
    some = runner(8, 4)
    before = attribution(some.run).tables["rounds"]["variance"].tolist()
    extra = some.forks[some.forks["fork"] == 1].assign(fresh=True, worth=99.0, rollout="x")
    lost = some.forks[some.forks["fork"] == 2].assign(worth=np.nan, rollout="y")
    some.forks = pd.concat([some.forks, extra, lost], ignore_index=True)
    after = attribution(some.run)
    assert after.tables["rounds"]["variance"].tolist()[:2] == pytest.approx(before[:2])
    assert any("40 forks of the run excluded, without an outcome" in note for note in after.notes)


def test_what_a_run_must_hold() -> None:
    empty = runner(2, 2)
    empty.forks = empty.forks[:0]
    for analyse in (attribution, interventions):
        with pytest.raises(AnalysisError, match="has no forks; `agentlab resample"):
            analyse(empty.run)
    with pytest.raises(AnalysisError, match="no measure 'charm'; it has worth"):
        attribution(runner(2, 2).run, measure="charm")
    with pytest.raises(AnalysisError, match="condition 'solo' of runs/lab has no forks"):
        attribution(runner(2, 2).run, condition="solo")
    with pytest.raises(AnalysisError, match="at each cut"):
        attribution(runner(2, 1).run)
    with pytest.raises(AnalysisError, match="no changed forks; `agentlab resample"):
        interventions(runner(2, 2).run)
    with pytest.raises(AnalysisError, match="has no forks, which a path is made of; `agentlab resample"):
        path(empty.run, "q")
    with pytest.raises(AnalysisError, match="0 forked rollouts of runs/lab are 'q'; rollouts with forks: p0, p1"):
        path(runner(2, 2).run, "q")
    with pytest.raises(AnalysisError, match="2 forked rollouts"):
        path(runner(2, 2).run, "p")
    lone = runner(2, 1)
    lone.measures = lone.measures[:0]
    with pytest.raises(AnalysisError, match="no path: "):
        path(lone.run, "p0")


# --- one rollout ------------------------------------------------------------------------------------------------------


def decided(fresh: bool = False, forks: int = 8) -> ForksOnly:
    """A rollout that round 2 decided, whatever the judge."""
    found = runner(1, forks, ("0", "1", "2"), seed=3)
    rng = np.random.default_rng(4)
    level = {"0": 0.2, "1": 0.2, "2": 0.8}
    found.forks["worth"] = [level[at] + float(rng.normal(0, 0.02)) for at in found.forks["at"]]
    found.measures["worth"] = 0.85
    if fresh:
        again = found.forks.assign(fresh=True, fork=found.forks["fork"] + 1000)
        again["worth"] = [level[at] - (at == "2") * 0.1 + float(rng.normal(0, 0.02)) for at in again["at"]]
        found.forks = pd.concat([found.forks, again], ignore_index=True)
    return found


def doubtful() -> ForksOnly:
    """A rollout with too few forks to say what decided it, and as many fresh ones."""
    found = runner(1, 3, ("0", "1", "2"))
    again = found.forks.assign(fresh=True, fork=found.forks["fork"] + 1000)
    found.forks = pd.concat([found.forks, again], ignore_index=True)
    found.measures["worth"] = found.forks.loc[found.forks["at"] == "2", "worth"].mean()
    return found


def test_the_path_names_the_message_that_decided() -> None:
    found = path(decided().run, "p0")
    table = found.tables["path"]
    assert table["cut"].tolist() == [0, 1, 2, 4]
    assert table["round"].tolist() == ["", "1", "2", "4"]
    assert table["agents"].tolist() == [(), ("ann",), ("ben", "cat"), ("ann",)]
    assert table["decisive"].tolist() == [False, False, True, False]
    assert table["forks"].tolist()[:3] == [8, 8, 8]
    assert pd.isna(table["forks"].iloc[3])
    assert value(table["change"].sum()) == pytest.approx(0.85 - value(table["expected"][0]))
    assert (table["expected_low"] <= table["expected"]).all()
    assert table["change_low"][2] > 0.4
    messages = found.tables["messages"]
    assert messages["sender"].tolist() == ["ben", "cat"]
    assert messages["words"].tolist()[0].endswith("eleven twelve …")
    assert "decided in round 2 (message 1 of ben: “one two" in found.says
    assert "and 1 more" in found.says
    assert found.tables["fresh"].empty
    assert any("biased upward" in note for note in found.notes)


def test_under_eight_forks_no_round_is_said_to_have_decided() -> None:
    found = path(decided(forks=7).run, "p0")
    assert not found.tables["path"]["decisive"].any()
    assert found.headline == "worth: no decisive round was found."
    told = "worth: no round is said to have decided it: this takes 8 forks of a cut, and there are 7"
    assert told in found.notes
    assert path(decided().run, "p0").headline.startswith("worth was decided in round 2")


def test_a_share_ends_where_shares_do() -> None:
    one = VarianceTerm(1.0, None, None, Estimate(1.0, 0.449, 1.551))
    below, interaction = replace(one, share=Estimate(-0.02, -0.56, 0.52)), replace(one, share=Estimate(-0.1, -0.3, 0.1))
    ends = [(row["share_low"], row["share_high"]) for row in (row_of(one), row_of(below), row_of(interaction, True))]
    assert ends == [(0.449, 1.0), (-0.02, 0.52), (-0.3, 0.1)]


@pytest.mark.parametrize(("new", "told"), [((-0.1, 0.1), True), ((-0.3, 0.3), False), ((None, None), False)])
def test_an_interval_for_new_tasks_that_is_narrower_is_told(
    monkeypatch: pytest.MonkeyPatch, new: tuple[float | None, float | None], told: bool
) -> None:
    ends = {"these_tasks_low": -0.2, "these_tasks_high": 0.2, "new_tasks_low": new[0], "new_tasks_high": new[1]}
    rounds = attribution(runner(8, 4).run).tables["rounds"].assign(**ends)
    monkeypatch.setattr("agentlab.analysis.forks.attribution._rounds", Mock(return_value=rounds))
    assert (NARROWER in attribution(runner(8, 4).run).notes) is told


def test_fresh_forks_measure_the_decisive_round_again() -> None:
    found = path(decided(fresh=True).run, "p0")
    (again,) = found.tables["fresh"].to_dict("records")
    assert (again["start"], again["cut"], again["forks"]) == (1, 2, 8)
    assert again["change"] == pytest.approx(0.5, abs=0.03)
    assert again["low"] < 0.5 < again["high"]
    assert value(found.tables["path"]["change"][2]) == pytest.approx(0.6, abs=0.03)
    assert "on 8 fresh forks" in found.says


def test_every_measure_has_its_rows_and_one_without_outcomes_is_a_note() -> None:
    both = decided()
    harm = replace(WORTH, name="harm")
    both.measured = [WORTH, harm]
    both.forks = both.forks.assign(harm=0.5, harm_draws=2)
    both.measures = both.measures.assign(harm=0.5, harm_draws=2)
    found = path(both.run, "p0")
    assert found.tables["path"]["measure"].tolist() == ["worth"] * 4 + ["harm"] * 4
    assert set(found.tables["messages"]["measure"]) == {"worth"}
    assert "worth: expected" in found.says
    assert "harm: expected 0.500 at cut 0" in found.says
    both.forks = both.forks.assign(harm=np.nan)
    both.measures = both.measures.assign(harm=np.nan)
    assert any(note.startswith("harm: no cut of") for note in path(both.run, "p0").notes)
    shares = attribution(replace(runner(8, 4), measured=[WORTH]).run, "worth")
    assert set(shares.tables["agents"]["measure"]) == {"worth"}


def test_no_round_is_named_where_none_can_be_told() -> None:
    found = path(runner(1, 3, ("0", "1", "2")).run, "p0")
    assert not found.tables["path"]["decisive"].any()
    assert found.tables["messages"].empty
    assert "no decisive round found with this many forks." in found.says
    found = path(doubtful().run, "p0")
    (again,) = found.tables["fresh"].to_dict("records")
    assert again["start"] + 1 == again["cut"]
    assert "no decisive round found with this many forks: the largest step, round" in found.says
    assert "is on 3 fresh forks" in found.says


def test_a_path_with_cuts_left_out_is_wider_and_says_so() -> None:
    whole, part = decided(), decided()
    part.forks = part.forks[part.forks["at"] != "1"].reset_index(drop=True)
    wide, narrow = (path(one.run, "p0").tables["path"].set_index("cut").loc[0] for one in (part, whole))
    assert value(wide["expected_low"]) == pytest.approx(value(narrow["expected_low"]), rel=0.05)
    found = path(part.run, "p0")
    assert found.tables["path"]["round"].tolist() == ["", "1-2", "4"]
    assert any("forked at 2 of 3 cuts" in note for note in found.notes)


def test_the_rollouts_own_outcome_carries_the_judges_noise() -> None:
    table = path(decided().run, "p0").tables["path"]
    assert value(table["expected_high"].iloc[-1]) > 0.85 > value(table["expected_low"].iloc[-1])
    one = runner(1, 6, ("0", "1", "2"), judges=1)
    found = path(one.run, "p0")
    last = found.tables["path"].iloc[-1]
    assert [last["expected_low"], last["expected_high"]] == pytest.approx([last["expected"]] * 2)
    assert any("used without a noise estimate" in note for note in found.notes)


def test_no_interval_goes_further_than_outcomes_can() -> None:
    two = runner(1, 2, ("0", "1", "2"))
    two.forks["worth"] = [0.1 + 0.7 * (fork % 2) for fork in two.forks["fork"]]  # t with one degree of freedom
    table = path(two.run, "p0").tables["path"]
    assert (table["expected_low"][:3].tolist(), table["expected_high"][:3].tolist()) == ([0] * 3, [1] * 3)
    assert (table["change_low"][1:3].tolist(), table["change_high"][1:3].tolist()) == ([-1] * 2, [1] * 2)


def test_a_step_to_the_rollouts_own_outcome_is_not_called_fresh_on_both_sides() -> None:
    one = doubtful()
    one.measures["worth"] = 0.99
    found = path(one.run, "p0")
    assert found.tables["fresh"]["cut"].tolist() == [4]
    assert any("ends at the rollout's own outcome, which was not redrawn" in note for note in found.notes)
    assert not any("was not redrawn" in note for note in path(decided(fresh=True).run, "p0").notes)


# --- changes ----------------------------------------------------------------------------------------------------------


def changed(base: ForksOnly, change: str, at: str, by: float) -> ForksOnly:
    """With changed forks beside the plain ones, better than them by so much and a little noise."""
    rng = np.random.default_rng(5)
    treated = base.forks[base.forks["at"] == at].copy()
    treated["change"] = change
    treated["rollout"] = treated["rollout"] + change
    treated["worth"] = treated["worth"] + by + rng.normal(0, 0.01, len(treated))
    return replace(base, forks=pd.concat([base.forks, treated], ignore_index=True))


def both(tables: Mapping[str, pd.DataFrame]) -> list[dict[Any, Any]]:
    """The rows of both tables of effects, joined."""
    place = ["condition", "measure", "change", "at", "pairs"]
    return tables["effects"].merge(tables["intervals"], on=place).to_dict("records")


def test_many_effects_have_one_note_of_a_kind() -> None:
    plain = runner(1, 4)
    each = [changed(plain, f"drop {index}", "1", 0.1).forks for index in range(4)]
    forks = pd.concat([plain.forks, *(one[one["change"] != ""] for one in each)], ignore_index=True)
    found = interventions(replace(plain, forks=forks).run)
    assert sum("1 task: too few for conclusions" in note for note in found.notes) == 1
    assert any(note.startswith("4 effects: 1 task") for note in found.notes)
    shown = columns(found.tables["effects"])
    assert sum(max(map(len, (one.heading, *one.cells))) + 3 for one in shown) <= 140


def test_a_swap_is_compared_with_plain_forks_of_its_cut() -> None:
    found = interventions(changed(runner(7, 4), "swap ben=sim/better", "1", 0.1).run)
    (row,) = both(found.tables)
    assert (row["change"], row["at"], row["parents"], row["tasks"], row["pairs"]) == (
        "swap ben=sim/better",
        "1",
        7,
        7,
        28,
    )
    assert row["difference"] == pytest.approx(0.1, abs=0.01)
    assert row["changed"] - row["plain"] == pytest.approx(row["difference"])
    assert row["new_tasks_low"] < 0.1 < row["new_tasks_high"]
    assert row["these_rollouts_low"] < 0.1 < row["these_rollouts_high"]
    assert pd.isna(row["these_tasks_low"])
    assert row["p"] < 0.001
    assert (row["about"], row["low"], row["high"]) == (
        "new tasks",
        row["new_tasks_low"],
        row["new_tasks_high"],
    )
    assert "never with the parent" in found.notes[0]
    assert "Of 1 effect over 28 pairs of forks, 1 at p < .05" in found.says


def test_a_change_without_a_plain_fork_shows_nothing() -> None:
    base = changed(runner(1, 4), "drop 3", "2", 0.1)
    base.forks = base.forks[(base.forks["change"] != "") | (base.forks["at"] != "2")].reset_index(drop=True)
    found = interventions(base.run)
    (row,) = both(found.tables)
    assert row["difference"] is None or pd.isna(row["difference"])
    assert row["dropped"] == 4
    assert any("no pair of a changed and a plain fork" in note for note in found.notes)
    assert any("4 changed forks without a counterpart" in note for note in found.notes)


def test_one_parent_speaks_for_its_own_log_only_and_indices_are_its_own() -> None:
    one = interventions(changed(runner(1, 5), "edit 3 0a1b2c3d", "2", 0.2).run)
    (row,) = both(one.tables)
    assert row["about"] == "these rollouts"
    assert row["these_rollouts_low"] < 0.2 < row["these_rollouts_high"]
    assert pd.isna(row["new_tasks_low"])
    two = interventions(changed(runner(2, 5), "drop 3", "2", 0.2).run)
    assert any("by its index in each parent's log" in note for note in two.notes)


def doubled(base: ForksOnly) -> ForksOnly:
    """Every parent of a task `tN` again under `copy of tN`, with the same forks: as of a data file with rows twice."""

    def twice(table: pd.DataFrame, *names: str) -> pd.DataFrame:
        again = table.copy()
        for name in names:
            again[name] = "copy of " + again[name].astype("str")
        return pd.concat([table, again], ignore_index=True)

    tasks = base.forks["task"].unique().tolist()
    return replace(
        base,
        forks=twice(base.forks, "rollout", "task", "parent"),
        fork_scores=twice(base.fork_scores, "rollout", "task"),
        rollouts=twice(base.rollouts, "rollout"),
        measures=twice(base.measures, "rollout", "task"),
        calls=twice(base.calls, "rollout"),
        messages=twice(base.messages, "rollout"),
        clusters={name: task for task in tasks for name in (task, f"copy of {task}")},
    )


def test_copies_of_tasks_make_nothing_of_the_forks_more_certain() -> None:
    base = changed(runner(8, 4), "swap ben=sim/better", "1", 0.1)
    once, twice = interventions(base.run), interventions(doubled(base).run)
    (row,), (of_copies,) = both(once.tables), both(twice.tables)
    assert of_copies["tasks"] == 2 * row["tasks"]
    for name in ("difference", "new_tasks_low", "new_tasks_high"):
        assert of_copies[name] == pytest.approx(row[name])
    shares, of_copies = attribution(base.run), attribution(doubled(base).run)
    for name in ("variance", "new_tasks_low", "new_tasks_high", "share", "share_low", "share_high"):
        for table in ("rounds", "turns", "agents"):
            ours, theirs = (found.tables[table][name].to_numpy(dtype=float) for found in (shares, of_copies))
            np.testing.assert_allclose(theirs, ours, rtol=1e-9, err_msg=f"{table} {name}")


def test_few_clusters_say_nothing_of_new_tasks() -> None:
    base = changed(runner(8, 4), "swap ben=sim/better", "1", 0.1)
    clustered = replace(base, clusters={f"t{i}": f"c{i % 4}" for i in range(8)})
    (row,) = both(interventions(clustered.run).tables)
    assert pd.isna(row["new_tasks_low"])
    found = attribution(clustered.run)
    assert found.tables["rounds"]["new_tasks_low"].isna().all()
    assert any("8 tasks in 4 clusters: too few for conclusions about new tasks" in note for note in found.notes)
